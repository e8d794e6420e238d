//! Nodes, links, clients and operators: takes the steps of a plan.

use std::rc::Rc;

use fw_limits::codec;
use fw_limits::engine::account::Account;
use fw_limits::engine::decide::admit::Admit;
use fw_limits::engine::decide::{Request, Rules, judge};
use fw_limits::engine::effect::Effect;
use fw_limits::engine::index::Hashing;
use fw_limits::engine::limit::LimitName;
use fw_limits::engine::time::Millis;

use crate::answer::{Answer, Said};
use crate::explained::Explained;
use crate::generate::LAST;
use crate::node::{Link, Node};
use crate::past::{Book, Entry, Past, Place, Sent as Bytes};
use crate::plan::{From, NODES, Plan, Sent, Step, Syncs, Way, Whom};
use crate::promise::{Judged, Meant, Memories};
use crate::script::{Command, Token};
use crate::subject::{Asked, Outcome, change, encoded};
use crate::tally::Tally;
use crate::tell;

/// More than the end of a run takes.
const END_MS: i64 = 2 * 365 * 86_400_000;

pub struct World {
    pub past: Past,
    pub nodes: Vec<Node>,
    pub primary: usize,
    /// The primary of before, while it does not know that it is none.
    pub former: Option<usize>,
    pub time: i64,
    pub tally: Tally,
    pub sent: Vec<Told>,
    pub memories: Memories,
    syncs: Syncs,
    backlog: usize,
    windows: Vec<LimitName>,
    dumps: Vec<Option<(Rc<[u8]>, Place)>>,
}

/// A command that a client sent, and what the client knows of it.
pub struct Told {
    pub number: usize,
    pub account: usize,
    pub command: Command,
    pub is_answered: bool,
    /// The change it made when it was answered, and the change's number in the stream.
    pub change: Option<(Place, usize)>,
    /// The nodes that had synced it by then, and those that said that they had received it.
    synced: [bool; NODES],
    received: [bool; NODES],
}

/// A request, put to an account of a node.
struct Asking<'a> {
    found: Option<&'a Account>,
    rules: Rules<'a>,
    effect: Option<Effect>,
}

impl Asked for Asking<'_> {
    fn ask<R: Request>(&mut self, request: &R, tell: impl Fn(R::Answer) -> Answer) -> Outcome {
        Ok(match judge(request, self.found, &self.rules) {
            Err(refusal) => Said::unchanged(Err(tell::error(&refusal))),
            Ok(decision) => {
                self.effect = decision.effect;
                let changes = self.effect.is_some();
                let answer = Ok(tell(decision.answer));
                Said { answer, changes, takes: decision.takes, events: Vec::new() }
            }
        })
    }

    fn explain(&self, _ask: Admit) -> Option<Explained> {
        None
    }
}

impl World {
    pub fn new(plan: &Plan) -> Self {
        Self {
            past: Past::new(),
            nodes: (0..NODES).map(|at| Node::new(plan, at as u64)).collect(),
            primary: 0,
            former: None,
            time: plan.start,
            tally: Tally::default(),
            sent: Vec::new(),
            memories: plan.memories(),
            syncs: plan.syncs,
            backlog: plan.backlog,
            windows: Vec::new(),
            dumps: vec![None; plan.accounts],
        }
    }

    pub fn step(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Send(sent) => self.send(sent),
            Step::Again { number, way } => self.send_again(*number, *way),
            Step::Time(span) => {
                self.pass_in_time(*span);
                Ok(())
            }
            Step::Until { account, event, more } => {
                let clock = self.nodes[self.primary].clock(self.time);
                let next = self.instant(*account, *event).map(|instant| instant + more);
                self.pass_in_time(next.map_or(0, |next| (next - clock).max(0)));
                Ok(())
            }
            Step::Policy { node, setting } => {
                let nodes = self.nodes.iter_mut().enumerate();
                nodes
                    .filter(|(at, _)| node.is_none_or(|node| node == *at))
                    .for_each(|(_, node)| node.put(setting));
                Ok(())
            }
            Step::Dump { account } => {
                let held = &self.nodes[self.primary].accounts[*account];
                let dump =
                    held.account.as_ref().map(|account| (encoded(account).into(), held.place));
                self.dumps[*account] = dump.or(self.dumps[*account].take());
                Ok(())
            }
            Step::Restore { account } => self.restore(*account),
            Step::Delete { account } => self.delete(*account),
            Step::Quiet => self.quiet(),
            Step::Clock { .. } | Step::Drift { .. } | Step::Right { .. } => {
                self.move_clock(step);
                Ok(())
            }
            _ => self.fault(step),
        }
    }

    fn move_clock(&mut self, step: &Step) {
        match *step {
            Step::Clock { node, by } => {
                self.tally.clock_steps += 1;
                self.nodes[node].step_clock(by);
            }
            Step::Drift { node, ppm } => self.nodes[node].drift(ppm, self.time),
            Step::Right { node } => self.nodes[node].right_clock(),
            _ => {}
        }
    }

    fn fault(&mut self, step: &Step) -> Result<(), String> {
        match *step {
            Step::Stall { node } if self.is_replica(node) && self.flows(node) => {
                self.nodes[node].link = Link::Stalls;
                Ok(())
            }
            Step::Trickle { node, count } if self.stalls(node) => self.deliver(node, count),
            Step::Flow { node } if self.stalls(node) => {
                self.nodes[node].link = Link::Flows;
                self.deliver(node, usize::MAX)
            }
            Step::Cut { node } if self.is_replica(node) => {
                self.nodes[node].link = Link::Gone;
                Ok(())
            }
            Step::Connect { node } if self.is_replica(node) => self.connect(node),
            Step::Sync { node } if self.nodes[node].is_up => {
                self.nodes[node].synced = self.nodes[node].stream.len();
                Ok(())
            }
            Step::Rewrite { node } if self.nodes[node].is_up => {
                self.nodes[node].rewrite();
                Ok(())
            }
            Step::Rewritten { node } if self.nodes[node].is_up => {
                self.nodes[node].rewritten();
                Ok(())
            }
            Step::Save { node } if self.nodes[node].is_up => {
                self.nodes[node].save();
                Ok(())
            }
            Step::Crash { node } if self.nodes[node].is_up => {
                self.tally.crashes += 1;
                self.nodes[node].crash();
                Ok(())
            }
            Step::Start { node, kept, from } if !self.nodes[node].is_up => {
                self.start(node, kept, from)
            }
            Step::Failover => self.fail_over(),
            Step::Demote => self.demote(),
            _ => Ok(()),
        }
    }

    /// Time goes on, but leaves enough of it for the end of the run.
    fn pass_in_time(&mut self, span: i64) {
        self.pass(span.min(LAST - END_MS - self.time).max(0));
    }

    pub fn pass(&mut self, span: i64) {
        self.time = (self.time + span).min(LAST);
        if span >= 1_000 {
            for node in self.nodes.iter_mut().filter(|node| node.is_up) {
                node.synced = node.stream.len();
            }
        }
    }

    fn is_replica(&self, node: usize) -> bool {
        node != self.primary && self.former != Some(node)
    }

    fn flows(&self, node: usize) -> bool {
        self.nodes[node].link == Link::Flows
    }

    fn stalls(&self, node: usize) -> bool {
        self.nodes[node].link == Link::Stalls && self.nodes[self.primary].is_up
    }

    /// Gives a replica what its primary has sent.
    fn deliver(&mut self, node: usize, count: usize) -> Result<(), String> {
        let from = self.nodes[node].stream.len();
        let end = self.nodes[self.primary].stream.len().min(from.saturating_add(count));
        for at in from..end {
            let place = self.nodes[self.primary].stream[at];
            self.tally.applied += 1;
            let taken = self.nodes[node].take(&self.past, place);
            taken.map_err(|what| format!("replica {node}: {what}"))?;
        }
        if self.syncs == Syncs::Always {
            self.nodes[node].synced = end.max(from);
        }
        Ok(())
    }

    /// Connects a replica to the primary: it resumes where its own stream is the beginning of the
    /// primary's and the backlog has the rest, else it gets an RDB file.
    fn connect(&mut self, node: usize) -> Result<(), String> {
        if !self.nodes[node].is_up || !self.nodes[self.primary].is_up {
            return Ok(());
        }
        let (own, all) = (&self.nodes[node].stream, &self.nodes[self.primary].stream);
        let is_beginning = match own.last() {
            Some(last) => all.get(own.len() - 1) == Some(last),
            None => true,
        };
        if is_beginning && all.len() - own.len() <= self.backlog {
            self.tally.resumed += 1;
        } else {
            self.tally.full_syncs += 1;
            if let Ok([replica, primary]) = self.nodes.get_disjoint_mut([node, self.primary]) {
                let synced = replica.sync_fully(&self.past, primary);
                synced.map_err(|what| format!("full sync of {node}: {what}"))?;
            }
            self.forget_promises(node);
        }
        self.nodes[node].link = Link::Flows;
        self.deliver(node, usize::MAX)
    }

    fn start(&mut self, node: usize, kept: usize, from: From) -> Result<(), String> {
        let Node { stream, synced, .. } = &self.nodes[node];
        let kept = synced + (stream.len() - synced) * kept.min(1_000) / 1_000;
        let started = match from {
            From::Aof => self.nodes[node].start_from_aof(&self.past, kept).map(|replayed| {
                self.tally.applied += replayed;
            }),
            From::Rdb => self.nodes[node].start_from_rdb(&self.past),
        };
        started.map_err(|what| format!("start of {node} from {from:?}: {what}"))?;
        if from == From::Aof {
            let lost = |told: &&Told| told.synced[node] && !self.has(node, told);
            if let Some(told) = self.sent.iter().find(lost) {
                return Err(format!("#{} was synced, and is lost", told.number));
            }
        }
        self.forget_promises(node);
        if node == self.primary {
            self.connect_others()
        } else if self.is_replica(node) {
            self.connect(node)
        } else {
            Ok(())
        }
    }

    fn connect_others(&mut self) -> Result<(), String> {
        for node in 0..NODES {
            if self.is_replica(node) && self.nodes[node].link != Link::Gone {
                self.connect(node)?;
            }
        }
        Ok(())
    }

    fn has(&self, node: usize, told: &Told) -> bool {
        told.change.is_none_or(|(place, at)| self.nodes[node].stream.get(at) == Some(&place))
    }

    /// A node that lost changes promises nothing about them any longer.
    fn forget_promises(&mut self, node: usize) {
        let stream = &self.nodes[node].stream;
        for told in &mut self.sent {
            if told.change.is_some_and(|(place, at)| stream.get(at) != Some(&place)) {
                told.synced[node] = false;
                told.received[node] = false;
            }
        }
    }

    fn fail_over(&mut self) -> Result<(), String> {
        let candidates = (0..NODES).filter(|node| self.is_replica(*node));
        let up = candidates.filter(|node| self.nodes[*node].is_up);
        let Some(best) = up.max_by_key(|node| (self.nodes[*node].stream.len(), *node)) else {
            return Ok(());
        };
        self.demote()?;
        self.tally.failovers += 1;
        let lost = |told: &&Told| told.received[best] && !self.has(best, told);
        if let Some(told) = self.sent.iter().find(lost) {
            return Err(format!("#{} was confirmed by {best}, and is lost", told.number));
        }
        self.former = Some(self.primary);
        self.nodes[self.primary].link = Link::Gone;
        self.primary = best;
        self.connect_others()
    }

    fn demote(&mut self) -> Result<(), String> {
        match self.former.take() {
            Some(node) => self.connect(node),
            None => Ok(()),
        }
    }

    /// Makes everything work again.
    pub fn heal(&mut self) -> Result<(), String> {
        for node in 0..NODES {
            if !self.nodes[node].is_up {
                self.start(node, 1_000, From::Aof)?;
            }
        }
        self.demote()?;
        for node in 0..NODES {
            if self.is_replica(node) && self.flows(node) {
                self.deliver(node, usize::MAX)?;
            } else if self.is_replica(node) && self.nodes[node].link == Link::Stalls {
                self.nodes[node].link = Link::Flows;
                self.deliver(node, usize::MAX)?;
            } else if self.is_replica(node) {
                self.connect(node)?;
            }
        }
        Ok(())
    }

    fn send(&mut self, sent: &Sent) -> Result<(), String> {
        let Sent { account, number, command, whom, way, waits } = sent;
        let served = match whom {
            Whom::Primary => self.primary,
            Whom::Former => self.former.unwrap_or(self.primary),
        };
        let command = self.look_up(served, *account, command);
        self.sent.push(Told {
            number: *number,
            account: *account,
            command,
            is_answered: false,
            change: None,
            synced: [false; NODES],
            received: [false; NODES],
        });
        self.deliver_to(self.sent.len() - 1, (served, *way, *waits)).map(drop)
    }

    fn send_again(&mut self, number: usize, way: Way) -> Result<(), String> {
        let Some(at) = self.sent.iter().position(|told| told.number == number) else {
            return Ok(());
        };
        self.tally.retries += 1;
        self.deliver_to(at, (self.primary, way, 0)).map(drop)
    }

    /// A client sends a command to a node, and learns what became of it, or not.
    pub fn deliver_to(
        &mut self,
        at: usize,
        (node, way, waits): (usize, Way, usize),
    ) -> Result<Option<Said>, String> {
        let Told { account, command, .. } = &self.sent[at];
        let (account, command) = (*account, command.clone());
        let is_malformed = command.is_malformed(&self.nodes[node].figures);
        if way == Way::RequestLost || !self.nodes[node].is_up || is_malformed {
            return Ok(None);
        }
        let (said, place) = self.serve(node, account, &command)?;
        if way == Way::ReplyLost {
            return Ok(None);
        }
        let told = &mut self.sent[at];
        told.is_answered = true;
        let Some(place) = place else { return Ok(Some(said)) };
        told.change = Some((place, self.nodes[node].stream.len() - 1));
        told.synced = [false; NODES];
        told.synced[node] = self.syncs == Syncs::Always;
        let has = |(other, its): (usize, &Node)| other != node && its.stream.last() == Some(&place);
        let mut received = [false; NODES];
        self.nodes.iter().enumerate().for_each(|row| received[row.0] = has(row));
        told.received = [false; NODES];
        if waits > 0 && received.iter().filter(|has| **has).count() >= waits {
            self.tally.confirmed += 1;
            told.received = received;
        }
        Ok(Some(said))
    }

    /// A node judges a command, makes it so and sends it on.
    pub fn serve(
        &mut self,
        node: usize,
        account: usize,
        command: &Command,
    ) -> Result<(Said, Option<Place>), String> {
        self.tally.judged += 1;
        let Node { policy, accounts, known, .. } = &mut self.nodes[node];
        let held = &accounts[account];
        known[account].follow(&self.past, held.place);
        let known = std::mem::take(&mut known[account]);
        let policy = policy.clone();
        let node_at = &self.nodes[node];
        let clock = node_at.clock(self.time);
        let rules =
            Rules { policy: &policy, clock: Millis::clock(clock), hashing: node_at.hashing() };
        let held = &node_at.accounts[account];
        let mut asking = Asking { found: held.account.as_deref(), rules, effect: None };
        let said = asking.put(command)?;
        let effect = asking.effect;
        let judged = Judged {
            command,
            said: &said,
            effect: effect.as_ref(),
            before: held.account.as_deref(),
            book: self.past.at(held.place).book,
            known: &known,
            policy: &policy,
            clock,
            memories: &self.memories,
        };
        let wrong = |what: String| format!("{what}\n  {said:?}");
        let meant = judged.check().map_err(wrong)?;
        let counted = judged.count(&mut self.windows).map_err(wrong)?;
        let before = held.place;
        self.nodes[node].known[account] = known;
        let (Some(effect), Some(meant)) = (effect, meant) else { return Ok((said, None)) };
        let Meant { time, rewound, fact, charged, book } = meant;
        self.tally.rewound += u64::from(rewound);
        let sent = Bytes::Effect(Rc::from([]));
        let hash = std::cell::Cell::new(None);
        let entry =
            Entry { account, before, sent, time, rewound, fact, counted, charged, book, hash };
        let place = self.make_so(node, entry, &effect).map_err(wrong)?;
        Ok((said, Some(place)))
    }

    fn make_so(&mut self, node: usize, mut entry: Entry, effect: &Effect) -> Result<Place, String> {
        let account = entry.account;
        let hashing: Hashing = self.nodes[node].hashing().clone();
        let held = &mut self.nodes[node].accounts[account];
        change(&mut held.account, effect, &hashing)?;
        let mut blob = Vec::new();
        codec::effect::encode(effect, &mut blob);
        entry.sent = Bytes::Effect(blob.into());
        if let Some(after) = &held.account {
            entry.book = agree(entry.book, after)?;
        }
        let place = self.past.add(entry);
        self.sent_on(node, account, place)
    }

    /// The change is made; it goes on to the AOF and to replicas.
    fn sent_on(&mut self, node: usize, account: usize, place: Place) -> Result<Place, String> {
        let served = &mut self.nodes[node];
        served.accounts[account].place = place;
        served.stream.push(place);
        if self.syncs == Syncs::Always {
            served.synced = served.stream.len();
        }
        served.compare_sometimes(&self.past, place)?;
        if node == self.primary {
            for replica in 0..NODES {
                if self.is_replica(replica) && self.flows(replica) {
                    self.deliver(replica, usize::MAX)?;
                }
            }
        }
        Ok(place)
    }

    fn restore(&mut self, account: usize) -> Result<(), String> {
        let Some((bytes, place)) = self.dumps[account].clone() else { return Ok(()) };
        let old = self.past.at(place);
        let sent = Bytes::Account(bytes);
        let entry = Entry { account, before: place, sent, ..old.repeated() };
        self.replace(entry)
    }

    fn delete(&mut self, account: usize) -> Result<(), String> {
        let entry = Entry { account, ..self.past.at(crate::past::NOWHERE).repeated() };
        self.replace(entry)
    }

    fn replace(&mut self, entry: Entry) -> Result<(), String> {
        let node = self.primary;
        if !self.nodes[node].is_up {
            return Ok(());
        }
        self.tally.restores += u64::from(matches!(entry.sent, Bytes::Account(_)));
        let account = entry.account;
        let place = self.past.add(entry);
        self.nodes[node].take(&self.past, place)?;
        self.nodes[node].stream.pop();
        self.sent_on(node, account, place).map(drop)
    }

    /// The command with the tokens that are meant.
    fn look_up(&self, node: usize, account: usize, command: &Command) -> Command {
        let mut command = command.clone();
        let account = self.nodes[node].accounts[account].account.as_ref();
        let last = account.map_or(0, |account| account.last_token());
        let exact = |token, lease| {
            let leases = account.and_then(|account| account.leases());
            let lease = leases.and_then(|leases| leases.living(&tell::id(lease), Millis::ZERO));
            let token = match token {
                Token::Own(more) => lease.map_or(0, |lease| lease.token) + more,
                Token::Last(more) => last + more,
                Token::Exact(token) => token,
            };
            Token::Exact(token.max(0))
        };
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

/// The account's own figures are those of the books. A token is larger than any before.
fn agree(book: Book, after: &Account) -> Result<Book, String> {
    let record = &after.record;
    let ledger = &record.ledger;
    let own = Book {
        spent: ledger.spent.nanos().into(),
        credits: ledger.credits.nanos().into(),
        promo: ledger.promo.nanos().into(),
        owed: ledger.owed.nanos().into(),
        history: ledger.history.nanos().into(),
        period: (record.period.start().0, record.period.end().0),
        ..book
    };
    if own != book {
        return Err(format!("the account's figures are {own:?}\n  and should be {book:?}"));
    }
    if after.last_token() < book.last_token {
        return Err("a token was taken back".to_owned());
    }
    Ok(Book { last_token: after.last_token(), ..book })
}
