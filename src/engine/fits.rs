//! Whether an effect that came from elsewhere (a primary, an AOF) belongs to an account.
//!
//! On the server that decided an effect it always does. What fits leaves the account's invariants
//! whole; what does not is a divergence, and must not be applied.

use super::account::Account;
use super::act::{Entry, Kept};
use super::bounds;
use super::effect::{Change, Count, Effect, HoldChange, Meters, Onto};
use super::extras::Extras;
use super::hold::Hold;
use super::id::Id;
use super::lease::Lease;
use super::limit::{LimitName, Meter, Units};
use super::log;
use super::money::Money;
use super::parts::Parts;
use super::time::Millis;

/// Why an effect does not fit, in a few words.
type Fits = Result<(), &'static str>;

/// Tells whether an effect belongs to this account (or to none, if there is none).
///
/// # Errors
/// Says, in a few words, what does not fit.
pub fn fits(account: Option<&Account>, effect: &Effect) -> Fits {
    if effect.time > Millis::LAST {
        return Err("its time is out of range");
    }
    if let Some(after) = effect.figures.all() {
        after.check(effect.time)?;
    }
    match (account, effect.onto) {
        (None, Onto::Nothing) => {}
        (None, _) => return Err("there is no account to change"),
        (Some(_), Onto::Nothing) => return Err("the account to create exists"),
        (Some(account), Onto::Standing) if effect.time < account.latest => {
            return Err("its time is before the account's");
        }
        (Some(account), _) if effect.figures.all().is_none() => {
            account.record.check(effect.time)?
        }
        (Some(_), _) => {}
    }
    let given = account.map_or(0, Account::last_token);
    if effect.figures.all().is_some_and(|after| after.last_token < given) {
        return Err("it takes back a token");
    }
    if effect.figures.all().is_none() && effect.onto != Onto::Standing {
        return Err("it lacks the account's figures");
    }
    if effect.figures.ledger().is_some_and(|ledger| ledger.prepaid().is_err()) {
        return Err("credits and promo do not fit");
    }
    let at = At { account, effect };
    at.fits_news()?;
    at.fits_change()?;
    at.fits_held()
}

/// An effect, and the account it would change.
struct At<'a> {
    account: Option<&'a Account>,
    effect: &'a Effect,
}

impl At<'_> {
    /// What is told happened after all that is logged; where the clock has gone back, that has too.
    fn fits_news(&self) -> Fits {
        let Some(after) = self.effect.figures.all() else { return Ok(()) };
        let logged = self.account.and_then(|account| account.log().last());
        let since = logged.map_or(Millis::ZERO, |row| row.time.min(self.effect.time));
        log::check_times(&after.news, (since, self.effect.time))
    }

    fn fits_change(&self) -> Fits {
        let full = |name| self.account.is_some_and(|account| !account.has_room_for(name));
        match &self.effect.change {
            Change::Admit(cost) => self.fits_count(&LimitName::Requests, Count::Now(*cost)),
            Change::Meter(meters) => self.fits_meters(meters),
            Change::Remember(entry) if entry.act.space().kept() == Kept::Closed => {
                Err("a hold is closed without its windows")
            }
            Change::Remember(entry) => self.fits_memory(entry),
            Change::Lease(row) => self.fits_lease(&row.0, &row.1),
            Change::Limit(row) if full(&row.0) => Err("there are too many limits"),
            Change::Fail(id) => self.fits_failure(id),
            _ => Ok(()),
        }
    }

    fn extras(&self) -> Option<&Extras> {
        self.account?.parts.extras()
    }

    fn fits_meters(&self, meters: &Meters) -> Fits {
        self.fits_count(&LimitName::Requests, Count::Now(meters.requests))?;
        self.fits_count(&LimitName::Tokens, meters.tokens)?;
        if let Some(scope) = &meters.scope {
            let name = |meter| LimitName::Scoped(meter, scope.scope.clone());
            self.fits_count(&name(Meter::Requests), Count::Now(scope.requests))?;
            self.fits_count(&name(Meter::Tokens), scope.tokens)?;
        }
        match &meters.hold {
            HoldChange::None => Ok(()),
            HoldChange::Put(id, hold) => self.fits_hold(id, hold),
            HoldChange::Close(entry) if entry.act.space().kept() != Kept::Closed => {
                Err("what closes a hold is no end of one")
            }
            HoldChange::Close(entry) => self.fits_memory(entry),
        }
    }

    fn fits_count(&self, name: &LimitName, count: Count) -> Fits {
        let units = match count {
            Count::Now(units) | Count::Raise(units, _) if !units.is_zero() => units,
            _ => return Ok(()),
        };
        if let LimitName::Scoped(..) = name
            && !self.extras().is_some_and(|extras| extras.limits.contains_key(name))
        {
            return Err("a scope without a limit counts nothing");
        }
        // Windows of a clock that went back start empty.
        let standing = self.account.filter(|_| self.effect.onto == Onto::Standing);
        let window = standing.and_then(|account| account.window(name));
        if window.is_some_and(|window| !window.can_count(units, self.effect.time)) {
            return Err("the units do not fit");
        }
        Ok(())
    }

    fn fits_hold(&self, id: &Id, hold: &Hold) -> Fits {
        hold.check(self.effect.time)?;
        let (known, parts) = (self.stored_hold(id), self.account.map(|account| &account.parts));
        let is_open = |known: &Hold| known.lapses > self.through();
        if hold.lapses <= self.effect.time {
            let lapsed = known.as_ref().is_some_and(|known| !is_open(known));
            return if lapsed { Ok(()) } else { Err("a hold is new and has lapsed") };
        }
        let stored = parts.map_or(0, Parts::count_holds);
        let goes = usize::from(self.effect.forget.lapsed);
        if known.is_none() && stored.saturating_sub(goes) >= bounds::STORED_HOLDS {
            return Err("there are too many holds");
        }
        let open = parts.map_or(0, |parts| parts.open(self.through()).count);
        if known.as_ref().is_none_or(|known| !is_open(known)) && open >= bounds::HOLDS {
            return Err("there are too many open holds");
        }
        Ok(())
    }

    fn stored_hold(&self, id: &Id) -> Option<Hold> {
        self.account?.parts.hold(id)
    }

    /// What lapses up to then has lapsed, also when the clock has gone back.
    fn through(&self) -> Millis {
        self.account.map_or(self.effect.time, |account| account.latest.max(self.effect.time))
    }

    /// What is spent and what open holds set aside must fit together.
    fn fits_held(&self) -> Fits {
        let through = self.through();
        let open = |account: &Account| account.parts.open(through).held;
        let mut held = self.account.map_or(Money::ZERO, open);
        let change = &self.effect.change;
        let id = change.hold().map(|(id, _)| id).or(change.remembers().map(|entry| &entry.id));
        let closes =
            change.remembers().is_none_or(|entry| entry.act.space().kept() == Kept::Closed);
        if let Some(known) = id.filter(|_| closes).and_then(|id| self.stored_hold(id))
            && known.lapses > through
        {
            held = held.minus(known.held());
        }
        if let Some((_, hold)) = change.hold()
            && hold.lapses > self.effect.time
        {
            held = held.plus(hold.held()).ok_or("what is held does not fit")?;
        }
        let stored = self.account.map(|account| &account.record.ledger);
        let ledger = self.effect.figures.ledger().or(stored);
        let spent = ledger.map_or(Money::ZERO, |ledger| ledger.spent);
        spent.plus(held).map(|_| ()).ok_or("what is spent and held does not fit")
    }

    fn fits_memory(&self, entry: &Entry) -> Fits {
        let kept = entry.act.space().kept();
        let known = self.account.map_or(0, |account| account.parts.count_entries(kept));
        if entry.time != self.effect.time {
            return Err("an id has another time");
        }
        let goes = usize::from(self.effect.forget.of(kept));
        let fits = known.saturating_sub(goes) < kept.bound();
        if fits { Ok(()) } else { Err("there are too many ids") }
    }

    fn fits_failure(&self, id: &Id) -> Fits {
        let Some(failed) = self.account.and_then(Account::failed) else { return Ok(()) };
        let full = failed.len() >= bounds::FAILED_INVOICES && !failed.contains(id);
        if full { Err("there are too many failed invoices") } else { Ok(()) }
    }

    fn fits_lease(&self, id: &Id, lease: &Lease) -> Fits {
        let (account, effect) = (self.account, self.effect);
        let given = account.map_or(0, Account::last_token);
        let through = self.through();
        let held = account.and_then(Account::leases).and_then(|leases| leases.living(id, through));
        let is_its_own = match held {
            Some(held) => lease.token == held.token,
            None => lease.token > given,
        };
        let last_token = effect.figures.all().map_or(given, |after| after.last_token);
        if !is_its_own || lease.token > last_token {
            return Err("a lease's token is not its own");
        }
        if lease.lapses <= effect.time || lease.lapses > Lease::lapse(lease.ttl, effect.time) {
            return Err("a lease lapses at the wrong time");
        }
        let Some(leases) = account.and_then(Account::leases) else {
            return Ok(());
        };
        if held.is_none() && leases.count(through) >= bounds::LEASES {
            return Err("there are too many leases");
        }
        let others = |quota| {
            let own = held.map_or(Units::ZERO, |lease| lease.count(quota));
            leases.used(quota, through).minus(own)
        };
        let sums = lease.counts.iter().all(|(quota, count)| others(quota).plus(*count).is_some());
        if sums { Ok(()) } else { Err("the use of a quota does not fit") }
    }
}
