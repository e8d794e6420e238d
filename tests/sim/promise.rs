//! The promises of the contract, held against each answer and each change.
//!
//! What an answer must be follows from the facts on the way to the account, the clock and the
//! policy of the node that gave it; the engine's own state is not asked. Where settings of memory
//! change within a run, an id may be known or not between the shortest and the longest of them.

use fw_limits::engine::account::Account;
use fw_limits::engine::act::Space;
use fw_limits::engine::effect::{Change, Count, Effect, HoldChange, Onto};
use fw_limits::engine::limit::{Limit, LimitName, Meter, Source, Units};
use fw_limits::engine::policy::Policy;

use crate::answer::{Answer, Error, Said};
use crate::known::{End, Hold, Known, Used};
use crate::model::{Act, calendar};
use crate::past::{Book, Counted, Fact};
use crate::script::{Ask, Command, Invoice, Settle};
use crate::tell;

const STEP_BACK_MS: i64 = 60_000;

/// A command that was judged.
pub struct Judged<'a> {
    pub command: &'a Command,
    pub said: &'a Said,
    pub effect: Option<&'a Effect>,
    /// The account as it was, if it was.
    pub before: Option<&'a Account>,
    pub book: Book,
    pub known: &'a Known,
    pub policy: &'a Policy,
    pub clock: i64,
    pub memories: &'a Memories,
}

/// The shortest and the longest memory that a setting of the run gives.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memories {
    pub holds: (i64, i64),
    pub spends: (i64, i64),
    pub billings: (i64, i64),
}

impl Memories {
    /// That of the ids of a space.
    pub fn of(&self, space: Space) -> (i64, i64) {
        match space {
            Space::Hold => self.holds,
            Space::Spend => self.spends,
            Space::TopUp | Space::Refund | Space::Invoice => self.billings,
        }
    }
}

/// What a change comes to.
pub struct Meant {
    pub time: i64,
    pub rewound: bool,
    pub fact: Fact,
    pub charged: i128,
    pub book: Book,
}

type Kept = Result<(), String>;

fn must(holds: bool, what: &str) -> Kept {
    if holds { Ok(()) } else { Err(what.to_owned()) }
}

impl Judged<'_> {
    /// Checks the answer, and tells what the change means, if there is one.
    pub fn check(&self) -> Result<Option<Meant>, String> {
        self.check_ids()?;
        let Some(effect) = self.effect else {
            return Ok(None);
        };
        let (now, rewound) = self.moment();
        must(effect.time.0 == now, "the effect has another time than the account")?;
        must((effect.onto == Onto::Rewound) == rewound, "the clock went back, or not")?;
        let fact = self.fact()?;
        let mut book = self.begun(now, rewound);
        let charged = self.account_for(&mut book);
        Ok(Some(Meant { time: now, rewound, fact, charged, book }))
    }

    /// The account's time, and whether it follows the clock back.
    fn moment(&self) -> (i64, bool) {
        let clock = self.clock.max(0);
        match self.before.map(|account| account.latest.0) {
            Some(latest) if latest - clock > STEP_BACK_MS => (clock, true),
            Some(latest) => (latest.max(clock), false),
            None => (clock, false),
        }
    }

    /// The books when what is due is done: the month that ended.
    fn begun(&self, now: i64, rewound: bool) -> Book {
        let mut book = self.book;
        let anchor = self.anchor();
        if !book.exists {
            let period = (calendar::last_at(anchor, now), calendar::next_after(anchor, now));
            book = Book { exists: true, period, ..Book::default() };
        }
        let (start, end) = book.period;
        if rewound {
            let first = calendar::next_after(anchor, now);
            let second = calendar::next_after(anchor, first);
            if end > second {
                book.period = (start.min(first), second);
            }
        } else if now >= end {
            book.archived += book.spent;
            book.spent = 0;
            let next = calendar::next_after(anchor, end);
            book.period = if now < next {
                (end, next)
            } else {
                (calendar::last_at(anchor, now), calendar::next_after(anchor, now))
            };
        }
        if let Command::Set { anchor: Some(day), .. } = self.command
            && self.before.and_then(|account| account.record.anchor).map(|own| own.day())
                != Some(*day)
        {
            let today = now - now % 86_400_000;
            book.period = (book.period.0.min(today), calendar::next_after(*day, now));
        }
        book
    }

    fn anchor(&self) -> u8 {
        let own = self.before.and_then(|account| account.record.anchor);
        own.unwrap_or(self.policy.anchor).day()
    }

    /// Enters a command that was done, and tells what it charged.
    fn account_for(&self, book: &mut Book) -> i128 {
        match self.command {
            Command::Spend { amount, .. } => {
                book.charge(*amount);
                *amount
            }
            Command::Settle(Settle { id, amount, .. }) => {
                let more = amount - self.known.hold(*id).map_or(0, |hold| hold.charged);
                book.charge(more);
                more
            }
            Command::TopUp { .. } | Command::Refund { .. } | Command::Invoice { .. } => {
                if let Some((_, _, act)) = id_of(self.command) {
                    book.act(act);
                }
                0
            }
            _ => 0,
        }
    }

    fn fact(&self) -> Result<Fact, String> {
        let Some(effect) = self.effect else { return Ok(Fact::Nothing) };
        if let Change::Meter(meters) = &effect.change {
            return self.hold_fact(&meters.hold);
        }
        Ok(match self.command {
            Command::Invoice { id, event: Invoice::Failed } => Fact::Failed(*id),
            command => match id_of(command) {
                Some((space, id, act)) => Fact::Did(space, id, act),
                None => Fact::Nothing,
            },
        })
    }

    fn hold_fact(&self, change: &HoldChange) -> Result<Fact, String> {
        let id = match self.command {
            Command::Admit(Ask { hold: Some(hold), .. }) => hold.id,
            Command::Settle(Settle { id, .. })
            | Command::Void { id }
            | Command::Extend { id, .. } => *id,
            _ => return Ok(Fact::Nothing),
        };
        Ok(match (change, self.command) {
            (HoldChange::Put(_, hold), command) => {
                let ttl = hold.ttl().0;
                let since = hold.lapses.0 - ttl;
                let is_late = matches!(command, Command::Settle(_)) && since < self.moment().0;
                must(is_late || since == self.moment().0, "a TTL does not begin now")?;
                let amount = i128::from(hold.amount.nanos());
                let charged = match command {
                    Command::Settle(settle) => settle.amount,
                    Command::Admit(_) => 0,
                    _ => self.known.hold(id).map_or(0, |hold| hold.charged),
                };
                Fact::Hold { id, amount, charged, since, ttl }
            }
            (HoldChange::Close(_), Command::Settle(settle)) => {
                Fact::Closed { id, settled: Some(settle.amount) }
            }
            (HoldChange::Close(_), _) => Fact::Closed { id, settled: None },
            (HoldChange::None, _) => return Err("a hold was not changed".to_owned()),
        })
    }

    fn check_ids(&self) -> Kept {
        match self.command {
            Command::Invoice { id, event: Invoice::Failed } => self.check_failed(*id),
            Command::Admit(Ask { hold: Some(hold), .. }) => {
                self.check_admitted(hold.id, hold.amount)
            }
            Command::Settle(settle) => self.check_settled(settle),
            Command::Void { id } => self.check_voided(*id),
            Command::Extend { id, .. } if self.result() == Some("OK") => {
                let open = self.known.hold(*id).is_some_and(|hold| self.may_be_open(hold));
                must(open, "what is not open was extended")
            }
            command => match id_of(command) {
                Some((space, id, act)) => self.check_once(space, id, act),
                None => Ok(()),
            },
        }
    }

    fn result(&self) -> Option<&'static str> {
        match &self.said.answer {
            Ok(Answer::Statement(statement)) => Some(statement.result),
            Ok(Answer::Admission(admission)) => Some(admission.verdict),
            Ok(_) => None,
            Err(Error::Conflict) => Some("CONFLICT"),
            Err(Error::NoHold) => Some("NOHOLD"),
            Err(_) => None,
        }
    }

    /// Whether what is remembered from the one time or the other on must be known, and whether it
    /// may be.
    fn remembers(&self, since: (i64, i64), (shortest, longest): (i64, i64)) -> (bool, bool) {
        let (now, rewound) = self.moment();
        if !rewound {
            return (now < since.0 + shortest, now < since.1 + longest);
        }
        // It may have been forgotten before the clock went back.
        let was = self.before.map_or(now, |account| account.latest.0);
        let kept = was < since.0 + shortest && now < since.0.min(now) + shortest;
        (kept, now < since.1.min(now) + longest)
    }

    /// Whether an id must be known, and whether it may be.
    fn knows_id(&self, space: Space, used: Option<Used>) -> (bool, bool) {
        let Some(used) = used else { return (false, false) };
        let (must, may) = self.remembers((used.time, used.time), self.memories.of(space));
        (must && !used.may_be_gone, may)
    }

    /// Each id is charged once.
    fn check_once(&self, space: Space, id: u32, act: Act) -> Kept {
        let failed = space == Space::Invoice && self.known.failed.contains(&id);
        let used = self.known.used(space, id).filter(|_| !failed);
        let (must_know, may_know) = self.knows_id(space, used);
        let same = used.is_some_and(|used| used.act == act);
        match self.result() {
            Some("OK") => must(!must_know, "it was done twice under one id"),
            Some("DUPLICATE") => must(may_know && same, "it was not done, and counts as done"),
            Some("CONFLICT") => must(may_know && !same, "a conflict with nothing"),
            _ => Ok(()),
        }
    }

    fn check_failed(&self, id: u32) -> Kept {
        let failed = self.known.failed.contains(&id);
        let used = self.known.used(Space::Invoice, id);
        let (must_know, may_know) = self.knows_id(Space::Invoice, used);
        match self.result() {
            Some("OK") => must(!failed && !must_know, "an invoice failed that was paid"),
            Some("DUPLICATE") => must(failed || may_know, "an invoice did not fail"),
            _ => Ok(()),
        }
    }

    /// Whether a hold must be known, and whether it may be.
    fn knows(&self, hold: Option<Hold>) -> (bool, bool) {
        let Some(hold) = hold else { return (false, false) };
        let lapses = if hold.end == End::None { hold.since + hold.ttl } else { hold.since };
        // Where clocks went back, it may have lapsed at any time since its TTL began.
        let (must_know, may_know) = self.remembers((hold.since, lapses), self.memories.holds);
        (must_know && !hold.may_be_gone, may_know || self.may_be_open(hold))
    }

    fn may_be_open(&self, hold: Hold) -> bool {
        let (now, rewound) = self.moment();
        hold.end == End::None && (rewound || now < hold.since + hold.ttl)
    }

    fn check_admitted(&self, id: u32, amount: i128) -> Kept {
        let hold = self.known.hold(id);
        let (must_know, may_know) = self.knows(hold);
        let same = hold.is_some_and(|hold| hold.amount == amount && self.may_be_open(hold));
        match self.result() {
            Some("OK") => must(!must_know, "a hold was admitted twice"),
            Some("DUPLICATE") => must(same, "a hold was not admitted, and counts as admitted"),
            Some("CONFLICT") => must(may_know, "a conflict with no hold"),
            _ => Ok(()),
        }
    }

    fn check_settled(&self, settle: &Settle) -> Kept {
        let hold = self.known.hold(settle.id);
        let (must_know, may_know) = self.knows(hold);
        let Some(Hold { charged, end, .. }) = hold else {
            let done = matches!(self.result(), Some("OK" | "LATE" | "DUPLICATE" | "CONFLICT"));
            return must(!done, "what was never held was settled");
        };
        let again = settle.partial && end == End::None && settle.amount == charged;
        match self.result() {
            Some("OK" | "LATE") => {
                must(may_know && end == End::None, "a hold was settled twice")?;
                must(settle.amount >= charged, "a hold was settled for less than was charged")
            }
            Some("DUPLICATE") => {
                let settled = end == End::Settled(settle.amount);
                must(
                    may_know && (settled || again),
                    "a hold was not settled, and counts as settled",
                )
            }
            Some("CONFLICT") => must(may_know && !again, "a conflict with nothing"),
            Some("NOHOLD") => must(!must_know, "a hold was forgotten too early"),
            _ => Ok(()),
        }
    }

    fn check_voided(&self, id: u32) -> Kept {
        let hold = self.known.hold(id);
        let (must_know, may_know) = self.knows(hold);
        let end = hold.map(|hold| hold.end);
        match self.result() {
            Some("OK") => must(may_know && end == Some(End::None), "a hold was closed twice"),
            Some("DUPLICATE") => must(may_know && end == Some(End::Voided), "it was not voided"),
            Some("CONFLICT") => must(may_know, "a conflict with nothing"),
            Some("NOHOLD") => must(!must_know, "a hold was forgotten too early"),
            _ => Ok(()),
        }
    }

    /// What windows counted. No 60 s of account time hold more than the limit.
    pub fn count(&self, windows: &mut Vec<LimitName>) -> Result<Vec<Counted>, String> {
        let Some(effect) = self.effect else { return Ok(Vec::new()) };
        let mut counted = Vec::new();
        for (name, count) in counts(effect) {
            let window = number(windows, &name);
            let (at, units) = match count {
                Count::None => continue,
                Count::Now(units) => (effect.time.0, i128::from(units.count())),
                Count::Raise(units, at) => (at.0, i128::from(units.count())),
                Count::Lower(units, at) => (at.0, -i128::from(units.count())),
            };
            counted.push(Counted::Units { window, at, units });
        }
        if let Command::Admit(ask) = self.command {
            self.check_windows(ask, effect, windows)?;
        }
        if let Change::Limit(row) = &effect.change
            && row.1.is_default()
            && matches!(row.0, LimitName::Scoped(..))
        {
            counted.push(Counted::Dropped(number(windows, &row.0)));
        }
        Ok(counted)
    }

    fn check_windows(&self, ask: &Ask, effect: &Effect, names: &mut Vec<LimitName>) -> Kept {
        let mut asked = vec![("requests".to_owned(), ask.cost)];
        asked.push(("tokens".to_owned(), ask.tokens.unwrap_or(0)));
        if let Some(scope) = &ask.scope {
            asked.push((format!("requests@{scope}"), ask.cost));
            asked.push((format!("tokens@{scope}"), ask.tokens.unwrap_or(0)));
        }
        let (now, rewound) = self.moment();
        for (text, units) in asked {
            let name = tell::limit_name(&text);
            let Limit::At(limit) = self.in_force(&name) else { continue };
            let took = counts(effect).into_iter().any(
                |(of, count)| matches!(count, Count::Now(took) if of == name && i128::from(took.count()) == units),
            );
            must(units == 0 || took, "what was admitted was not counted")?;
            let window = number(names, &name);
            let before = if rewound { 0 } else { self.known.counted(window, now) };
            if units > 0 && before + units > i128::from(limit.count()) {
                let limit = limit.count();
                return Err(format!("{} {text} in 60 s, the limit is {limit}", before + units));
            }
        }
        Ok(())
    }

    fn in_force(&self, name: &LimitName) -> Limit<Units> {
        let platform = match name {
            LimitName::Requests => self.policy.requests,
            LimitName::Tokens => self.policy.tokens,
            _ => Limit::Unlimited,
        };
        let own = self.before.and_then(|account| account.own(name)).unwrap_or_default();
        own.in_force(platform, Source::Platform).limit
    }
}

/// What an effect counts in windows.
fn counts(effect: &Effect) -> Vec<(LimitName, Count)> {
    match &effect.change {
        Change::Admit(cost) => vec![(LimitName::Requests, Count::Now(*cost))],
        Change::Meter(meters) => {
            let mut all = vec![
                (LimitName::Requests, Count::Now(meters.requests)),
                (LimitName::Tokens, meters.tokens),
            ];
            if let Some(scope) = &meters.scope {
                let name = |meter| LimitName::Scoped(meter, scope.scope.clone());
                all.push((name(Meter::Requests), Count::Now(scope.requests)));
                all.push((name(Meter::Tokens), scope.tokens));
            }
            all
        }
        _ => Vec::new(),
    }
}

fn number(windows: &mut Vec<LimitName>, name: &LimitName) -> usize {
    windows.iter().position(|known| known == name).unwrap_or_else(|| {
        windows.push(name.clone());
        windows.len() - 1
    })
}

/// The id that makes a command exactly-once, and what it does under it; holds aside.
pub fn id_of(command: &Command) -> Option<(Space, u32, Act)> {
    Some(match command {
        Command::Spend { amount, id: Some(id) } => (Space::Spend, *id, Act::Spend(*amount)),
        Command::TopUp { amount, id, promo: false } => (Space::TopUp, *id, Act::TopUp(*amount)),
        Command::TopUp { amount, id, promo: true } => (Space::TopUp, *id, Act::Promo(*amount)),
        Command::Refund { amount, id } => (Space::Refund, *id, Act::Refund(*amount)),
        Command::Invoice { id, event: Invoice::Paid(amount) } => {
            (Space::Invoice, *id, Act::Paid(*amount))
        }
        Command::Invoice { id, event: Invoice::Voided } => (Space::Invoice, *id, Act::Voided),
        _ => return None,
    })
}
