//! The account: all that is stored of one judged party.
//!
//! It is one block: plain figures lie in a [`Record`], and a few holds, which not every account has,
//! behind them, for which the block grows and shrinks. What fewer accounts have, and what is many, lies
//! behind one pointer. What can be derived (standing, remaining, the tier by history) is not stored.
//! Only `apply` changes an account; anything may read it.
//! Invariants: [`Account::check`] names them all, and holds after every change.

use std::collections::BTreeSet;

use super::act::{Entry, Kept};
use super::bounds;
use super::extras::LimitKind;
use super::hold::Hold;
use super::id::{Id, Name};
use super::index::Hashing;
use super::lease::Leases;
use super::ledger::Ledger;
use super::limit::{LimitName, Override};
use super::log::{Row, Told};
use super::money::Money;
use super::month::{Anchor, Period};
use super::parts::{HEAD, Parts, size_of_closed, size_of_hold};
use super::standing::Reason;
use super::time::Millis;
use super::window::Window;

/// One account: two cache lines, and room for holds in those that have any.
///
/// How much room is known twice: whoever has an account has its length too, and who has no more than
/// its address finds it at [`ROOM_AT`].
#[repr(C)]
pub struct Account<B: ?Sized = [u8]> {
    /// The time of the last command that changed it.
    pub latest: Millis,
    /// The requests window.
    pub requests: Window,
    /// Its plain figures.
    pub record: Record,
    created: [u8; CREATED],
    room: u16,
    /// What most accounts do not have.
    pub parts: Parts<B>,
}

/// Bytes of an instant up to [`Millis::LAST`].
const CREATED: usize = 6;

/// Where an account says for how many bytes of holds it has room: a native `u16`.
pub const ROOM_AT: usize = std::mem::offset_of!(Account<[u8; 0]>, room);

/// An account without room for holds.
type Bare = Account<[u8; 0]>;

/// The room an account can have, and how it comes to have it. Each fills what the allocator hands
/// out: two holds with an id of 16 bytes, or one with a UUID, at first, and then up to twice as many.
macro_rules! rooms {
    ($($room:literal)*) => {
        const ROOMS: &[usize] = &[0, $($room),*];

        fn with_room(bare: Bare, room: usize) -> Box<Account> {
            match room {
                $($room => bare.with::<$room>(),)*
                _ => bare.with::<0>(),
            }
        }
    };
}

rooms!(96 192 320 384 512 768 1408 2432 3968);

/// The plain figures of an account. A decision works on a copy, so that the account stays as it
/// is until everything is decided.
#[derive(Clone, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Record {
    /// The spending period last begun.
    pub period: Period,
    /// What was told of the account.
    pub told: Told,
    /// Whether a payment method is on file.
    pub payment_method: bool,
    /// Its own anchor day; the platform's if absent.
    pub anchor: Option<Anchor>,
    /// Money.
    pub ledger: Ledger,
    /// The highest tier earned.
    pub earned: Option<Name>,
}

impl Account {
    /// An account that has done nothing yet.
    #[must_use]
    pub fn new(record: Record, now: Millis) -> Box<Self> {
        let created = now.0.to_le_bytes().first_chunk().copied().unwrap_or_default();
        let (requests, parts) = (Window::default(), Parts::EMPTY);
        Bare { latest: now, requests, record, created, room: 0, parts }.with::<0>()
    }

    /// The same account in a block of its own.
    #[must_use]
    pub fn copy(&self) -> Box<Self> {
        let mut copy = with_room(self.bare(self.requests.clone()), self.parts.room());
        self.parts.copy_to(&mut copy.parts);
        copy
    }

    /// The same without its parts, and with this window.
    fn bare(&self, requests: Window) -> Bare {
        let (latest, created, record) = (self.latest, self.created, self.record.clone());
        Bare { latest, requests, record, created, room: 0, parts: Parts::EMPTY }
    }

    /// When it was created.
    #[must_use]
    pub fn created(&self) -> Millis {
        let [a, b, c, d, e, f] = self.created;
        Millis(i64::from_le_bytes([a, b, c, d, e, f, 0, 0]))
    }

    /// Puts a hold in the place of the one with the same id.
    pub fn put_hold(self: &mut Box<Self>, id: &Id, hold: &Hold, hashing: &Hashing) {
        if self.parts.has_few_holds() {
            self.reserve(size_of_hold(id, hold));
        }
        self.parts.put_hold(id, hold, hashing);
    }

    /// Remembers that a hold was closed, which is a hold no longer.
    pub fn close(self: &mut Box<Self>, entry: &Entry, hashing: &Hashing) {
        if !self.parts.close_in_place(entry) {
            self.reserve_for_closed(entry);
            self.parts.close(entry, hashing);
        }
    }

    /// Remembers an act, over what was known of the same id.
    pub fn remember(self: &mut Box<Self>, entry: &Entry, hashing: &Hashing) {
        if entry.act.space().kept() == Kept::Closed {
            self.reserve_for_closed(entry);
        }
        self.parts.record(entry, hashing);
    }

    fn reserve_for_closed(self: &mut Box<Self>, entry: &Entry) {
        if self.parts.has_few_closed() {
            self.reserve(size_of_closed(entry));
        }
    }

    /// Lets what has become few lie side by side, and gives back what is empty.
    pub fn tidy(self: &mut Box<Self>) {
        if self.parts.extras().is_some() {
            if let Some(bytes) = self.fitting(self.parts.bytes_of_few_holds()) {
                self.reserve(bytes);
                self.parts.see_few_holds();
            }
            if let Some(bytes) = self.fitting(self.parts.bytes_of_few_closed()) {
                self.reserve(bytes);
                self.parts.see_few_closed();
            }
            self.parts.drop_empty();
        }
        let (room, used) = (self.parts.room(), self.parts.used());
        let idle = used == 0 || (room > ROOMS[1] && used.saturating_mul(4) <= room);
        if room > 0 && idle {
            self.move_to_room_for(used);
        }
    }

    /// So many bytes, if half the largest room takes them: one that comes and goes then moves no others.
    fn fitting(&self, more: Option<usize>) -> Option<usize> {
        let most = ROOMS.last().map_or(0, |most| most / 2);
        more.filter(|more| self.parts.used().max(HEAD).saturating_add(*more) <= most)
    }

    /// Makes room for so many bytes more of holds, unless they would be too many.
    #[inline(always)]
    fn reserve(self: &mut Box<Self>, more: usize) {
        let used = self.parts.used().max(HEAD).saturating_add(more);
        if used > self.parts.room() {
            self.move_to_room_for(used);
        }
    }

    #[inline(never)]
    fn move_to_room_for(self: &mut Box<Self>, bytes: usize) {
        let Some(room) = ROOMS.iter().find(|room| **room >= bytes) else { return };
        let requests = std::mem::take(&mut self.requests);
        let mut moved = with_room(self.bare(requests), *room);
        self.parts.move_to(&mut moved.parts);
        *self = moved;
    }

    /// What it has of its own for one limit, if anything.
    #[must_use]
    #[inline(always)]
    pub fn own(&self, name: &LimitName) -> Option<Override> {
        self.parts.extras()?.limits.get(name).copied()
    }

    /// The names of the limits it has of its own, in order.
    pub fn own_limits(&self) -> impl Iterator<Item = &LimitName> {
        self.parts.extras().into_iter().flat_map(|extras| extras.limits.keys())
    }

    /// Its leases, if any.
    #[must_use]
    pub fn leases(&self) -> Option<&Leases> {
        self.parts.extras()?.leases.as_deref()
    }

    /// The tier the operator pinned, if any: a tier's name, or `unlimited`.
    #[must_use]
    #[inline(always)]
    pub fn pinned(&self) -> Option<&Name> {
        self.parts.extras()?.pinned.as_ref()
    }

    /// The largest token ever given to a lease; 0 if none was.
    #[must_use]
    pub fn last_token(&self) -> i64 {
        self.parts.extras().map_or(0, |extras| extras.last_token)
    }

    /// Tiers earned before the one earned last.
    #[must_use]
    #[inline(always)]
    pub fn former_tiers(&self) -> &[Name] {
        self.parts.extras().map_or(&[], |extras| &extras.former_tiers)
    }

    /// The window of a limit, if anything was counted in it.
    #[must_use]
    #[inline(always)]
    pub fn window(&self, name: &LimitName) -> Option<&Window> {
        match name {
            LimitName::Requests => Some(&self.requests),
            _ => self.parts.extras()?.windows.get(name),
        }
    }

    /// Why an operator blocked it, if one did.
    #[must_use]
    pub fn blocked(&self) -> Option<&Reason> {
        self.parts.extras()?.blocked.as_deref()
    }

    /// Its failed invoices.
    #[must_use]
    pub fn failed(&self) -> Option<&BTreeSet<Id>> {
        self.parts.extras().map(|extras| &extras.failed)
    }

    /// What changed of its standing, tier and limits, oldest first.
    #[must_use]
    pub fn log(&self) -> &[Row] {
        self.parts.extras().map_or(&[], |extras| &extras.log)
    }

    /// Holds if it may get a limit of this name: it has one, or has room for one more.
    #[must_use]
    pub fn has_room_for(&self, name: &LimitName) -> bool {
        let (Some(extras), Some(kind)) = (self.parts.extras(), LimitKind::of(name)) else {
            return true;
        };
        extras.limits.contains_key(name) || extras.limits_of(kind) < kind.bound()
    }

    /// How many blocks of memory it is made of, nearly: what freeing it costs.
    #[must_use]
    pub fn allocations(&self) -> usize {
        self.parts.count_rows().saturating_add(1)
    }

    /// Memory it takes, in bytes, its own size included.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let parts = self.parts.heap_bytes();
        size_of_val(self).saturating_add(self.requests.heap_bytes()).saturating_add(parts)
    }

    /// Checks every invariant that a stored account keeps.
    ///
    /// # Errors
    /// Says, in a few words, which one does not hold.
    pub fn check(&self) -> Result<(), &'static str> {
        let time = |time: Millis| (Millis::ZERO..=Millis::LAST).contains(&time);
        if !time(self.latest) || !time(self.created()) {
            return Err("a time is out of range");
        }
        if usize::from(self.room) != self.parts.room() {
            return Err("the room for holds is not what it is told to be");
        }
        self.record.check(self.latest)?;
        self.parts.check(self.latest)?;
        self.check_held()
    }

    /// What open holds set aside is what the tree of holds says, and fits beside what was spent.
    fn check_held(&self) -> Result<(), &'static str> {
        let (mut held, mut count) = (Some(Money::ZERO), 0_usize);
        for (_, hold) in self.parts.holds_after(self.latest) {
            held = held.and_then(|held| held.plus(hold.held()));
            count = count.saturating_add(1);
        }
        let fits = held.and_then(|held| self.record.ledger.spent.plus(held)).is_some();
        let known = self.parts.open(self.latest);
        if held != Some(known.held) || known.count != count || !fits {
            return Err("what is held is not the sum of the open holds, or does not fit");
        }
        if known.count > bounds::HOLDS { Err("there are too many open holds") } else { Ok(()) }
    }
}

impl Bare {
    /// The same account with room for so many bytes of holds, none of which is in use.
    fn with<const N: usize>(self) -> Box<Account> {
        let Self { latest, requests, record, created, .. } = self;
        let (room, parts) = (u16::try_from(N).unwrap_or(0), Parts::<[u8; N]>::EMPTY);
        Box::new(Account { latest, requests, record, created, room, parts })
    }
}

impl Clone for Box<Account> {
    fn clone(&self) -> Self {
        self.copy()
    }
}

impl std::fmt::Debug for Account {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut all = out.debug_struct("Account");
        all.field("latest", &self.latest).field("requests", &self.requests);
        all.field("record", &self.record).field("created", &self.created());
        all.field("parts", &&self.parts).finish()
    }
}

impl Record {
    /// Checks the figures of an account that was last changed at `latest`.
    ///
    /// # Errors
    /// Says, in a few words, what does not hold.
    pub fn check(&self, latest: Millis) -> Result<(), &'static str> {
        // One period more than the latest time can lie in the future: a clock that went back.
        let far = Millis::LAST.plus(Millis(bounds::YEAR_MS));
        if self.period.end() > far {
            return Err("the period is out of range");
        }
        if self.period.is_over(latest) {
            return Err("the period was over when last changed");
        }
        if self.ledger.prepaid().is_err() {
            return Err("credits and promo do not fit");
        }
        self.told.check()
    }
}

/// An account for tests.
#[cfg(test)]
pub fn any_account() -> Box<Account> {
    let record = Record {
        period: Period::containing(Anchor::FIRST, Millis(0)),
        told: Told::default(),
        payment_method: false,
        anchor: None,
        ledger: Ledger::default(),
        earned: None,
    };
    Account::new(record, Millis(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_with_nothing_open_is_one_allocation_of_128_bytes() {
        assert_eq!((size_of::<Bare>(), size_of::<Account<[u8; 64]>>()), (128, 192));
    }

    #[test]
    fn an_account_says_how_much_room_it_has_as_it_grows_and_shrinks() {
        let (mut account, hashing) = (any_account(), Hashing::with_seeds([1, 2, 3, 4]));
        let room = |account: &Account| (usize::from(account.room), account.parts.room());
        let mut rooms = vec![room(&account)];
        for number in 0..10 {
            let id = Id::new(&[number; 16]).expect("an id");
            account.put_hold(&id, &Hold::new(Money::dollars(1), Millis(9), Millis(0)), &hashing);
            rooms.push(room(&account));
        }
        account.parts.forget_holds(9);
        account.tidy();
        rooms.push(room(&account));
        rooms.dedup();
        assert_eq!(rooms, [(0, 0), (96, 96), (192, 192), (320, 320), (384, 384), (96, 96)]);
    }
}
