//! Runs a plan, and shortens one that fails.

use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};

use crate::plan::{Plan, Step};
use crate::shorten::shorten;
use crate::tally::Tally;
use crate::world::World;

/// Where a run went wrong, and how.
pub struct Failure {
    at: usize,
    what: String,
}

fn run(plan: &Plan) -> Result<Tally, Failure> {
    let mut world = World::new(plan);
    for (at, step) in plan.steps.iter().enumerate() {
        world.step(step).map_err(|what| Failure { at, what })?;
    }
    let end = plan.steps.len();
    world.end().map_err(|what| Failure { at: end, what: format!("at the end: {what}") })?;
    Ok(world.tally)
}

/// Runs a plan; a panic inside is a failure too.
fn run_caught(plan: &Plan) -> Result<Tally, Failure> {
    catch_unwind(AssertUnwindSafe(|| run(plan))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let what = format!("panic: {}", text.unwrap_or_default());
        Err(Failure { at: plan.steps.len(), what })
    })
}

/// Runs a plan and tells what it did.
///
/// # Panics
/// With the shortest plan that fails, if this one does.
pub fn check(seed: u64, plan: &Plan) -> Tally {
    let first = match run_caught(plan) {
        Ok(tally) => return tally,
        Err(failure) => failure,
    };
    // Hundreds of runs fail while the plan is shortened: only the last one is to be seen.
    let hook = take_hook();
    set_hook(Box::new(|_| {}));
    let with = |steps: &[Step]| Plan { steps: steps.to_vec(), ..plan.clone() };
    let steps = shorten(&plan.steps, |steps| run_caught(&with(steps)).is_err());
    let shortest = with(&steps);
    let failure = run_caught(&shortest).err().unwrap_or(first);
    set_hook(hook);
    panic!("{}", report(seed, &shortest, &failure));
}

fn report(seed: u64, plan: &Plan, failure: &Failure) -> String {
    let mut text = format!("FW_SEED={seed} fails; the shortest script:\n");
    let Plan { start, accounts, syncs, backlog, .. } = plan;
    let _ = writeln!(text, "  from {start}, {accounts} accounts, {syncs:?}, backlog {backlog}");
    for (at, step) in plan.steps.iter().enumerate() {
        let here = if at == failure.at { "  <- here" } else { "" };
        let _ = writeln!(text, "  {step}{here}");
    }
    text + &failure.what
}
