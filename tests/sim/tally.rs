//! What a run did, in figures.

/// Counts of what happened.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Commands that a node judged.
    pub judged: u64,
    /// Effects that a node applied which it had not decided: from its primary, or from its AOF.
    pub applied: u64,
    pub crashes: u64,
    pub failovers: u64,
    pub full_syncs: u64,
    pub resumed: u64,
    pub clock_steps: u64,
    /// Changes by which an account followed a clock back.
    pub rewound: u64,
    pub retries: u64,
    pub restores: u64,
    /// Commands that WAIT confirmed.
    pub confirmed: u64,
    /// Charges that were done and answered, and lost with a node or by a RESTORE or DEL.
    pub lost: u64,
    /// Comparisons of all nodes.
    pub quiet: u64,
}

impl Tally {
    pub fn operations(&self) -> u64 {
        self.judged + self.applied
    }

    pub fn add(&mut self, other: &Self) {
        let pairs: [(&mut u64, u64); 13] = [
            (&mut self.judged, other.judged),
            (&mut self.applied, other.applied),
            (&mut self.crashes, other.crashes),
            (&mut self.failovers, other.failovers),
            (&mut self.full_syncs, other.full_syncs),
            (&mut self.resumed, other.resumed),
            (&mut self.clock_steps, other.clock_steps),
            (&mut self.rewound, other.rewound),
            (&mut self.retries, other.retries),
            (&mut self.restores, other.restores),
            (&mut self.confirmed, other.confirmed),
            (&mut self.lost, other.lost),
            (&mut self.quiet, other.quiet),
        ];
        for (sum, more) in pairs {
            *sum += more;
        }
    }
}
