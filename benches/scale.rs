//! Scale: three primaries of a cluster beside one, and what a call sends to the AOF and to a replica.
//!
//! On two cores three servers share one, and one load feeds them all; so what is compared is the
//! time that a server's main thread ran for each call, while the three work at the same time and
//! while one works alone. INCR is measured the same way: what it loses, the machine takes.
//! `FW_BENCH_CALLS` and `FW_BENCH_TURNS` say how much is run,
//! `FW_BENCH_KEEP=yes` keeps the figures.

#![allow(clippy::expect_used, clippy::panic, dead_code, missing_docs)]
#![allow(clippy::cast_precision_loss)]

mod support;

use std::net::TcpListener;

use support::figures::{Figures, release};
use support::load::{Job, Keys, Load, Run, Template};
use support::server::Server;
use support::{process, setting, start};

const SHARDS: u64 = 3;
const SLOTS: u64 = 16_384;
/// Accounts of each shard, nearly.
const ACCOUNTS: u64 = 100_000;

/// What the primaries serve, and the beginning of the reply. The braces have both keys in one slot.
const SERVED: [(&str, &str, &[u8]); 2] =
    [("FW.ADMIT", "FW.ADMIT acct:{key}", b"*6\r\n+OK"), ("INCR", "INCR n{acct:{key}}", b":")];

/// What is told of in bytes.
const SENT: [(&str, &str); 6] = [
    ("INCR", "INCR counter:{key}"),
    ("FW.ADMIT", "FW.ADMIT acct:{key}"),
    ("FW.ADMIT HOLD", "FW.ADMIT acct:{key} HOLD hold{n} 0.01"),
    ("FW.SPEND HOLD", "FW.SPEND acct:{key} 0.005 HOLD hold{n}"),
    ("FW.SPEND ID", "FW.SPEND acct:{key} 0.005 ID call{n}"),
    ("FW.PEEK", "FW.PEEK acct:{key}"),
];

fn main() {
    let calls = setting("FW_BENCH_CALLS", 200_000);
    let turns = setting("FW_BENCH_TURNS", 5);
    let mut figures = cluster(calls, turns);
    sent(calls, &mut figures);
    figures.finish();
}

/// A primary with its accounts.
struct Shard {
    server: Server,
    process: String,
    keys: Vec<u64>,
}

impl Shard {
    fn start(first: u64, last: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let bus = listener.local_addr().expect("an address").port();
        drop(listener);
        let mut server = start(&["cluster-enabled yes", &format!("cluster-port {bus}")]);
        server.must(&format!("CLUSTER ADDSLOTSRANGE {first} {last}"));
        let process = process(&mut server);
        let accounts = ACCOUNTS * SLOTS / (last - first + 1);
        let keys = (0..accounts).filter(|key| (first..=last).contains(&slot(*key))).collect();
        Self { server, process, keys }
    }

    fn bus(&mut self) -> String {
        let answer = self.server.must("CONFIG GET cluster-port");
        answer.value("cluster-port").expect("a port").word()
    }

    fn run(&self, line: &str, reply: &[u8], numbers: std::ops::Range<u64>) -> Run {
        let template = Template::new(line);
        let job = Job { template: &template, reply, keys: Keys::Among(&self.keys) };
        Load::new(self.server.port, &self.process, 50, 16).run(numbers, job)
    }

    fn fill(&self) {
        for (_, line, reply) in SERVED {
            // Twice as many at random leave few keys out.
            self.run(line, reply, 0..self.keys.len() as u64 * 2);
        }
    }
}

/// The slot of an account's key (CRC-16/XMODEM, as the specification of Redis Cluster has it).
fn slot(key: u64) -> u64 {
    let mut crc = 0_u16;
    for byte in format!("acct:{key:012}").bytes() {
        crc ^= u16::from(byte) << 8;
        for _ in 0..8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 };
        }
    }
    u64::from(crc) % SLOTS
}

fn cluster(calls: u64, turns: u64) -> Figures {
    let mut one = Shard::start(0, SLOTS - 1);
    one.server.wait_for("cluster", "cluster_enabled", "1");
    let bounds = |at: u64| SLOTS * at / SHARDS;
    let mut three: Vec<Shard> =
        (0..SHARDS).map(|at| Shard::start(bounds(at), bounds(at + 1) - 1)).collect();
    for at in 1..three.len() {
        let (port, bus) = (three[at].server.port, three[at].bus());
        three[0].server.must(&format!("CLUSTER MEET 127.0.0.1 {port} {bus}"));
    }
    for shard in three.iter_mut().chain([&mut one]) {
        while !shard.server.says("CLUSTER INFO").contains("cluster_state:ok") {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        shard.fill();
    }
    let mut figures = Figures::new("scale", &release(&mut one.server), "make bench-scale");
    let mut measured = SERVED.map(|_| (Vec::new(), Vec::new()));
    for turn in 0..turns {
        let numbers = turn * calls..(turn + 1) * calls;
        for ((_, line, reply), (alone, shared)) in SERVED.iter().zip(&mut measured) {
            alone.push(one.run(line, reply, numbers.clone()).cpu_us());
            shared.push(together(&three, |shard| shard.run(line, reply, numbers.clone())));
        }
    }
    for ((name, ..), (alone, shared)) in SERVED.iter().zip(measured) {
        let ratios: Vec<f64> = alone.iter().zip(&shared).map(|(one, three)| one / three).collect();
        figures.add(&format!("cluster/{name}/one primary, cpu_us"), &alone);
        figures.add(&format!("cluster/{name}/each of three primaries, cpu_us"), &shared);
        figures.add(&format!("cluster/{name}/three to one"), &ratios);
    }
    figures
}

/// Runs all at the same time, and tells the time for each call, in the middle.
fn together(shards: &[Shard], run: impl Fn(&Shard) -> Run + Sync) -> f64 {
    let runs: Vec<Run> = std::thread::scope(|scope| {
        let threads: Vec<_> = shards.iter().map(|shard| scope.spawn(|| run(shard))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a run ends")).collect()
    });
    runs.iter().map(Run::cpu_us).sum::<f64>() / runs.len() as f64
}

/// Bytes that a call adds to the AOF and sends to a replica, and its time with both.
fn sent(calls: u64, figures: &mut Figures) {
    let mut primary = start(&["appendonly yes", "appendfsync everysec"]);
    let primary_port = primary.port;
    let mut replica = start(&[]);
    replica.must(&format!("REPLICAOF 127.0.0.1 {}", primary.port));
    replica.wait_for("replication", "master_link_status", "up");
    let process = process(&mut primary);
    let run = |line, keys, calls| {
        let template = Template::new(line);
        let job = Job { template: &template, reply: b"", keys };
        Load::new(primary_port, &process, 50, 16).run(0..calls, job)
    };
    // An account that a call creates sends more than one that is there.
    run("INCR counter:{key}", Keys::Each, ACCOUNTS);
    run("FW.ADMIT acct:{key}", Keys::Each, ACCOUNTS);
    for (name, line) in SENT {
        let size = |server: &mut Server| -> [f64; 2] {
            let aof = server.info("persistence", "aof_current_size");
            [aof, server.offset()].map(|bytes| bytes.parse().expect("a number of bytes"))
        };
        let before = size(&mut primary);
        let run = run(line, Keys::Random(ACCOUNTS), calls);
        primary.wait_for_replica(&mut replica);
        let after = size(&mut primary);
        figures.add(&format!("sent/{name}/AOF bytes"), &[(after[0] - before[0]) / calls as f64]);
        figures
            .add(&format!("sent/{name}/replica bytes"), &[(after[1] - before[1]) / calls as f64]);
        figures.add(&format!("sent/{name}/cpu_us"), &[run.cpu_us()]);
    }
}
