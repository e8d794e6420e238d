//! The plan of a run: what clients, operators and faults do, as plain data.
//!
//! A step says all that chance decided about it, so that a plan stays a plan when steps are dropped
//! from it. A step that finds nothing to act on (a retry of what was never sent, a restart of what
//! is up) does nothing.

use std::fmt;

use crate::model::figures::Figures;
use crate::promise::Memories;
use crate::script::{Command, Event, Setting};

/// The nodes: at first the primary and two replicas.
pub const NODES: usize = 3;

#[derive(Clone, Debug)]
pub struct Plan {
    pub start: i64,
    pub accounts: usize,
    pub figures: Figures,
    /// Whether nothing is acknowledged before it is synced.
    pub syncs: Syncs,
    /// How much a replica may lack and still resume without a full sync.
    pub backlog: usize,
    /// Nodes compare the bytes of an account after one in so many of its changes.
    pub compares: usize,
    pub steps: Vec<Step>,
}

impl Plan {
    /// The shortest and the longest memories that any node has at any time.
    pub fn memories(&self) -> Memories {
        let Figures { hold_memory, spend_memory, billing_memory, .. } = self.figures;
        let once = |memory| (memory, memory);
        let mut all = Memories {
            holds: once(hold_memory),
            spends: once(spend_memory),
            billings: once(billing_memory),
        };
        for step in &self.steps {
            let Step::Policy { setting, .. } = step else { continue };
            let (kept, memory) = match setting {
                Setting::HoldMemory(memory) => (&mut all.holds, memory),
                Setting::SpendMemory(memory) => (&mut all.spends, memory),
                Setting::BillingMemory(memory) => (&mut all.billings, memory),
                _ => continue,
            };
            *kept = (kept.0.min(*memory), kept.1.max(*memory));
        }
        all
    }
}

/// When a node syncs its AOF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syncs {
    Always,
    EverySecond,
}

/// Who a client takes for the primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whom {
    Primary,
    /// The primary of before the last failover, while it does not know of it.
    Former,
}

/// What becomes of a command on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Answered,
    /// The command was done; the client never hears of it.
    ReplyLost,
    RequestLost,
}

#[derive(Clone, Debug)]
pub struct Sent {
    pub account: usize,
    /// The number under which the client sends it again.
    pub number: usize,
    pub command: Command,
    pub whom: Whom,
    pub way: Way,
    /// How many replicas WAIT asks for.
    pub waits: usize,
}

#[derive(Clone, Debug)]
pub enum Step {
    Send(Sent),
    /// A command of before, answered or not, comes once more.
    Again {
        number: usize,
        way: Way,
    },
    /// True time goes on.
    Time(i64),
    /// To the next such instant of an account, and so much further.
    Until {
        account: usize,
        event: Event,
        more: i64,
    },
    /// A node's clock jumps.
    Clock {
        node: usize,
        by: i64,
    },
    /// A node's clock gains so many microseconds a second.
    Drift {
        node: usize,
        ppm: i64,
    },
    /// A node's clock is right again.
    Right {
        node: usize,
    },
    /// CONFIG SET, on one node or on all.
    Policy {
        node: Option<usize>,
        setting: Setting,
    },
    /// A replica receives nothing for now; what is sent to it waits.
    Stall {
        node: usize,
    },
    /// A stalled replica receives so many changes.
    Trickle {
        node: usize,
        count: usize,
    },
    Flow {
        node: usize,
    },
    /// The link of a replica is gone.
    Cut {
        node: usize,
    },
    /// It is back: the replica resumes from the backlog, or by a full sync.
    Connect {
        node: usize,
    },
    Sync {
        node: usize,
    },
    /// BGREWRITEAOF begins, and its file takes the place of the old one.
    Rewrite {
        node: usize,
    },
    Rewritten {
        node: usize,
    },
    /// BGSAVE.
    Save {
        node: usize,
    },
    Crash {
        node: usize,
    },
    /// The node starts with what was synced and so much, in per mille, of the rest; from its last
    /// RDB file alone if it keeps no AOF.
    Start {
        node: usize,
        kept: usize,
        from: From,
    },
    /// The replica that received most becomes the primary.
    Failover,
    /// The former primary learns of it.
    Demote,
    /// DUMP, kept by an operator.
    Dump {
        account: usize,
    },
    /// RESTORE ... REPLACE of what was dumped.
    Restore {
        account: usize,
    },
    Delete {
        account: usize,
    },
    /// Everything works again, and all nodes are compared.
    Quiet,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    Aof,
    Rdb,
}

impl fmt::Display for Step {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send(sent) => {
                let Sent { account, number, command, whom, way, waits } = sent;
                write!(out, "#{number} account {account}: {command}")?;
                if *whom != Whom::Primary {
                    write!(out, " to the {whom:?} primary")?;
                }
                if *way != Way::Answered {
                    write!(out, ", {way:?}")?;
                }
                if *waits > 0 { write!(out, ", WAIT {waits}") } else { Ok(()) }
            }
            Self::Policy { node, setting } => match node {
                Some(node) => write!(out, "Policy of node {node}: {setting:?}"),
                None => write!(out, "Policy: {setting:?}"),
            },
            other => write!(out, "{other:?}"),
        }
    }
}
