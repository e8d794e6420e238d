//! Random commands: what clients may send, mostly sensible, from a seed.

/// A small generator of random numbers (xorshift64*); the same seed gives the same numbers.
pub struct Random(u64);

impl Random {
    /// A generator; `FW_SEED` in the environment overrides the seed, which is printed.
    pub fn new() -> Self {
        let given = std::env::var("FW_SEED").ok().and_then(|seed| seed.parse().ok());
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let nanos = now.map_or(1, |since| u64::from(since.subsec_nanos()) + since.as_secs());
        let seed: u64 = given.unwrap_or(nanos) | 1;
        println!("FW_SEED={seed}");
        Self(seed)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound
    }

    fn pick<'a>(&mut self, words: &[&'a str]) -> &'a str {
        let at = self.below(words.len() as u64);
        words[usize::try_from(at).unwrap_or(0)]
    }

    /// A command about one of a few accounts, or a move of the clock.
    pub fn command(&mut self) -> String {
        let key = self.pick(&["a", "b", "c", "\"\\xff\\xfe\"", "d{x}"]);
        let (id, n) = (self.below(30), self.below(12));
        let amount = self.pick(&["0", "1", "0.000000001", "12.5", "99.999", "700"]);
        match self.below(32) {
            0..=3 => format!("FW.ADMIT {key} COST {}", self.below(90)),
            4 => format!("FW.PEEK {key} {}", self.request()),
            5 => format!("FW.SPEND {key} {amount}"),
            6 | 7 => format!("FW.SPEND {key} {amount} ID s{id}"),
            8 => format!("FW.TOPUP {key} {amount} ID t{id} {}", self.pick(&["", "PROMO"])),
            9 => self.set(key),
            10 => self.limit(key),
            11 | 12 => self.reserve(key, id),
            13 => format!("FW.QUOTA {key} RENEW l{id} {n} TTL {}", self.below(90_000)),
            14 => format!("FW.QUOTA {key} RELEASE l{id}"),
            15 if n == 0 => format!("FW.QUOTA {key} SYNC {id} l1 l2"),
            15 => format!("FW.QUOTAS {key}"),
            16 if n == 0 => format!("DEL {key}"),
            17..=20 => format!("FW.ADMIT {key} {}", self.request()),
            21..=24 => self.settle(key),
            25 => format!("FW.HOLDS {key} COUNT {n}"),
            26 | 27 => self.billing(key),
            _ => self.clock(),
        }
    }

    /// What FW.ADMIT and FW.PEEK can be asked for, all at once.
    fn request(&mut self) -> String {
        let scope = self.pick(&["", "SCOPE m/x", "SCOPE y"]);
        let tokens = self.pick(&["", "TOKENS 0", "TOKENS 7", "TOKENS 900"]);
        let amount = self.pick(&["0", "1", "2.5", "49.999999999", "120"]);
        let ttl = self.pick(&["", "TTL 1", "TTL 2000", "TTL 86400000"]);
        let (cost, hold) = (self.below(3), self.below(40));
        format!("COST {cost} {scope} {tokens} HOLD h{hold} {amount} {ttl}")
    }

    /// What can happen to a hold, known or not.
    fn settle(&mut self, key: &str) -> String {
        let hold = self.below(40);
        let amount = self.pick(&["0", "0.5", "1", "2.5", "60"]);
        let tokens = self.pick(&["", "TOKENS 0", "TOKENS 5", "TOKENS 1000"]);
        match self.below(8) {
            0..=2 => format!("FW.SPEND {key} {amount} HOLD h{hold} {tokens}"),
            3..=5 => format!("FW.SPEND {key} {amount} HOLD h{hold} {tokens} PARTIAL"),
            6 => format!("FW.VOID {key} h{hold}"),
            _ => format!("FW.EXTEND {key} h{hold} {}", self.below(90_000) + 1),
        }
    }

    /// Suspensions end more often than they begin, or there would be nothing but denials.
    fn billing(&mut self, key: &str) -> String {
        let (id, invoice) = (self.below(30), self.below(3));
        let amount = self.pick(&["0", "0.000000001", "1", "33.25"]);
        match self.below(12) {
            0 => format!("FW.SUSPEND {key} {}", self.pick(&["fraud", "\"\\xff \""])),
            1..=3 => format!("FW.RESUME {key}"),
            4 => format!("FW.INVOICE {key} FAILED i{invoice}"),
            5..=7 => format!("FW.INVOICE {key} PAID i{invoice} AMOUNT {amount}"),
            8 | 9 => format!("FW.INVOICE {key} VOIDED i{invoice}"),
            _ => format!("FW.REFUND {key} {amount} ID r{id}"),
        }
    }

    fn set(&mut self, key: &str) -> String {
        let tier = self.pick(&["auto", "auto", "tier-1", "tier-3", "unlimited"]);
        match self.below(3) {
            0 => format!("FW.SET {key} payment-method {}", self.pick(&["yes", "yes", "no"])),
            1 => format!("FW.SET {key} tier {tier}"),
            _ => format!("FW.SET {key} anchor-day {} tier {tier}", self.below(31) + 1),
        }
    }

    fn limit(&mut self, key: &str) -> String {
        let names =
            ["requests", "spend", "h100", "tokens", "tokens@m/x", "requests@y", "concurrency"];
        let name = self.pick(&names);
        let figure = self.pick(&["DEFAULT", "5", "600", "0", "unlimited", "9000"]);
        format!("FW.LIMIT {key} {name} {} {figure}", self.pick(&["VALUE", "MAX"]))
    }

    fn reserve(&mut self, key: &str, id: u64) -> String {
        let quotas = self.pick(&["h100 1", "h100 3 a100 2", "a100 0", "deployed-models 40"]);
        let ttl = self.pick(&["", "TTL 0", "TTL 30000", "TTL 1"]);
        format!("FW.QUOTA {key} RESERVE l{id} {quotas} {ttl}")
    }

    fn clock(&mut self) -> String {
        let span = match self.below(40) {
            // A week; most are within seconds.
            0 => 604_800_000,
            1 => 61_000,
            2 => return format!("FW.CLOCK SET {}", 1_773_144_000_000 + self.below(900_000)),
            _ => self.below(3_000),
        };
        format!("FW.CLOCK ADVANCE {span}")
    }
}
