//! The rules once more, written from the contract and as naively as can be.
//!
//! A command works on a copy of the account in which all that is due is done. If the copy differs
//! afterwards, the command changed something, and the copy becomes the account; if not, nothing is
//! kept, not even what was due. Windows, holds, leases and remembered ids are plain lists, and
//! everything is summed up when asked for.

pub mod calendar;
pub mod figures;

mod account;
mod admit;
mod holds;
mod limits;
mod log;
mod money;
mod quota;
mod standing;
mod views;
mod windows;

use crate::answer::{Answer, Error, Said};
use crate::script::{Ask, Command, Event, HoldAsk, Token, id_text, is_quota};
pub use account::{Account, Act};
use figures::{Figures, Mode};

/// Whether the command started the time of a lease or an open hold anew.
fn starts_anew(command: &Command, answer: &Answer, before: &Account) -> bool {
    let is_open = |id: u32| before.open.iter().any(|hold| hold.id == id);
    match (command, answer) {
        (Command::Extend { .. }, _) => true,
        (Command::Settle(settle), _) => settle.partial && is_open(settle.id),
        (Command::Reserve { .. }, Answer::Reservation(told)) => {
            told.verdict == "OK" && told.token > 0
        }
        (Command::Renew { .. }, Answer::Reservation(told)) => told.verdict == "OK",
        _ => false,
    }
}

/// The key: an account, or none.
#[derive(Default)]
pub struct Model {
    pub account: Option<Account>,
}

/// What an account is filled with, in place of commands of which one is like the other.
#[derive(Clone, Copy)]
pub enum Fill {
    Act(Act),
    /// A hold of nothing for so long.
    Hold(i64),
    /// A hold of nothing that was settled.
    Settled,
}

impl Model {
    pub fn run(&mut self, command: &Command, figures: &Figures, clock: i64) -> Said {
        if self.account.is_none()
            && let Some(answer) = without_account(command, figures)
        {
            return Said::unchanged(answer);
        }
        let is_new = self.account.is_none();
        let mut account = match &self.account {
            Some(account) => account.clone(),
            None => Account::fresh(command, figures, clock),
        };
        let followed = account.catch_up(figures, clock);
        if command.is_view() {
            return Said::unchanged(account.obey(command, figures));
        }
        if is_new {
            account.is_new();
        }
        let before = account.clone();
        let answer = account.obey(command, figures);
        let answer = answer.and_then(|answer| account.check_sums().map(|()| answer));
        let creates = is_new && matches!(command, Command::Set { .. } | Command::TopUp { .. });
        // What has its time started anew when the account follows the clock back is stored, though
        // it looks as it did before.
        let anew =
            followed && answer.as_ref().is_ok_and(|answer| starts_anew(command, answer, &before));
        let changes = answer.is_ok() && (creates || anew || account != before);
        let records = matches!(command, Command::Spend { .. } | Command::Invoice { .. });
        let takes = changes && (is_new && !records || grows(command, &before, &account));
        let mut events = Vec::new();
        if changes {
            account.notice(command, &before, figures);
            events = std::mem::take(&mut account.events);
            self.account = Some(account);
        }
        Said { answer, changes, takes, events }
    }

    /// Does something under an id never used before, which therefore need not be looked for. The
    /// account has been at this time before.
    pub fn fill(&mut self, id: u32, fill: Fill, figures: &Figures) {
        let account = self.account.as_mut().unwrap();
        account.forget(figures);
        let ttl = if let Fill::Hold(ttl) = fill { Some(ttl) } else { None };
        let hold = HoldAsk { id, amount: 0, ttl };
        match fill {
            Fill::Act(act) => account.record(Some(id), act),
            Fill::Hold(_) => account.set_aside(&hold, &Ask::of_nothing(), figures),
            Fill::Settled => {
                account.set_aside(&hold, &Ask::of_nothing(), figures);
                account.forget(figures);
                account.settle_last();
            }
        }
    }

    /// Whether one more hold of nothing would be admitted, if another one just was.
    pub fn has_place(&self, figures: &Figures) -> bool {
        self.account.as_ref().is_some_and(|account| account.has_place(figures))
    }

    /// The number that a token stands for.
    pub fn token(&self, token: Token, lease: u32) -> i64 {
        let lease = self.account.as_ref().and_then(|account| account.leases.get(&id_text(lease)));
        let last = self.account.as_ref().map_or(0, |account| account.last_token);
        match token {
            Token::Own(more) => lease.map_or(0, |lease| lease.token) + more,
            Token::Last(more) => last + more,
            Token::Exact(token) => token,
        }
    }

    /// The instants at which something happens to the account.
    pub fn instants(&self, event: Event, figures: &Figures) -> Vec<i64> {
        let Some(account) = &self.account else { return Vec::new() };
        let spends = account.spends.iter().map(|spend| spend.time + figures.spend_memory);
        let billings = account.billings.iter().map(|act| act.time + figures.billing_memory);
        let lapses = account.open.iter().map(|hold| hold.lapses);
        let lapsed = lapses.clone().chain(account.lapsed.iter().map(|hold| hold.lapses));
        let ended = lapsed.chain(account.closed.iter().map(|hold| hold.time));
        match event {
            Event::HoldLapses => lapses.collect(),
            Event::HoldForgotten => ended.map(|time| time + figures.hold_memory).collect(),
            Event::LeaseLapses => account.leases.values().filter_map(|row| row.lapses).collect(),
            Event::SlotFrees => {
                account.windows.values().flatten().map(|slot| slot.frees()).collect()
            }
            Event::IdForgotten => spends.chain(billings).collect(),
            Event::PeriodEnds => vec![account.period.1],
        }
    }
}

/// What is answered when there is no account and none is made, not even for a moment.
fn without_account(command: &Command, figures: &Figures) -> Option<Result<Answer, Error>> {
    if let Command::Quotas { name: Some(name) } = command
        && is_quota(name)
        && figures.quota(name).is_none()
    {
        return Some(Err(Error::UnknownQuota));
    }
    if command.is_view() {
        return Some(Ok(Answer::Nothing));
    }
    if matches!(command, Command::Refund { .. }) {
        return Some(Err(Error::NoAccount));
    }
    if figures.new_accounts != Mode::Reject {
        return None;
    }
    match command {
        Command::Set { .. } | Command::TopUp { .. } => None,
        Command::Admit(ask) | Command::Peek(ask) => Some(Ok(admit::unknown(ask))),
        Command::Reserve { .. } | Command::Renew { .. } => Some(Ok(quota::unknown())),
        _ => Some(Err(Error::NoAccount)),
    }
}

fn grows(command: &Command, before: &Account, after: &Account) -> bool {
    let held = |account: &Account, id: u32, name| {
        account.leases.get(&id_text(id)).map_or(0, |lease| lease.count(name))
    };
    match command {
        Command::Admit(ask) => ask.hold.is_some(),
        Command::Reserve { id, wanted, .. } => {
            wanted.iter().any(|(name, _)| held(after, *id, name) > held(before, *id, name))
        }
        _ => false,
    }
}

impl Account {
    fn obey(&mut self, command: &Command, figures: &Figures) -> Result<Answer, Error> {
        match command {
            Command::Admit(ask) => self.admit(ask, figures),
            Command::Peek(ask) => self.peek(ask, figures),
            Command::Spend { amount, id } => self.once(*id, Act::Spend(*amount), figures),
            Command::Settle(settle) => self.settle(settle, figures),
            Command::Void { id } => self.void(*id, figures),
            Command::Extend { id, ttl } => self.extend(*id, *ttl, figures),
            Command::TopUp { amount, id, promo } => {
                let act = if *promo { Act::Promo(*amount) } else { Act::TopUp(*amount) };
                self.once(Some(*id), act, figures)
            }
            Command::Refund { amount, id } => self.once(Some(*id), Act::Refund(*amount), figures),
            Command::Invoice { id, event } => self.invoice(*id, *event, figures),
            Command::Set { .. } => Ok(self.set(command, figures)),
            Command::Suspend { reason } => Ok(self.suspend(reason, figures)),
            Command::Resume => Ok(self.resume(figures)),
            Command::Limit { name, value, max } => self.limit(name, (*value, *max), figures),
            Command::Reserve { id, wanted, ttl } => {
                self.reserve((&id_text(*id), wanted, *ttl), figures)
            }
            Command::Renew { id, token, ttl } => {
                self.renew((&id_text(*id), exact(*token), *ttl), figures)
            }
            Command::Release { id, token } => self.release(&id_text(*id), token.map(exact)),
            Command::Sync { upto, running } => Ok(self.sync(exact(*upto), running)),
            Command::Get => Ok(self.view_account(figures)),
            Command::Quotas { name } => self.view_limits(name.as_deref(), figures),
            Command::Leases { count } => Ok(self.view_leases(*count)),
            Command::Holds { count } => Ok(self.view_holds(*count)),
            Command::Log { count } => Ok(self.view_log(*count)),
        }
    }
}

fn exact(token: Token) -> i64 {
    let Token::Exact(token) = token else { panic!("a token was not looked up") };
    token
}
