//! The engine under test: a primary that judges, and a replica that is only told effects.
//!
//! Every effect reaches the replica as bytes.

use fw_limits::codec;
use fw_limits::engine::account::Account;
use fw_limits::engine::act::Act;
use fw_limits::engine::apply;
use fw_limits::engine::decide::admit::{Admit, Peek};
use fw_limits::engine::decide::explain::Explain;
use fw_limits::engine::decide::hold::{Extend, Void};
use fw_limits::engine::decide::invoice::Invoice;
use fw_limits::engine::decide::limit::SetLimit;
use fw_limits::engine::decide::quota::{Release, Renew, Reserve, Sync};
use fw_limits::engine::decide::set::{Pin, Set};
use fw_limits::engine::decide::spend::{Refund, Spend, TopUp};
use fw_limits::engine::decide::suspend::{Resume, Suspend};
use fw_limits::engine::decide::{Request, Rules, judge};
use fw_limits::engine::effect::Effect;
use fw_limits::engine::fits;
use fw_limits::engine::index::Hashing;
use fw_limits::engine::log::Event;
use fw_limits::engine::month::Anchor;
use fw_limits::engine::policy::Policy;
use fw_limits::engine::time::Millis;
use fw_limits::engine::view::{ViewAccount, ViewHolds, ViewLeases, ViewLimits, ViewLog};

use crate::answer::{Answer, Said};
use crate::explained::Explained;
use crate::model::figures::Figures;
use crate::script::{Command, Token, id_text};
use crate::tell;

pub struct Subject {
    primary: Option<Box<Account>>,
    replica: Option<Box<Account>>,
    policy: Policy,
    clock: Millis,
    hashing: Hashing,
}

/// What a command came to, or what is wrong with it whatever the model says.
pub type Outcome = Result<Said, String>;

impl Subject {
    pub fn new(figures: &Figures) -> Self {
        Self {
            primary: None,
            replica: None,
            policy: tell::policy(figures),
            clock: Millis::ZERO,
            hashing: Hashing::with_seeds([1, 2, 3, 4]),
        }
    }

    pub fn account(&self) -> Option<&Account> {
        self.primary.as_deref()
    }

    pub fn follow_policy(&mut self, figures: &Figures) {
        self.policy = tell::policy(figures);
    }

    pub fn delete(&mut self) {
        (self.primary, self.replica) = (None, None);
    }

    pub fn run(&mut self, command: &Command, clock: i64) -> Outcome {
        self.clock = Millis::clock(clock);
        self.put(command)
    }
}

/// What can be asked as the engine wants to be asked.
pub trait Asked {
    /// Puts a request, and tells the answer in plain words.
    fn ask<R: Request>(&mut self, request: &R, tell: impl Fn(R::Answer) -> Answer) -> Outcome;

    /// Explains a request before it is put, where that is wanted.
    fn explain(&self, ask: Admit) -> Option<Explained>;

    /// Puts a command as a request.
    fn put(&mut self, command: &Command) -> Outcome {
        match command {
            Command::Admit(ask) => {
                let explained = self.explain(tell::ask(ask));
                let said = self.ask(&tell::ask(ask), tell::admission)?;
                explained.map_or(Ok(()), |explained| explained.agrees(&said))?;
                Ok(said)
            }
            Command::Peek(ask) => {
                let said = self.ask(&Peek(tell::ask(ask)), tell::admission)?;
                let explained = self.explain(tell::ask(ask));
                explained.map_or(Ok(()), |explained| explained.agrees(&said))?;
                Ok(said)
            }
            Command::Settle(settle) => self.ask(&tell::settle(settle), tell::statement),
            Command::Void { id } => self.ask(&Void { id: tell::id(*id) }, tell::statement),
            Command::Extend { id, ttl } => {
                let request = Extend { id: tell::id(*id), ttl: Millis(*ttl) };
                self.ask(&request, tell::statement)
            }
            Command::Spend { .. }
            | Command::TopUp { .. }
            | Command::Refund { .. }
            | Command::Invoice { .. } => self.ask_money(command),
            Command::Set { .. } => self.ask(&set(command), tell::statement),
            Command::Suspend { reason } => {
                self.ask(&Suspend { reason: tell::reason(reason) }, tell::statement)
            }
            Command::Resume => self.ask(&Resume, tell::statement),
            Command::Limit { name, value, max } => {
                let (value, max) = (value.map(tell::engine_to), max.map(tell::engine_to));
                let request = SetLimit { name: tell::limit_name(name), value, max };
                self.ask(&request, tell::limit)
            }
            Command::Reserve { .. }
            | Command::Renew { .. }
            | Command::Release { .. }
            | Command::Sync { .. } => self.ask_quota(command),
            Command::Get => self.ask(&ViewAccount, tell::account),
            Command::Quotas { name } => {
                let name = name.as_deref().map(tell::limit_name);
                self.ask(&ViewLimits { name }, tell::limits)
            }
            Command::Leases { count } => self.ask(&ViewLeases { count: *count }, tell::leases),
            Command::Holds { count } => self.ask(&ViewHolds { count: *count }, tell::holds),
            Command::Log { count } => self.ask(&ViewLog { count: *count }, tell::log),
        }
    }

    fn ask_money(&mut self, command: &Command) -> Outcome {
        match command {
            Command::Spend { amount, id } => {
                let request = Spend { amount: tell::money(*amount), id: id.map(tell::id) };
                self.ask(&request, tell::statement)
            }
            Command::TopUp { amount, id, promo } => {
                let amount = tell::money(*amount);
                let act = if *promo { Act::Promo(amount) } else { Act::TopUp(amount) };
                self.ask(&TopUp { act, id: tell::id(*id) }, tell::statement)
            }
            Command::Refund { amount, id } => {
                let request = Refund { amount: tell::money(*amount), id: tell::id(*id) };
                self.ask(&request, tell::statement)
            }
            Command::Invoice { id, event } => {
                let request = Invoice { id: tell::id(*id), event: tell::invoice(*event) };
                self.ask(&request, tell::statement)
            }
            _ => unreachable!(),
        }
    }

    fn ask_quota(&mut self, command: &Command) -> Outcome {
        match command {
            Command::Reserve { id, wanted, ttl } => {
                let row =
                    |(quota, count): &(String, i128)| (tell::name(quota), tell::units(*count));
                let wanted = wanted.iter().map(row).collect();
                let request = Reserve { id: tell::id(*id), wanted, ttl: ttl.map(Millis) };
                self.ask(&request, tell::reservation)
            }
            Command::Renew { id, token, ttl } => {
                let (id, token) = (tell::id(*id), exact(*token));
                self.ask(&Renew { id, token, ttl: ttl.map(Millis) }, tell::reservation)
            }
            Command::Release { id, token } => {
                let request = Release { id: tell::id(*id), token: token.map(exact) };
                self.ask(&request, Answer::Count)
            }
            Command::Sync { upto, running } => {
                let running: Vec<String> = running.iter().map(|id| id_text(*id)).collect();
                let running = running.iter().map(String::as_bytes);
                self.ask(&Sync { upto: exact(*upto), running }, Answer::Count)
            }
            _ => unreachable!(),
        }
    }
}

impl Asked for Subject {
    fn explain(&self, ask: Admit) -> Option<Explained> {
        let rules = Rules { policy: &self.policy, clock: self.clock, hashing: &self.hashing };
        Some(Explained(judge(&Explain(ask), self.primary.as_deref(), &rules)))
    }

    fn ask<R: Request>(&mut self, request: &R, tell: impl Fn(R::Answer) -> Answer) -> Outcome {
        let rules = Rules { policy: &self.policy, clock: self.clock, hashing: &self.hashing };
        match judge(request, self.primary.as_deref(), &rules) {
            Err(refusal) => Ok(Said::unchanged(Err(tell::error(&refusal)))),
            Ok(decision) => {
                let changes = decision.effect.is_some();
                if let Some(effect) = &decision.effect {
                    self.change(effect)?;
                }
                let takes = changes && decision.takes;
                let events = decision.effect.iter().flat_map(Effect::events);
                let events = events.map(Event::word).collect();
                Ok(Said { answer: Ok(tell(decision.answer)), changes, takes, events })
            }
        }
    }
}

impl Subject {
    fn change(&mut self, effect: &Effect) -> Result<(), String> {
        let hashing = &self.hashing;
        change(&mut self.primary, effect, hashing).map_err(|what| format!("primary: {what}"))?;
        let mut bytes = Vec::new();
        codec::effect::encode(effect, &mut bytes);
        let effect = codec::effect::decode(&bytes).map_err(|damage| format!("{damage:?}"))?;
        change(&mut self.replica, &effect, hashing).map_err(|what| format!("replica: {what}"))
    }

    /// Checks the account's invariants.
    pub fn check(&self) -> Result<(), String> {
        let Some(account) = &self.primary else { return Ok(()) };
        account.check().map_err(|what| format!("check: {what}\n  {account:?}"))
    }

    /// Compares primary and replica, as they show themselves and as bytes, and reads the bytes.
    pub fn compare(&self) -> Result<(), String> {
        let (primary, replica) = match (&self.primary, &self.replica) {
            (Some(primary), Some(replica)) => (primary, replica),
            (None, None) => return Ok(()),
            _ => return Err("only one of primary and replica has the account".to_owned()),
        };
        let (shown, replica_shown) = (format!("{primary:?}"), format!("{replica:?}"));
        if shown != replica_shown {
            return Err(format!("the replica differs:\n  {shown}\n  {replica_shown}"));
        }
        let bytes = encoded(primary);
        if encoded(replica) != bytes {
            return Err(format!("the replica's bytes differ: {shown}"));
        }
        let read = codec::account::decode(&bytes, &self.hashing)
            .map_err(|damage| format!("the account does not load: {damage:?}\n  {shown}"))?;
        if encoded(&read) == bytes { Ok(()) } else { Err(format!("it loads as another: {shown}")) }
    }
}

pub fn encoded(account: &Account) -> Vec<u8> {
    let mut bytes = Vec::new();
    codec::account::encode(account, &mut bytes);
    bytes
}

/// Applies an effect, if it fits.
pub fn change(
    account: &mut Option<Box<Account>>,
    effect: &Effect,
    hashing: &Hashing,
) -> Result<(), String> {
    fits::fits(account.as_deref(), effect).map_err(|what| format!("does not fit: {what}"))?;
    match account {
        Some(account) => {
            apply::apply(account, effect, hashing);
        }
        None => *account = apply::create(effect, hashing),
    }
    if account.is_some() { Ok(()) } else { Err("the effect creates nothing".to_owned()) }
}

fn set(command: &Command) -> Set {
    let Command::Set { payment_method, tier, anchor } = command else { unreachable!() };
    let pin = |tier: &String| if tier == "auto" { Pin::Auto } else { Pin::To(tell::name(tier)) };
    Set {
        payment_method: *payment_method,
        tier: tier.as_ref().map(pin),
        anchor: anchor.and_then(Anchor::new),
    }
}

fn exact(token: Token) -> i64 {
    let Token::Exact(token) = token else { panic!("a token was not looked up") };
    token
}
