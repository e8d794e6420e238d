//! Runs a history against engine and model, and shortens one in which they differ.

use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};

use crate::answer::Said;
use crate::generate::{LAST, Script};
use crate::model::calendar;
use crate::model::figures::Figures;
use crate::model::{Act, Fill, Model};
use crate::script::{Ask, Command, FIRST_FILLED, Filling, HoldAsk, Invoice, Move};
use crate::script::{Settle, Step, Token};
use crate::shorten::shorten;
use crate::subject::Subject;
use crate::watch::{Seen, Watch};

/// After so many steps primary and replica are compared, and always at the end.
const COMPARE_EVERY: usize = 16;

/// Where a history went wrong, and how.
pub struct Failure {
    at: usize,
    what: String,
}

struct History {
    clock: i64,
    figures: Figures,
    model: Model,
    subject: Subject,
    watch: Watch,
    commands: u64,
    /// The first id that no fill has used.
    unused_id: u32,
}

/// Runs all steps and tells how many commands these were, views after each of them aside.
fn run(script: &Script) -> Result<u64, Failure> {
    let figures = Figures::default_profile();
    let mut history = History {
        clock: script.start,
        subject: Subject::new(&figures),
        figures,
        model: Model::default(),
        watch: Watch::default(),
        commands: 0,
        unused_id: FIRST_FILLED,
    };
    for (at, step) in script.steps.iter().enumerate() {
        let result = history.take(step).and_then(|()| {
            let is_last = at + 1 == script.steps.len();
            history.compare_views()?;
            if at % script.rows_every == 0 || is_last {
                history.compare_rows()?;
            }
            if at % COMPARE_EVERY == 0 || is_last { history.subject.compare() } else { Ok(()) }
        });
        result.map_err(|what| Failure { at, what })?;
    }
    Ok(history.commands)
}

/// Runs a history; a panic inside is a failure too.
fn run_caught(script: &Script) -> Result<u64, Failure> {
    catch_unwind(AssertUnwindSafe(|| run(script))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let what = format!("panic: {}", text.unwrap_or_default());
        Err(Failure { at: script.steps.len(), what })
    })
}

/// Drops steps for as long as the history still fails, and gives the shortest one that does.
pub fn shrink(script: &Script, fails: impl Fn(&Script) -> bool) -> Script {
    let with = |steps: &[Step]| Script { steps: steps.to_vec(), ..script.clone() };
    with(&shorten(&script.steps, |steps| fails(&with(steps))))
}

/// Runs a history and tells how many commands it had.
///
/// # Panics
/// With the shortest script that fails, if this one does.
pub fn check(seed: u64, script: &Script) -> u64 {
    let first = match run_caught(script) {
        Ok(commands) => return commands,
        Err(failure) => failure,
    };
    // Hundreds of runs fail while the history is shortened: only the last one is to be seen.
    let hook = take_hook();
    set_hook(Box::new(|_| {}));
    let shortest = shrink(script, |script| run_caught(script).is_err());
    let failure = run_caught(&shortest).err().unwrap_or(first);
    set_hook(hook);
    panic!("{}", report(seed, &shortest, &failure));
}

fn report(seed: u64, script: &Script, failure: &Failure) -> String {
    let mut text = format!("FW_SEED={seed} fails; the shortest script:\n");
    let _ = writeln!(text, "  clock {}", script.start);
    for (at, step) in script.steps.iter().enumerate() {
        let here = if at == failure.at { "  <- here" } else { "" };
        let _ = writeln!(text, "  {step}{here}");
    }
    text + &failure.what
}

impl History {
    fn take(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Clock(moved) => self.move_clock(*moved),
            Step::Policy(setting) => {
                setting.clone().put(&mut self.figures);
                self.subject.follow_policy(&self.figures);
            }
            Step::Delete => {
                self.model.account = None;
                self.subject.delete();
                self.watch.forget();
            }
            Step::Fill(filling, count) => self.fill(*filling, *count)?,
            Step::Command(command) if command.is_malformed(&self.figures) => {}
            Step::Command(command) => {
                let command = self.look_up(command);
                self.compare(&command)?;
                self.commands += 1;
            }
        }
        Ok(())
    }

    /// What the watch needs to have seen before the next step.
    fn compare_views(&mut self) -> Result<(), String> {
        self.compare(&Command::Get)?;
        self.compare(&Command::Quotas { name: None })?;
        Ok(())
    }

    fn compare_rows(&mut self) -> Result<(), String> {
        self.compare(&Command::Leases { count: usize::MAX })?;
        self.compare(&Command::Holds { count: usize::MAX })?;
        self.compare(&Command::Log { count: usize::MAX })?;
        Ok(())
    }

    fn compare(&mut self, command: &Command) -> Result<Said, String> {
        let expected = self.model.run(command, &self.figures, self.clock);
        let said = self.subject.run(command, self.clock)?;
        if said != expected {
            return Err(format!("{command}\n  engine: {said:?}\n  model:  {expected:?}"));
        }
        if said.changes {
            self.subject.check()?;
        }
        let account = self.subject.account();
        self.watch.see(&Seen { command, said: &said, account, clock: self.clock })?;
        Ok(said)
    }

    /// Fills the account. The first of the commands is compared; the others are like it.
    fn fill(&mut self, filling: Filling, count: u32) -> Result<(), String> {
        if self.model.account.is_none() {
            return Ok(());
        }
        let ids = self.unused_id..self.unused_id + count;
        self.unused_id = ids.end;
        let fill = match filling {
            Filling::Spends => Fill::Act(Act::Spend(0)),
            Filling::Billings => Fill::Act(Act::Promo(1)),
            Filling::Holds(ttl) => Fill::Hold(ttl),
            Filling::Settled => Fill::Settled,
            Filling::Leases(_) | Filling::Invoices => {
                let commands = ids.flat_map(|id| filled(filling, id));
                return commands.into_iter().try_for_each(|command| {
                    self.compare(&command)?;
                    Ok(())
                });
            }
        };
        for (at, id) in ids.enumerate() {
            let is_hold = matches!(filling, Filling::Holds(_) | Filling::Settled);
            if at == 0 {
                for command in filled(filling, id) {
                    if !self.compare(&command)?.changes {
                        return Ok(());
                    }
                }
            } else if is_hold && !self.model.has_place(&self.figures) {
                break;
            } else {
                filled(filling, id).iter().try_for_each(|command| self.subject_alone(command))?;
                self.model.fill(id, fill, &self.figures);
            }
        }
        self.subject.check()
    }

    /// A command that must change the account, and that the model does not hear of.
    fn subject_alone(&mut self, command: &Command) -> Result<(), String> {
        let said = self.subject.run(command, self.clock)?;
        if !said.changes {
            return Err(format!("{command} changes nothing: {said:?}"));
        }
        let account = self.subject.account();
        self.watch.see(&Seen { command, said: &said, account, clock: self.clock })
    }

    fn move_clock(&mut self, moved: Move) {
        let next = |times: Vec<i64>, more: i64| {
            times.into_iter().map(|time| time + more).filter(|time| *time > self.clock).min()
        };
        let to = match moved {
            Move::Ahead(ms) => self.clock + ms,
            Move::Back(ms) => self.clock - ms,
            Move::MonthEnd(more) => calendar::next_after(1, self.clock) + more,
            Move::Next(event, more) => {
                next(self.model.instants(event, &self.figures), more).unwrap_or(self.clock)
            }
        };
        self.clock = to.clamp(0, LAST);
    }

    /// The command with the tokens that are meant.
    fn look_up(&self, command: &Command) -> Command {
        let mut command = command.clone();
        let exact = |token, lease| Token::Exact(self.model.token(token, lease).max(0));
        match &mut command {
            Command::Renew { id, token, .. } | Command::Release { id, token: Some(token) } => {
                *token = exact(*token, *id);
            }
            Command::Sync { upto, .. } => *upto = exact(*upto, 0),
            _ => {}
        }
        command
    }
}

/// The commands with which an account is filled under one id.
fn filled(filling: Filling, id: u32) -> Vec<Command> {
    let admit = |ttl| {
        let hold = Some(HoldAsk { id, amount: 0, ttl });
        Command::Admit(Ask { hold, ..Ask::of_nothing() })
    };
    match filling {
        Filling::Spends => vec![Command::Spend { amount: 0, id: Some(id) }],
        Filling::Billings => vec![Command::TopUp { amount: 1, id, promo: true }],
        Filling::Leases(quota) => {
            vec![Command::Reserve { id, wanted: vec![(quota.to_owned(), 1)], ttl: Some(0) }]
        }
        Filling::Invoices => vec![Command::Invoice { id, event: Invoice::Failed }],
        Filling::Holds(ttl) => vec![admit(Some(ttl))],
        Filling::Settled => {
            let settle = Settle { id, amount: 0, tokens: None, partial: false };
            vec![admit(None), Command::Settle(settle)]
        }
    }
}
