//! Random plans, from a seed: which faults, how often, and between which commands.
//!
//! Commands and settings come from the generator of histories. Beside its few ids, on which
//! commands meet, clients here have ids of their own, one for each charge, hold and billing event,
//! and send them again.

use crate::generate;
use crate::model::figures::{Figures, Mode};
use crate::plan::{From, NODES, Plan, Sent, Step, Syncs, Way, Whom};
use crate::quiet::FIRST_OWN;
use crate::random::Random;
use crate::script::{Ask, Command, HoldAsk, Invoice, Move, Setting, Settle, Step as Drawn};

const SECOND: i64 = 1_000;
const DAY: i64 = 86_400 * SECOND;
const SPANS: [i64; 8] = [0, 1, 7, 300, SECOND, 1_001, 5_000, 60_000];
const STEPS: [i64; 16] = [
    -1,
    -900,
    -59_999,
    -60_000,
    -60_001,
    -61_000,
    -3_600_000,
    -DAY,
    -40 * DAY,
    1,
    900,
    60_001,
    3_600_000,
    DAY,
    40 * DAY,
    -3 * 365 * DAY,
];
const DOLLAR: i128 = 1_000_000_000;

/// How often things come in a plan.
struct Weather {
    /// One step in so many is a fault, a step of a clock, a retry.
    faults: usize,
    clocks: usize,
    retries: usize,
    /// What kinds of faults there are.
    kinds: Vec<usize>,
    /// Whether settings of memory change.
    memories: bool,
    waits: usize,
}

pub fn plan(seed: u64) -> Plan {
    let mut random = Random::new(seed ^ 0x5157_0000_0000);
    let drawn = generate::script(random.below(usize::MAX) as u64);
    let mut figures = Figures::default_profile();
    figures.new_accounts = random.pick(&[Mode::Open, Mode::Open, Mode::Open, Mode::Prepaid]);
    let weather = weather(&mut random);
    let accounts = 1 + random.below(4);
    let count = random.pick(&[60, 200, 400, 1_000]);
    let commands = generate::steps(&mut random, count);
    let mut drawing = Drawing { random, weather, accounts, steps: Vec::new(), own: Vec::new() };
    for step in drawn.steps {
        drawing.follow(step);
    }
    for step in commands {
        drawing.interrupt();
        drawing.follow(step);
    }
    let Drawing { mut random, steps, .. } = drawing;
    Plan {
        // A run takes years.
        start: drawn.start.min(generate::LAST - 40 * 365 * DAY),
        accounts,
        figures,
        syncs: random.pick(&[Syncs::Always, Syncs::EverySecond]),
        backlog: random.pick(&[0, 5, 40, 1_000]),
        compares: random.pick(&[1, 7, 31, 101]),
        steps,
    }
}

fn weather(random: &mut Random) -> Weather {
    let kinds = [6, 8, 8, 4, 4, 6, 3, 3, 3, 5, 10, 4, 3, 2, 2, 3];
    let mut swarm = |weight: &usize| weight * random.pick(&[0, 1, 1, 3]);
    let mut kinds: Vec<usize> = kinds.iter().map(&mut swarm).collect();
    kinds[0] += 1;
    Weather {
        faults: random.pick(&[3, 6, 12, 40]),
        clocks: random.pick(&[8, 30, 200, 1_000_000]),
        retries: random.pick(&[3, 6, 20]),
        kinds,
        memories: random.once_in(4),
        waits: random.pick(&[1, 2, 5, 1_000_000]),
    }
}

struct Drawing {
    random: Random,
    weather: Weather,
    accounts: usize,
    steps: Vec<Step>,
    /// Holds of clients' own, as they were asked for.
    own: Vec<(usize, u32, i128)>,
}

impl Drawing {
    fn node(&mut self) -> usize {
        self.random.below(NODES)
    }

    /// What comes between two steps of the history.
    fn interrupt(&mut self) {
        if self.random.once_in(self.weather.faults) {
            let fault = self.fault();
            self.steps.push(fault);
        }
        if self.random.once_in(self.weather.clocks) {
            let step = self.clock();
            self.steps.push(step);
        }
        if self.random.once_in(self.weather.retries) && !self.steps.is_empty() {
            let number = self.random.below(self.steps.len());
            let recent = self.steps.len() - 1 - self.random.below(self.steps.len().min(30));
            let number = self.random.pick(&[number, recent, recent]);
            let way = self.way();
            self.steps.push(Step::Again { number, way });
        }
        if self.random.once_in(3) {
            let account = self.random.below(self.accounts);
            let command = self.own_command(account);
            self.send(account, command);
        }
    }

    fn follow(&mut self, step: Drawn) {
        let account = self.random.below(self.accounts);
        match step {
            Drawn::Command(command) => self.send(account, command),
            Drawn::Policy(setting) => self.put(setting),
            Drawn::Clock(Move::Ahead(span)) => self.steps.push(Step::Time(span)),
            Drawn::Clock(Move::Back(span)) if self.weather.clocks < 1_000_000 => {
                let node = self.node();
                self.steps.push(Step::Clock { node, by: -span });
            }
            Drawn::Clock(Move::Next(event, more)) => {
                self.steps.push(Step::Until { account, event, more });
            }
            Drawn::Clock(Move::MonthEnd(more)) => {
                let event = crate::script::Event::PeriodEnds;
                self.steps.push(Step::Until { account, event, more });
            }
            Drawn::Delete if self.random.once_in(4) => self.steps.push(Step::Delete { account }),
            Drawn::Delete | Drawn::Clock(_) | Drawn::Fill(..) => {}
        }
    }

    fn put(&mut self, setting: Setting) {
        let is_memory = matches!(
            setting,
            Setting::HoldMemory(_) | Setting::SpendMemory(_) | Setting::BillingMemory(_)
        );
        if is_memory && !self.weather.memories {
            return;
        }
        let node = Some(self.node());
        let node = if self.random.once_in(2) { node } else { None };
        self.steps.push(Step::Policy { node, setting });
    }

    fn way(&mut self) -> Way {
        let ways = [Way::Answered, Way::Answered, Way::ReplyLost, Way::RequestLost];
        ways[self.random.weighted(&[10, 10, 4, 1])]
    }

    fn send(&mut self, account: usize, command: Command) {
        let whom = if self.random.once_in(4) { Whom::Former } else { Whom::Primary };
        let waits =
            if self.random.once_in(self.weather.waits) { 1 + self.random.below(2) } else { 0 };
        let (number, way) = (self.steps.len(), self.way());
        self.steps.push(Step::Send(Sent { account, number, command, whom, way, waits }));
    }

    /// A command under an id that no other has, or one that ends a hold of before.
    fn own_command(&mut self, account: usize) -> Command {
        let random = &mut self.random;
        let id = FIRST_OWN + u32::try_from(self.steps.len()).unwrap_or(0);
        let amount = random.pick(&[0, 1, DOLLAR / 3, DOLLAR, 7 * DOLLAR, 49 * DOLLAR]);
        let held = (!self.own.is_empty()).then(|| {
            let recent = self.own.len().min(6);
            let at = self.own.len() - 1 - random.below(recent);
            self.own[at]
        });
        match (random.below(10), held) {
            (0..=2, _) => Command::Spend { amount, id: Some(id) },
            (3, _) => Command::TopUp { amount: amount.max(1), id, promo: random.once_in(3) },
            (4, _) if random.once_in(3) => Command::Refund { amount: amount.max(1), id },
            (4, _) => {
                let id = FIRST_OWN + u32::try_from(random.below(4)).unwrap_or(0);
                let events = [Invoice::Failed, Invoice::Paid(amount), Invoice::Voided];
                Command::Invoice { id, event: random.pick(&events) }
            }
            (5..=6, _) | (_, None) => {
                self.own.push((account, id, amount));
                let hold = Some(HoldAsk { id, amount, ttl: random.maybe(2, &SPANS[1..]) });
                let tokens = random.maybe(3, &[1, 5, 100]);
                Command::Admit(Ask { cost: 1, scope: None, tokens, hold })
            }
            (7, Some((_, id, _))) => Command::Void { id },
            (_, Some((_, id, amount))) => {
                let partial = random.once_in(3);
                let amount = if partial { amount / 2 } else { amount };
                Command::Settle(Settle { id, amount, tokens: random.maybe(3, &[0, 3, 9]), partial })
            }
        }
    }

    fn clock(&mut self) -> Step {
        let node = self.node();
        match self.random.below(5) {
            0 | 1 => Step::Clock { node, by: self.random.pick(&STEPS) },
            2 => Step::Drift { node, ppm: self.random.pick(&[-100_000, -500, 0, 500, 100_000]) },
            _ => Step::Right { node },
        }
    }

    fn fault(&mut self) -> Step {
        let node = self.node();
        let account = self.random.below(self.accounts);
        match self.random.weighted(&self.weather.kinds) {
            0 => Step::Time(self.random.pick(&SPANS)),
            1 => Step::Stall { node },
            2 => Step::Trickle { node, count: 1 + self.random.below(9) },
            3 => Step::Flow { node },
            4 => Step::Cut { node },
            5 => Step::Connect { node },
            6 => Step::Sync { node },
            7 => Step::Rewrite { node },
            8 => Step::Rewritten { node },
            9 => Step::Crash { node },
            10 => {
                let from = if self.random.once_in(5) { From::Rdb } else { From::Aof };
                Step::Start { node, kept: self.random.pick(&[0, 300, 900, 1_000]), from }
            }
            11 => Step::Failover,
            12 => Step::Demote,
            13 => self.dump(account),
            14 => Step::Save { node },
            _ => Step::Quiet,
        }
    }

    fn dump(&mut self, account: usize) -> Step {
        if self.random.once_in(3) { Step::Restore { account } } else { Step::Dump { account } }
    }
}
