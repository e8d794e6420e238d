//! The one path of every command.
//!
//! Open the key, parse, read the clock once, decide, send on and apply, count, reply. No command
//! opens a key, propagates or replies by itself.

use std::borrow::Cow;
use std::ffi::c_int;

use super::ahead;
use super::events;
use super::ffi::{Ctx, OK, Str, api, begin_change, bytes, guarded, reply_error, warn};
use super::keys::{Key, WrongType};
use super::prepared;
use super::propagate;
use super::reply::Client;
use super::state::{self, State};
use super::watch;
use crate::codec;
use crate::command::args::{Args, Words};
use crate::command::clock::Move;
use crate::command::error::{Code, Error};
use crate::command::setting::Settings;
use crate::command::{Command, Doc, Host, Keyless};
use crate::engine::account::Account;
use crate::engine::decide::{Missing, Request, Rules, judge};
use crate::engine::effect::Effect;
use crate::engine::log::Event;
use crate::engine::time::Millis;
use crate::engine::verdict::Refusal;

/// A command's words, where the server keeps them.
struct ServerWords {
    first: *mut Str,
    count: usize,
}

impl Words for ServerWords {
    fn count(&self) -> usize {
        self.count
    }

    fn word(&self, at: usize) -> &[u8] {
        if at >= self.count {
            return &[];
        }
        // SAFETY: the server keeps `count` live strings there until the command ends.
        unsafe { bytes(*self.first.add(at)) }
    }
}

/// Why a command is not answered.
enum Failure {
    Error(Error),
    WrongType,
}

impl Failure {
    fn line(&self) -> Cow<'_, str> {
        match self {
            Self::Error(error) => error.line().into(),
            Self::WrongType => {
                "WRONGTYPE Operation against a key holding the wrong kind of value".into()
            }
        }
    }
}

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

/// What the server calls for a command about one account.
pub(super) unsafe extern "C" fn command<C: Command>(
    ctx: Ctx,
    first: *mut Str,
    count: c_int,
) -> c_int {
    let words = ServerWords { first, count: usize::try_from(count).unwrap_or(0) };
    guarded_reply(ctx, |client| {
        let mut told = Vec::new();
        let ran = state::with(|state| run::<C>(&words, state, client, &mut told));
        if !told.is_empty() {
            // SAFETY: something happened to an account, so its key is there, and lives till the end.
            events::send(ctx, unsafe { *first.add(1) }, told);
        }
        ran
    })
}

/// What the server calls for a command about no account.
pub(super) unsafe extern "C" fn keyless<C: Keyless>(
    ctx: Ctx,
    first: *mut Str,
    count: c_int,
) -> c_int {
    let words = ServerWords { first, count: usize::try_from(count).unwrap_or(0) };
    let doc: &'static Doc = &C::DOC;
    guarded_reply(ctx, |client| {
        if prepared::write(client) {
            return Some(Ok(()));
        }
        state::with(|state| Ok(C::run(Args::after(1, &words, doc), state, client)?))
    })
}

/// What the server calls for FW.APPLY and FW.LOAD.
pub(super) unsafe extern "C" fn internal<const LOAD: bool>(
    ctx: Ctx,
    first: *mut Str,
    count: c_int,
) -> c_int {
    let body = || {
        if count != 3 {
            return reply_error(ctx, "ERR two arguments are needed: a key and its bytes");
        }
        // SAFETY: the server keeps three live strings there until the command ends.
        let (key, blob) = unsafe { (*first.add(1), *first.add(2)) };
        if LOAD {
            propagate::load_account(ctx, key, blob)
        } else {
            propagate::apply_effect(ctx, key, blob)
        }
    };
    guarded(body).unwrap_or_else(|| {
        state::with(|state| state.counters.diverged());
        reply_error(ctx, INTERNAL)
    })
}

const INTERNAL: &str = "ERR the module failed inside, and nothing changed; please report it";

/// Runs a command, which the state may be too busy for, and answers what went wrong.
fn guarded_reply(ctx: Ctx, run: impl FnOnce(&mut Client) -> Option<Result<(), Failure>>) -> c_int {
    let mut client = Client::new(ctx);
    // What leaves the guard is small: a failure would be copied, even where there is none.
    let answered = guarded(|| match run(&mut client) {
        Some(Ok(())) => true,
        Some(Err(failure)) => {
            client.fail(&failure.line());
            true
        }
        None => false,
    });
    if answered == Some(true) { OK } else { client.fail(INTERNAL) }
}

/// Answers a command. What is to be told to others is left in `told`: whoever hears of it may call
/// the module, whose state must not be in use then.
fn run<C: Command>(
    words: &ServerWords,
    state: &mut State,
    client: &mut Client,
    told: &mut Vec<Event>,
) -> Result<(), Failure> {
    let ctx = client.ctx;
    // One that is never copied, because every command would pay for it.
    let doc: &'static Doc = &C::DOC;
    if words.count < 2 {
        return Err(Args::after(1, words, doc).missing("key").into());
    }
    // SAFETY: there are at least two live strings.
    let name = unsafe { *words.first.add(1) };
    // Opened before anything is read, so that the account comes meanwhile.
    let opened = Key::open(ctx, name, C::ACCESS, state.account_type);
    fetch_holds(words, &opened);
    // Looked at where it lies, as the decision is: neither is ever copied.
    let parsed = C::parse(Args::after(2, words, doc), &state.settings.policy);
    let request = match &parsed {
        Ok(request) => request,
        Err(error) => return Err(error.clone().into()),
    };
    fault!("parsed");
    let policy = &state.settings.policy;
    let Ok(mut key) = opened else {
        // What is wrong whatever the key holds is said first.
        return match request.missing(policy) {
            Missing::Refuse(refusal @ Refusal::UnknownQuota(_)) => Err(refusal.into()),
            _ => Err(Failure::WrongType),
        };
    };
    let clock = time_while_fetching(state, key.account(), request);
    let rules = Rules { policy, clock, hashing: &state.hashing };
    let judged = judge(request, key.account(), &rules);
    let decision = match &judged {
        Ok(decision) => decision,
        Err(refusal) => {
            let error = Error::from(refusal.clone());
            if error.code == Code::Conflict {
                state.counters.conflict();
            }
            return Err(error.into());
        }
    };
    fault!("judged");
    if let Some(effect) = &decision.effect {
        if decision.takes && is_out_of_memory() {
            let text = "the server has no memory to spare; nothing was taken";
            return Err(Error::of(Code::Oom, text).into());
        }
        make_so(&mut key, effect, state)?;
    }
    drop(key);
    if let Some(effect) = decision.effect.as_ref().filter(|effect| effect.figures.all().is_some()) {
        told.extend(effect.events());
    }
    state.counters.tally(C::tally(&decision.answer));
    C::reply(&decision.answer, client);
    Ok(())
}

/// Has the account's holds fetched, if the command may look at them: with fewer words none is asked for.
#[inline(always)]
fn fetch_holds(words: &ServerWords, opened: &Result<Key, WrongType>) {
    if let Ok(key) = opened
        && words.count > 4
    {
        key.fetch_holds();
    }
}

/// The time. What lies apart from the account, and will be looked at, is fetched ahead.
#[inline(always)]
fn time_while_fetching<R: Request>(
    state: &State,
    account: Option<&Account>,
    request: &R,
) -> Millis {
    let now = state.clock.now();
    if let Some(account) = account {
        // No window counts what happened already.
        if !request.records() {
            ahead::slots(account, now);
        }
        if request.recalls().is_some() {
            ahead::extras(account);
        }
    }
    now
}

/// Makes an effect so, here and for replicas and the AOF.
fn make_so(key: &mut Key, effect: &Effect, state: &mut State) -> Result<(), Error> {
    let (ctx, name) = (key.ctx, key.name);
    let State { hashing, scratch, counters, .. } = state;
    begin_change();
    let send = || {
        codec::effect::encode(effect, scratch);
        if !propagate::send(ctx, name, scratch) {
            warn(ctx, "an effect could not be sent on to replicas and the AOF");
            counters.diverged();
        }
        fault!("sent");
    };
    let cleared = key.apply(effect, hashing, send).map_err(Error::malformed)?;
    fault!("applied");
    counters.cleared(cleared);
    #[cfg(debug_assertions)]
    if let Some(Err(broken)) = key.account().map(crate::engine::account::Account::check) {
        warn(ctx, &format!("an invariant does not hold: {broken}"));
        std::process::abort();
    }
    api!(RedisModule_SignalModifiedKey(ctx, name));
    Ok(())
}

/// Holds if more memory is used than the server may use. The flags of a context say the same, but the
/// server then works out all of them.
fn is_out_of_memory() -> bool {
    api!(RedisModule_GetUsedMemoryRatio()) > 1.0
}

impl Host for State {
    fn settings(&self) -> &Settings {
        &self.settings
    }

    fn move_clock(&mut self, to: Move) -> Option<i64> {
        let (time, step) = self.clock.set(to)?;
        if let Some(step) = step {
            watch::log_step(std::ptr::null_mut(), step);
        }
        Some(time.0)
    }
}
