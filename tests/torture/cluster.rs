//! A cluster of three primaries and three replicas whose slots move, and whose primaries change,
//! while clients charge accounts: what was acknowledged is what is stored, each id once.

use std::collections::HashMap;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use redis::cluster::{ClusterClient, ClusterConnection};

use crate::answer::Answer;
use crate::scenario::words;
use crate::support::history::Random;
use crate::support::server::{Server, answered, free_port};
use crate::{PATIENCE, Stop, form, until, version};

const CLIENTS: usize = 4;
const ACCOUNTS: u64 = 60;
pub(super) const PRIMARIES: usize = 3;
const SLOTS: usize = 16_384;

pub(super) struct Cluster {
    pub(super) nodes: Vec<Server>,
    /// The ids of the nodes.
    names: Vec<String>,
}

fn word(answer: &Answer) -> String {
    if let Answer::Text(text) = answer {
        return String::from_utf8_lossy(text).into_owned();
    }
    answer.word()
}

/// What a replica does whose primary does not answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Replicas {
    /// They take over. A primary that is only slow loses its place like one that is dead, and what
    /// they had not received: clients send everything once more.
    TakeOver,
    /// They wait to be told: no busy machine changes who leads. And a primary without its replica
    /// takes no changes: see `old_votes`.
    Wait,
}

impl Cluster {
    fn start(replicas: Replicas) -> Self {
        Self::start_with(replicas, 1_500)
    }

    pub(super) fn start_with(replicas: Replicas, timeout: u32) -> Self {
        let (waits, least) = if replicas == Replicas::Wait { ("yes", 1) } else { ("no", 0) };
        let waits = format!("cluster-replica-no-failover {waits}");
        let least = format!("min-replicas-to-write {least}");
        let timeout = format!("cluster-node-timeout {timeout}");
        let node = |_| {
            let bus = format!("cluster-port {}", free_port());
            Server::start_bare(&[
                "appendonly no",
                "save \"\"",
                "propagation-error-behavior panic",
                "cluster-enabled yes",
                &timeout,
                &waits,
                &least,
                "fw.tiers \"all unlimited 0\"",
                &bus,
            ])
        };
        let mut nodes: Vec<Server> = (0..2 * PRIMARIES).map(node).collect();
        let names = nodes.iter_mut().map(|node| word(&node.must("CLUSTER MYID"))).collect();
        let mut cluster = Self { nodes, names };
        cluster.join();
        cluster
    }

    fn join(&mut self) {
        let size = self.nodes.len();
        for (at, node) in self.nodes.iter_mut().enumerate() {
            node.must(&format!("CLUSTER SET-CONFIG-EPOCH {}", at + 1));
        }
        let places: Vec<(u16, String)> = self
            .nodes
            .iter_mut()
            .map(|node| {
                let answer = node.must("CONFIG GET cluster-port");
                (node.port, answer.value("cluster-port").map(Answer::word).expect("a port"))
            })
            .collect();
        for (port, bus) in &places[1..] {
            self.nodes[0].must(&format!("CLUSTER MEET 127.0.0.1 {port} {bus}"));
        }
        for (at, node) in self.nodes[..PRIMARIES].iter_mut().enumerate() {
            let (from, to) = (SLOTS * at / PRIMARIES, SLOTS * (at + 1) / PRIMARIES - 1);
            node.must(&format!("CLUSTER ADDSLOTSRANGE {from} {to}"));
        }
        for node in &mut self.nodes {
            until("all nodes meet", || {
                (field(node, "cluster_known_nodes") == size.to_string()).then_some(())
            });
        }
        for at in PRIMARIES..size {
            let line = format!("CLUSTER REPLICATE {}", self.names[at - PRIMARIES]);
            until("a replica is taken", || (self.nodes[at].says(&line) == "OK").then_some(()));
        }
        self.settle();
    }

    /// Waits until every slot is served, by three primaries with a replica each.
    pub(super) fn settle(&mut self) {
        let end = Instant::now() + PATIENCE;
        while !self.is_whole() {
            if Instant::now() > end {
                let view = |node: &mut Server| word(&node.ask("CLUSTER NODES"));
                let views: Vec<String> = self.nodes.iter_mut().map(view).collect();
                panic!("the cluster is not whole after {PATIENCE:?}:\n{}", views.join("\n"));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn is_whole(&mut self) -> bool {
        let whole = self.nodes.iter_mut().all(|node| {
            let served = field(node, "cluster_state") == "ok"
                && field(node, "cluster_slots_ok") == SLOTS.to_string();
            served && linked(node)
        });
        whole && self.primaries().len() == PRIMARIES
    }

    fn primaries(&mut self) -> Vec<usize> {
        (0..self.nodes.len()).filter(|at| leads(&mut self.nodes[*at])).collect()
    }

    fn client(&self) -> Line {
        let places = self.nodes.iter().map(|node| format!("redis://127.0.0.1:{}", node.port));
        let client = ClusterClient::builder(places)
            .retries(20)
            .max_retry_wait(50)
            .response_timeout(Duration::from_secs(5));
        let client = client.build().expect("a client");
        let connection = client.get_connection().expect("the cluster answers");
        Line { client, connection }
    }

    /// The node that a slot belongs to, once all nodes say the same.
    pub(super) fn owner(&mut self, slot: &str) -> usize {
        let slot: i64 = slot.parse().expect("a slot");
        let names = &self.names;
        until("the nodes agree on a slot", || {
            let mut said = self.nodes.iter_mut().map(|node| {
                let Answer::List(rows) = node.ask("CLUSTER SLOTS") else { return None };
                names.iter().position(|name| rows.iter().any(|row| owns(row, slot, name)))
            });
            let first = said.next().flatten()?;
            said.all(|other| other == Some(first)).then_some(first)
        })
    }

    /// Waits until a node knows the latest epoch: a slot that it takes before that may come to be
    /// nobody's, whatever is stored in it.
    fn catch_up(&mut self, at: usize) {
        until("a node knows the latest epoch", || {
            let epoch = |node: &mut Server| {
                field(node, "cluster_current_epoch").parse::<u64>().unwrap_or_default()
            };
            let latest = self.nodes.iter_mut().map(epoch).max();
            (Some(epoch(&mut self.nodes[at])) == latest).then_some(())
        });
    }

    /// Tells a node until it agrees: it may not know yet who leads.
    fn insist(&mut self, at: usize, line: &str) {
        until(line, || (self.nodes[at].says(line) == "OK").then_some(()));
    }

    /// Moves a slot with its keys to another primary, key by key; false if it is there.
    fn migrate(&mut self, slot: &str, to: usize) -> bool {
        let from = self.owner(slot);
        if from == to {
            return false;
        }
        self.catch_up(to);
        let (source, target) = (self.names[from].clone(), self.names[to].clone());
        let port = self.nodes[to].port;
        self.insist(to, &format!("CLUSTER SETSLOT {slot} IMPORTING {source}"));
        self.insist(from, &format!("CLUSTER SETSLOT {slot} MIGRATING {target}"));
        until("all keys have moved", || {
            let keys = self.nodes[from].must(&format!("CLUSTER GETKEYSINSLOT {slot} 1"));
            let Answer::List(keys) = keys else { panic!("keys") };
            let Some(key) = keys.first() else { return Some(()) };
            let line = format!("MIGRATE 127.0.0.1 {port} {} 0 5000", word(key));
            let said = self.nodes[from].ask(&line);
            if let Answer::Error(error) = said {
                println!("{line}: {error}");
                // A move that took too long left a copy there; until it is done, this one counts.
                self.nodes[from].ask(&format!("{line} REPLACE"));
            }
            None
        });
        self.insist(to, &format!("CLUSTER SETSLOT {slot} NODE {target}"));
        self.insist(from, &format!("CLUSTER SETSLOT {slot} NODE {target}"));
        true
    }

    /// Moves a slot as Valkey 9 does; false where the server cannot, or need not.
    fn migrate_whole(&mut self, slot: &str, to: usize) -> bool {
        let from = self.owner(slot);
        if from == to {
            return false;
        }
        let line = format!("CLUSTER MIGRATESLOTS SLOTSRANGE {slot} {slot} NODE {}", self.names[to]);
        if matches!(self.nodes[from].ask(&line), Answer::Error(_)) {
            return false;
        }
        until("a slot has moved", || (self.owner(slot) == to).then_some(()));
        true
    }

    /// A replica takes its primary's place, which agrees.
    fn hand_over(&mut self, random: &mut Random) {
        let replicas: Vec<usize> = {
            let primaries = self.primaries();
            (0..self.nodes.len()).filter(|at| !primaries.contains(at)).collect()
        };
        self.take_over(replicas[usize::try_from(random.below(3)).expect("a place")]);
    }

    /// This replica takes its primary's place, or does for a moment.
    pub(super) fn take_over(&mut self, at: usize) {
        let mut asked = Instant::now();
        self.nodes[at].must("CLUSTER FAILOVER");
        until("a replica takes over", || {
            // A server gives up after five seconds.
            if asked.elapsed() > Duration::from_secs(6) {
                asked = Instant::now();
                self.nodes[at].ask("CLUSTER FAILOVER");
            }
            leads(&mut self.nodes[at]).then_some(())
        });
        self.settle();
    }

    /// Waits until all nodes know who is whose replica: else they do not vote for it.
    pub(super) fn all_know(&mut self, primary: usize, replica: usize) {
        let (name, of) = (&self.names[replica], format!(" {} ", self.names[primary]));
        until("all know a replica", || {
            let mut views = self.nodes.iter_mut().map(|node| word(&node.ask("CLUSTER NODES")));
            let knows = |row: &str| row.starts_with(name.as_str()) && row.contains(&of);
            views.all(|rows| rows.lines().any(knows)).then_some(())
        });
    }

    /// A primary is killed; its replica takes its place without being asked.
    fn kill_one(&mut self, random: &mut Random) {
        let primaries = self.primaries();
        let at = primaries[usize::try_from(random.below(3)).expect("a place")];
        self.nodes[at].kill();
        let rest: Vec<usize> = (0..self.nodes.len()).filter(|other| *other != at).collect();
        until("a replica is elected", || {
            let count = rest.iter().filter(|at| leads(&mut self.nodes[**at])).count();
            (count == PRIMARIES).then_some(())
        });
        self.nodes[at].restart();
        self.settle();
    }
}

/// A primary has its replica, a replica its primary.
fn linked(node: &mut Server) -> bool {
    if leads(node) {
        return figure(node, "INFO replication", "connected_slaves") == "1";
    }
    figure(node, "INFO replication", "master_link_status") == "up"
}

pub(super) fn leads(node: &mut Server) -> bool {
    figure(node, "INFO replication", "role") == "master"
}

fn field(node: &mut Server, name: &str) -> String {
    figure(node, "CLUSTER INFO", name)
}

/// A line of what a node says of itself; empty while it loads.
fn figure(node: &mut Server, of: &str, name: &str) -> String {
    let text = word(&node.ask(of));
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_default().to_owned()
}

/// A row of CLUSTER SLOTS: first, last, and the owner as address, port and id.
fn owns(row: &Answer, slot: i64, name: &str) -> bool {
    let Answer::List(row) = row else { return false };
    let [Answer::Int(first), Answer::Int(last), Answer::List(owner), ..] = &row[..] else {
        return false;
    };
    (*first..=*last).contains(&slot) && owner.get(2).map(word).as_deref() == Some(name)
}

/// A client library's connections to the cluster.
struct Line {
    client: ClusterClient,
    connection: ClusterConnection,
}

impl Line {
    fn ask(&mut self, words: &[Vec<u8>]) -> Result<Answer, redis::RedisError> {
        let mut command = redis::Cmd::new();
        words.iter().for_each(|word| {
            command.arg(word.as_slice());
        });
        let said = command.query::<redis::Value>(&mut self.connection);
        // It may keep a connection to a node that is gone.
        if said.as_ref().is_err_and(redis::RedisError::is_io_error)
            && let Ok(connection) = self.client.get_connection()
        {
            self.connection = connection;
        }
        said.map(answered)
    }
}

/// One client: what it charged, in cents by account, and all that it sent.
#[derive(Default)]
struct Client {
    name: String,
    number: u64,
    cents: HashMap<String, u64>,
    sent: Vec<String>,
    retries: usize,
}

impl Client {
    fn run(&mut self, mut line: Line, stop: &AtomicBool, done: &AtomicUsize) {
        let mut random = Random::new();
        while !stop.load(Ordering::SeqCst) {
            self.number += 1;
            let key = format!("acct:{}", random.below(ACCOUNTS));
            let id = format!("{}-{}", self.name, self.number);
            let events = match random.below(2) {
                0 => vec![format!("FW.SPEND {key} 0.01 ID {id}")],
                _ => vec![
                    format!("FW.ADMIT {key} COST 0 HOLD {id} 0.05 TTL 86400000"),
                    format!("FW.SPEND {key} 0.01 HOLD {id}"),
                ],
            };
            for event in events {
                if let Some(charge) = self.insist(&mut line, &event) {
                    // A hold that is charged for without it must never be asked for again.
                    self.sent.pop();
                    self.sent.push(charge);
                } else {
                    self.sent.push(event);
                }
                done.fetch_add(1, Ordering::SeqCst);
            }
            *self.cents.entry(key).or_default() += 1;
        }
    }

    /// Asks until there is an answer, as gateways do; every event has an id. Where the hold went with
    /// its primary, the charge is recorded without it, in other words: these.
    fn insist(&mut self, line: &mut Line, event: &str) -> Option<String> {
        let words = words(event);
        let answer = until(event, || match line.ask(&words) {
            Ok(answer) => Some(answer.line()),
            Err(error) if error.code() == Some("NOHOLD") => Some("NOHOLD".to_owned()),
            Err(error) if error.code() == Some("CONFLICT") => Some("CONFLICT".to_owned()),
            Err(_) => {
                self.retries += 1;
                None
            }
        });
        if answer == "NOHOLD" {
            let (charge, id) = event.split_once(" HOLD ").expect("a charge of a hold");
            let charge = format!("{charge} ID {id}");
            self.insist(line, &charge);
            return Some(charge);
        }
        let known = answer == "CONFLICT" && event.contains("ADMIT");
        let done = answer.starts_with("OK ") || answer.starts_with("DUPLICATE ") || known;
        assert!(done, "{event}: {answer}");
        None
    }
}

/// What happens to the cluster under load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    Migrate,
    MigrateWhole,
    HandOver,
    Kill,
}

struct Figures {
    events: usize,
    retries: usize,
    moved: usize,
    changed: usize,
    atomically: usize,
}

/// Load and trouble; then what is stored is compared with what was acknowledged.
fn torture(troubles: &[Trouble]) -> (Cluster, Figures) {
    let kills = troubles.contains(&Trouble::Kill);
    let mut cluster = Cluster::start(if kills { Replicas::TakeOver } else { Replicas::Wait });
    let mut random = Random::new();
    let mut clients: Vec<Client> =
        (0..CLIENTS).map(|at| Client { name: format!("c{at}"), ..Client::default() }).collect();
    let (stop, done) = (AtomicBool::new(false), AtomicUsize::new(0));
    let mut figures = Figures { events: 0, retries: 0, moved: 0, changed: 0, atomically: 0 };
    std::thread::scope(|scope| {
        let _stop = Stop(&stop);
        for client in &mut clients {
            let line = cluster.client();
            let (stop, done) = (&stop, &done);
            scope.spawn(move || client.run(line, stop, done));
        }
        for trouble in troubles {
            let before = done.load(Ordering::SeqCst);
            match trouble {
                Trouble::Migrate | Trouble::MigrateWhole => {
                    let key = format!("acct:{}", random.below(ACCOUNTS));
                    let slot = cluster.nodes[0].says(&format!("CLUSTER KEYSLOT {key}"));
                    let primaries = cluster.primaries();
                    let to = primaries[usize::try_from(random.below(3)).expect("a place")];
                    if *trouble == Trouble::Migrate {
                        figures.moved += usize::from(cluster.migrate(&slot, to));
                    } else {
                        figures.atomically += usize::from(cluster.migrate_whole(&slot, to));
                    }
                }
                Trouble::HandOver => cluster.hand_over(&mut random),
                Trouble::Kill => cluster.kill_one(&mut random),
            }
            figures.changed += usize::from(matches!(trouble, Trouble::HandOver | Trouble::Kill));
            let enough = before + 100;
            until("events", || (done.load(Ordering::SeqCst) >= enough).then_some(()));
        }
    });
    cluster.settle();
    if kills {
        // Replicas may have lacked what was acknowledged last: clients send all of it again.
        for client in &mut clients {
            let mut line = cluster.client();
            for event in std::mem::take(&mut client.sent) {
                client.insist(&mut line, &event);
            }
        }
    }
    figures.events = done.load(Ordering::SeqCst);
    figures.retries = clients.iter().map(|client| client.retries).sum();
    compare(&mut cluster, &clients);
    (cluster, figures)
}

/// On every primary and every replica, each account has exactly what was charged to it.
fn compare(cluster: &mut Cluster, clients: &[Client]) {
    let mut line = cluster.client();
    let mut wrong = Vec::new();
    for number in 0..ACCOUNTS {
        let key = format!("acct:{number}");
        let cents: u64 = clients.iter().filter_map(|client| client.cents.get(&key)).sum();
        if cents == 0 {
            continue;
        }
        let view = line.ask(&words(&format!("FW.GET {key}"))).expect("a view");
        let figure = |name: &str| view.value(name).map(Answer::word).expect("a figure");
        let spent = format!("{}.{:02}", cents / 100, cents % 100);
        let spent = spent.trim_end_matches('0').trim_end_matches('.');
        if (figure("spent").as_str(), figure("held").as_str()) != (spent, "0") {
            wrong.push(format!("{key}: {} for {spent}, held {}", figure("spent"), figure("held")));
        }
        let slot = cluster.nodes[0].says(&format!("CLUSTER KEYSLOT {key}"));
        let owner = cluster.owner(&slot);
        let digest = format!("DEBUG DIGEST-VALUE {key}");
        let primary = cluster.nodes[owner].says(&digest);
        let copies = (0..cluster.nodes.len())
            .filter(|at| *at != owner)
            .filter(|at| cluster.nodes[*at].says(&format!("CLUSTER COUNTKEYSINSLOT {slot}")) != "0")
            .collect::<Vec<_>>();
        for at in copies {
            until("a replica has the same", || {
                (cluster.nodes[at].says(&digest) == primary).then_some(())
            });
        }
    }
    for node in &mut cluster.nodes {
        assert_eq!(node.info("fw", "fw_divergences"), "0");
    }
    assert!(wrong.is_empty(), "{}\nmissing: {}", wrong.join("\n"), missing(&mut line, clients));
}

/// What was acknowledged and is not known any more: where a failure comes from shows in its numbers.
fn missing(line: &mut Line, clients: &[Client]) -> String {
    let events = clients.iter().flat_map(|client| {
        client.sent.iter().zip(1..).map(move |(event, at)| (event, at, client.sent.len()))
    });
    let lost = events.filter_map(|(event, at, of)| {
        let answer =
            line.ask(&words(event)).map_or_else(|error| error.to_string(), |answer| answer.line());
        let known = answer.starts_with("DUPLICATE ") || event.contains("ADMIT");
        (!known).then(|| format!("{event} ({at} of {of}): {answer}"))
    });
    lost.collect::<Vec<_>>().join("\n")
}

fn tell(what: &str, began: Instant, (mut cluster, figures): (Cluster, Figures)) {
    println!(
        "cluster: {what}: {}: {} events acknowledged and all stored once, {} slots moved by \
         MIGRATE, {} by MIGRATESLOTS, {} primaries replaced, {} requests repeated, {} s",
        version(&mut cluster.nodes[0]),
        figures.events,
        figures.moved,
        figures.atomically,
        figures.changed,
        figures.retries,
        began.elapsed().as_secs()
    );
}

#[test]
fn slots_that_move_under_load_lose_and_double_nothing() {
    let began = Instant::now();
    let one = [Trouble::Migrate, Trouble::MigrateWhole, Trouble::Migrate, Trouble::HandOver];
    let troubles: Vec<Trouble> = one.iter().copied().cycle().take(form(8, 240)).collect();
    tell("resharding", began, torture(&troubles));
}

#[test]
fn a_cluster_whose_primaries_are_killed_counts_every_charge_once() {
    let began = Instant::now();
    let one = [Trouble::Kill, Trouble::Migrate, Trouble::Migrate, Trouble::Migrate];
    let troubles: Vec<Trouble> = one.iter().copied().cycle().take(form(1, 40)).collect();
    tell("kills", began, torture(&troubles));
}

/// The charges of one cent that the script makes to each account.
const SCRIPTED: usize = 200;

#[test]
#[ignore = "needs redis-py: make test-clients"]
fn a_script_with_redis_py_is_routed_while_slots_move() {
    let test = std::env::current_exe().expect("a test knows where it is");
    let target = test.ancestors().nth(3).expect("it is in target/debug/deps");
    let library = target.join("clients/redis-py");
    assert!(library.exists(), "{} is not there: make test-clients", library.display());
    let mut cluster = Cluster::start(Replicas::Wait);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/torture/cluster.py");
    let port = cluster.nodes[0].port.to_string();
    let mut child = Command::new("python3")
        .env("PYTHONPATH", library)
        .args([script, &port, &SCRIPTED.to_string()])
        .spawn()
        .expect("the script starts");
    let (mut number, mut moved) = (0, 0);
    while child.try_wait().expect("it can be asked for").is_none() {
        number += 1;
        let slot = cluster.nodes[0].says(&format!("CLUSTER KEYSLOT py:{}", number % 8));
        let primaries = cluster.primaries();
        moved += usize::from(cluster.migrate(&slot, primaries[number % PRIMARIES]));
    }
    assert!(child.wait().expect("it ended").success(), "the script failed");
    let mut line = cluster.client();
    for at in 0..8 {
        let view = line.ask(&words(&format!("FW.GET py:{at}"))).expect("a view");
        assert_eq!(view.value("spent").map(Answer::word).as_deref(), Some("2"), "py:{at}");
    }
    println!("cluster: redis-py: {} charges, each once, {moved} slots moved", 8 * SCRIPTED);
}
