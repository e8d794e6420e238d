//! Moments of quiet: all nodes are the same, and an account keeps what was promised of it.

use fw_limits::engine::account::Account;
use fw_limits::engine::act::{Kept, Space};
use fw_limits::engine::decide::{Request, Rules, judge};
use fw_limits::engine::lease::Lease;
use fw_limits::engine::time::Millis;
use fw_limits::engine::view::{ViewAccount, ViewHolds, ViewLeases, ViewLimits};

use crate::answer::Answer;
use crate::model::{Act, calendar};
use crate::past::Fact;
use crate::plan::{NODES, Way};
use crate::promise::id_of;
use crate::script::{Command, Event};
use crate::tell;
use crate::world::World;

const DAY_MS: i64 = 86_400_000;
const YEAR_MS: i64 = 365 * DAY_MS;
/// As long as a window, and as an account's time may be ahead of the clock.
const WINDOW_MS: i64 = 60_000;
/// Ids from here on belong to one command each.
pub const FIRST_OWN: u32 = 1_000_000;

impl World {
    /// Makes everything work, and compares all nodes.
    pub fn quiet(&mut self) -> Result<(), String> {
        self.heal()?;
        self.tally.quiet += 1;
        let stream = &self.nodes[self.primary].stream;
        for node in 0..NODES {
            if self.nodes[node].stream != *stream {
                return Err(format!("node {node} did not receive what the primary sent"));
            }
            for account in 0..self.nodes[node].accounts.len() {
                let compared = self.nodes[node].compare(&self.past, account);
                compared.map_err(|what| format!("node {node}: {what}"))?;
                self.compare_shown(node, account)?;
            }
        }
        (0..self.nodes[0].accounts.len()).try_for_each(|account| self.check(account))
    }

    /// Compares what two nodes have in memory, as often as their bytes are compared.
    fn compare_shown(&self, node: usize, account: usize) -> Result<(), String> {
        let (own, primary) = (&self.nodes[node], &self.nodes[self.primary]);
        if node == self.primary || !own.is_compared(own.accounts[account].place) {
            return Ok(());
        }
        let (shown, expected) = (own.shown(account), primary.shown(account));
        if shown == expected {
            Ok(())
        } else {
            Err(format!("node {node} has another account:\n  {shown}\n  {expected}"))
        }
    }

    /// Checks what was promised of an account.
    fn check(&mut self, account: usize) -> Result<(), String> {
        let node = &mut self.nodes[self.primary];
        let place = node.accounts[account].place;
        node.known[account].follow(&self.past, place);
        let Some(stored) = &node.accounts[account].account else { return Ok(()) };
        stored.check().map_err(|what| format!("check: {what}\n  {stored:?}"))?;
        let known = &node.known[account];
        let failed: Vec<_> = known.failed.iter().map(|id| tell::id(*id)).collect();
        let is_known = |id| failed.contains(id);
        let stored_failed = stored.failed().into_iter().flatten();
        if stored_failed.clone().count() != failed.len() || !stored_failed.clone().all(is_known) {
            return Err(format!("failed invoices are {failed:?}, not {:?}", stored.failed()));
        }
        self.check_sums(account)?;
        self.check_times(account)
    }

    /// Every charge on the way to the account is in its books, once.
    fn check_sums(&self, account: usize) -> Result<(), String> {
        let place = self.nodes[self.primary].accounts[account].place;
        let (mut charged, mut token) = (0, 0);
        for at in self.past.way_to(place) {
            let entry = self.past.at(at);
            charged += entry.charged;
            if entry.book.last_token < token {
                return Err("a token was given twice".to_owned());
            }
            token = entry.book.last_token;
        }
        let booked = self.past.at(place).book.charged_ever();
        if booked == charged {
            Ok(())
        } else {
            Err(format!("{charged} was charged, and {booked} is in the books"))
        }
    }

    /// Nothing has more left than its own time to live.
    fn check_times(&self, account: usize) -> Result<(), String> {
        let now = self.account_time(account);
        let holds = self.view(account, &ViewHolds { count: usize::MAX });
        for row in holds.into_iter().flatten() {
            let left = row.hold.lapses.0 - now;
            if left <= 0 || left > row.hold.ttl().0 {
                return Err(format!("at {now} a hold has the wrong time left: {row:?}"));
            }
        }
        let leases = self.view(account, &ViewLeases { count: usize::MAX });
        for row in leases.into_iter().flatten() {
            let Lease { lapses, ttl, .. } = row.lease;
            if lapses.0 <= now || lapses > Lease::lapse(ttl, Millis(now)) {
                return Err(format!("at {now} a lease has the wrong time left: {row:?}"));
            }
        }
        let Some(row) = self.view(account, &ViewAccount) else { return Ok(()) };
        let second =
            calendar::next_after(row.anchor.day(), calendar::next_after(row.anchor.day(), now));
        // An account that is not behind its clock may keep a period that another anchor began.
        if row.period.end().0 <= now || row.period.end().0 > second + 31 * DAY_MS {
            return Err(format!("at {now} the period is {:?}", row.period));
        }
        Ok(())
    }

    fn view<V: Request>(&self, account: usize, view: &V) -> V::Answer
    where
        V::Answer: Default,
    {
        let node = &self.nodes[self.primary];
        let clock = Millis::clock(node.clock(self.time));
        let rules = Rules { policy: &node.policy, clock, hashing: node.hashing() };
        let decision = judge(view, node.accounts[account].account.as_deref(), &rules);
        decision.map(|decision| decision.answer).unwrap_or_default()
    }

    fn account_time(&self, account: usize) -> i64 {
        let node = &self.nodes[self.primary];
        let clock = node.clock(self.time);
        let latest = node.accounts[account].account.as_ref().map_or(0, |it| it.latest.0);
        if latest - clock > WINDOW_MS { clock } else { latest.max(clock) }
    }

    /// The next such instant of an account, as far as it is easily told.
    pub fn instant(&self, account: usize, event: Event) -> Option<i64> {
        let node = &self.nodes[self.primary];
        let stored: &Account = node.accounts[account].account.as_ref()?;
        let now = Millis(self.account_time(account));
        let oldest = |kept, memory: Millis| {
            let entry = stored.parts.entries(kept).next()?;
            Some(entry.time.plus(memory))
        };
        let instant = match event {
            Event::HoldLapses => stored.parts.next_lapse(now)?,
            Event::HoldForgotten => oldest(Kept::Closed, node.policy.hold_memory)?,
            Event::LeaseLapses => {
                let living = stored.leases()?.all_living(stored.latest);
                living.map(|(_, lease)| lease.lapses).min()?
            }
            Event::SlotFrees => stored.requests.slots().next()?.frees(),
            Event::IdForgotten => oldest(Kept::Spends, node.policy.spend_memory)?,
            Event::PeriodEnds => stored.record.period.end(),
        };
        (instant != Millis::NEVER).then_some(instant.0)
    }

    /// The end: clocks are right, clients send again what they have no answer to and what they
    /// cannot be sure of, and time goes on until all has lapsed.
    pub fn end(&mut self) -> Result<(), String> {
        self.nodes.iter_mut().for_each(crate::node::Node::right_clock);
        self.quiet()?;
        self.count_lost();
        for at in 0..self.sent.len() {
            if self.is_due_again(at) {
                self.tally.retries += 1;
                let said = self.deliver_to(at, (self.primary, Way::Answered, 0))?;
                self.check_once(at, said.is_some_and(|said| said.answer.is_ok()))?;
            }
        }
        // Until something is stored, an account that is only looked at follows the clock back anew
        // each time: its holds and leases keep the whole of their TTL.
        (0..self.nodes[0].accounts.len()).try_for_each(|at| self.touch(at))?;
        self.quiet()?;
        self.pass(2 * WINDOW_MS);
        (0..self.nodes[0].accounts.len()).try_for_each(|at| self.check_windows_whole(at))?;
        self.pass(DAY_MS);
        (0..self.nodes[0].accounts.len()).try_for_each(|at| self.check_lapsed(at))?;
        self.pass(YEAR_MS);
        (0..self.nodes[0].accounts.len()).try_for_each(|at| self.check_leases(at))?;
        self.quiet()
    }

    fn touch(&mut self, account: usize) -> Result<(), String> {
        if self.nodes[self.primary].accounts[account].account.is_none() {
            return Ok(());
        }
        let id = Some(2 * FIRST_OWN);
        self.serve(self.primary, account, &Command::Spend { amount: 0, id }).map(drop)
    }

    /// Counts charges that were answered as done and are so no longer.
    fn count_lost(&mut self) {
        let lost = self.sent.iter().filter(|told| {
            let charge = matches!(told.command, Command::Spend { .. });
            let own = own_id(&told.command).is_some();
            charge && own && told.change.is_some() && !self.is_known(told.account, &told.command)
        });
        self.tally.lost += lost.count() as u64;
    }

    fn is_known(&self, account: usize, command: &Command) -> bool {
        let known = &self.nodes[self.primary].known[account];
        id_of(command).is_some_and(|(space, id, _)| known.used(space, id).is_some())
    }

    /// A careful client sends again, within the memory, what has no answer or may be lost.
    fn is_due_again(&self, at: usize) -> bool {
        let told = &self.sent[at];
        let Some((space, id, _)) = own_id(&told.command) else {
            return !told.is_answered;
        };
        let memory = self.memories.of(space).0;
        let known = &self.nodes[self.primary].known[told.account];
        let used = known.used(space, id);
        used.is_none_or(|used| self.account_time(told.account) < used.time + memory)
    }

    /// A command with an id of its own is on the way to the account once, and again only where it
    /// was forgotten.
    fn check_once(&self, at: usize, is_done: bool) -> Result<(), String> {
        let told = &self.sent[at];
        let Some((space, id, act)) = own_id(&told.command) else { return Ok(()) };
        let memory = self.memories.of(space).0;
        let place = self.nodes[self.primary].accounts[told.account].place;
        let (mut before, mut was, mut is_there): (Option<i64>, i64, bool) = (None, 0, false);
        for entry in self.past.way_to(place).into_iter().map(|place| self.past.at(place)) {
            if entry.rewound {
                let remembered = before.filter(|time| was < time + memory);
                before = remembered.map(|time| time.min(entry.time));
            }
            was = entry.time;
            let Fact::Did(its_space, its_id, its_act) = entry.fact else { continue };
            if (its_space, its_id) != (space, id) {
                continue;
            }
            let doubled = before.is_some_and(|time| entry.time < time + memory);
            if doubled || its_act != act {
                return Err(format!("#{} was done twice", told.number));
            }
            before = Some(entry.time);
            is_there = true;
        }
        if is_done && !is_there {
            return Err(format!("#{} was answered, and is not done", told.number));
        }
        Ok(())
    }

    fn check_windows_whole(&self, account: usize) -> Result<(), String> {
        let rows = self.view(account, &ViewLimits { name: None });
        let Answer::Limits(rows) = tell::limits(rows) else { return Ok(()) };
        let is_window = |name: &str| name.starts_with("requests") || name.starts_with("tokens");
        match rows.iter().find(|row| is_window(&row.name) && row.used != 0) {
            Some(row) => Err(format!("after a minute a window is not whole: {row:?}")),
            None => Ok(()),
        }
    }

    fn check_lapsed(&self, account: usize) -> Result<(), String> {
        match self.view(account, &ViewAccount) {
            Some(row) if row.open_holds > 0 || !row.statement.held.is_zero() => {
                Err(format!("after a day holds are open: {row:?}"))
            }
            _ => Ok(()),
        }
    }

    fn check_leases(&self, account: usize) -> Result<(), String> {
        let rows = self.view(account, &ViewLeases { count: usize::MAX });
        match rows.into_iter().flatten().find(|row| row.lease.ttl != Millis::ZERO) {
            Some(row) => Err(format!("after a year a lease is held: {row:?}")),
            None => Ok(()),
        }
    }
}

/// The id of a command that has one of its own.
fn own_id(command: &Command) -> Option<(Space, u32, Act)> {
    id_of(command).filter(|(space, id, _)| *id >= FIRST_OWN && *space != Space::Invoice)
}
