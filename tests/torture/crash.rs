//! Servers killed at a random moment under load, and what they have after they start again.
//!
//! Every client's accounts must be, to the byte, in one state of that client's history: with all
//! that was acknowledged under `appendfsync always`, else with all that was safe by then.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use crate::answer::Answer;
use crate::client::{Client, SHARED, stored};
use crate::scenario::START;
use crate::support::history::Random;
use crate::support::server::Server;
use crate::{Doomed, form, until, version};

const CLIENTS: usize = 8;
/// Rounds after which clients go on with new accounts, so that accounts stay small.
const GENERATION: usize = 8;

/// What happens beside the load before the server is killed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beside {
    Nothing,
    /// The append-only file is written anew.
    Rewrite,
    /// A snapshot is taken; what it began with is safe once it is done.
    Snapshot,
    /// The power fails: of what was written since a moment ago, the file keeps a part.
    PowerCut,
}

/// What became of all rounds.
#[derive(Default)]
struct Figures {
    kills: usize,
    /// Kills while a rewrite or a snapshot was running.
    amid: usize,
    acknowledged: usize,
    lost: usize,
    unheard: usize,
}

/// What is safe when the server is killed.
#[derive(Default)]
struct Safe {
    /// Of each client, how many of its commands.
    commands: Vec<usize>,
    /// Of the append-only file, how many bytes.
    bytes: u64,
}

struct Torture {
    server: Server,
    /// `appendfsync always`: what is acknowledged is safe.
    is_always: bool,
    clients: Vec<Client>,
    random: Random,
    figures: Figures,
    /// Accounts of former generations, as they are stored.
    retired: HashMap<String, Vec<u8>>,
    /// Charges of one cent to an account that all clients share, as they are stored.
    shared: usize,
    began: Instant,
}

impl Torture {
    fn new(lines: &[&str]) -> Self {
        let own = ["rdbcompression no", "auto-aof-rewrite-min-size 2mb"];
        let all: Vec<&str> = own.iter().chain(lines).copied().collect();
        Self {
            server: Server::start(&all),
            is_always: lines.contains(&"appendfsync always"),
            clients: (0..CLIENTS).map(|at| Client::new(format!("c{at}-0"))).collect(),
            random: Random::new(),
            figures: Figures::default(),
            retired: HashMap::new(),
            shared: 0,
            began: Instant::now(),
        }
    }

    /// Load, a kill and a restart; then every account is looked at.
    fn round(&mut self, beside: Beside) {
        let clock = START + i64::try_from(self.figures.kills).expect("few rounds") * 1_700;
        self.server.must(&format!("FW.CLOCK SET {clock}"));
        self.clients.iter_mut().for_each(|client| client.set_clock(clock));
        let mut safe = self.load_and_kill(beside);
        if beside == Beside::PowerCut {
            let file = newest(&self.server.folder);
            // A write waits while the disk syncs, for at most two seconds.
            let Some(rest) = size(&file).checked_sub(safe.bytes) else {
                safe.commands.fill(0);
                return self.restart(&safe);
            };
            let kept = safe.bytes + self.random.below(rest + 1);
            let open = std::fs::File::options().write(true).open(&file).expect("the file");
            open.set_len(kept).expect("the file is cut");
        }
        self.restart(&safe);
    }

    fn restart(&mut self, safe: &Safe) {
        self.server.restart();
        self.figures.kills += 1;
        self.look(&safe.commands);
        if self.figures.kills.is_multiple_of(GENERATION) {
            self.retire();
        }
    }

    /// Runs the clients until the server is killed after so many replies.
    fn load_and_kill(&mut self, beside: Beside) -> Safe {
        let connections: Vec<_> = self.clients.iter().map(|_| self.server.connect()).collect();
        let counts: Vec<_> = self.clients.iter().map(|one| Arc::clone(&one.answered)).collect();
        let each = || counts.iter().map(|one| one.load(Ordering::SeqCst)).collect::<Vec<_>>();
        let wait = |replies: u64| {
            let enough = || (each().iter().sum::<usize>() as u64 >= replies).then_some(());
            until("replies", enough);
        };
        // Slow in every other round, so that the kill comes before the end and after it.
        let slow = !self.figures.kills.is_multiple_of(2);
        let delay = if slow { 1_000 } else { 0 };
        self.server.must(&format!("CONFIG SET rdb-key-save-delay {delay}"));
        let (first, rest) = (self.random.below(1_500), self.random.below(1_500));
        let (server, amid) = (&mut self.server, &mut self.figures.amid);
        let mut safe = Safe { commands: vec![0; counts.len()], bytes: 0 };
        std::thread::scope(|scope| {
            let Doomed(server) = &mut Doomed(server);
            for (client, connection) in self.clients.iter_mut().zip(connections) {
                scope.spawn(|| client.run(connection, usize::MAX));
            }
            wait(first);
            let by_now = each();
            match beside {
                Beside::Nothing => {}
                // The server may have begun one by itself.
                Beside::Rewrite => drop(server.ask("BGREWRITEAOF")),
                Beside::Snapshot => {
                    server.must("BGSAVE");
                    if !slow {
                        server.wait_for("persistence", "rdb_bgsave_in_progress", "0");
                    }
                }
                Beside::PowerCut => safe.bytes = appended(server),
            }
            wait(each().iter().sum::<usize>() as u64 + rest);
            let busy = match beside {
                Beside::Rewrite => server.info("persistence", "aof_rewrite_in_progress") == "1",
                Beside::Snapshot => server.info("persistence", "rdb_bgsave_in_progress") == "1",
                Beside::Nothing | Beside::PowerCut => false,
            };
            *amid += usize::from(busy);
            if beside == Beside::PowerCut || beside == Beside::Snapshot && !busy {
                safe.commands = by_now;
            }
            end_children(server);
        });
        if self.is_always {
            safe.commands = each();
        }
        safe
    }

    fn look(&mut self, safe: &[usize]) {
        let round = self.figures.kills;
        let keys: Vec<String> = self.clients.iter().flat_map(Client::keys).collect();
        let all = stored(&mut self.server, &keys);
        for (client, safe) in self.clients.iter_mut().zip(safe) {
            let settled = client.settle(&all, *safe);
            let settled = settled.unwrap_or_else(|why| panic!("kill {round}: {why}"));
            self.figures.acknowledged += settled.acknowledged;
            self.figures.lost += settled.lost;
            self.figures.unheard += settled.unheard;
        }
        let names: Vec<String> = self.retired.keys().cloned().collect();
        assert!(stored(&mut self.server, &names) == self.retired, "kill {round}: old accounts");
        self.look_at_shared();
        assert_eq!(self.server.info("fw", "fw_divergences"), "0");
    }

    /// The account that all clients charge: nobody knows the order, everybody the sum.
    fn look_at_shared(&mut self) {
        let view = self.server.must(&format!("FW.GET {SHARED}"));
        // What is spent begins anew each month; history does not.
        let spent = view.value("history").map_or("0".to_owned(), Answer::word);
        let (dollars, cents) = spent.split_once('.').unwrap_or((&spent, ""));
        let stored: usize = format!("{dollars}{cents:0<2}").parse().expect("whole cents");
        let (mut least, mut most) = (self.shared, self.shared);
        for client in &mut self.clients {
            let (sent, answered) = std::mem::take(&mut client.shared);
            most += sent;
            least += if self.is_always { answered } else { 0 };
            self.figures.acknowledged += answered;
        }
        assert!((least..=most).contains(&stored), "{least} to {most} cents, not {stored}");
        self.shared = stored;
    }

    /// Clients go on with new accounts; the old ones must stay as they are.
    fn retire(&mut self) {
        let keys: Vec<String> = self.clients.iter().flat_map(Client::keys).collect();
        self.retired.extend(stored(&mut self.server, &keys));
        for (at, client) in self.clients.iter_mut().enumerate() {
            client.rename(format!("c{at}-{}", self.figures.kills));
        }
    }

    fn tell(mut self, what: &str) {
        let Figures { kills, amid, acknowledged, lost, unheard } = self.figures;
        let version = version(&mut self.server);
        println!(
            "crash: {what}: {version}: {kills} kills ({amid} amid a rewrite or a snapshot), \
             {acknowledged} acknowledged changes, {lost} lost, {unheard} unheard but kept, {} s",
            self.began.elapsed().as_secs()
        );
        if self.is_always {
            assert_eq!(lost, 0);
        }
    }
}

/// How far the newest file will go once all that was answered by now is written.
fn appended(server: &mut Server) -> u64 {
    let text = server.must("INFO persistence").word();
    let figure = |name: &str| -> u64 {
        let at = text.find(name).expect("a field") + name.len();
        let digits: String = text[at..].chars().take_while(char::is_ascii_digit).collect();
        digits.parse().expect("a figure")
    };
    let all = figure("aof_current_size:") + figure("aof_buffer_length:");
    let newest = newest(&server.folder);
    let files = std::fs::read_dir(newest.parent().expect("a folder")).expect("it reads");
    let paths = files.map(|entry| entry.expect("an entry").path());
    let others = paths.filter(|path| {
        *path != newest && path.extension().is_some_and(|end| end == "aof" || end == "rdb")
    });
    all - others.map(|path| size(&path)).sum::<u64>()
}

/// Kills what writes a snapshot, which would else put it into its place after the server is gone.
fn end_children(server: &mut Server) {
    let pid = server.info("server", "process_id");
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    for child in children.unwrap_or_default().split_whitespace() {
        // It may have ended by itself.
        let _ = std::process::Command::new("kill").args(["-9", child]).output();
    }
}

pub fn newest(folder: &Path) -> PathBuf {
    let folder = folder.join("appendonlydir");
    let manifest = std::fs::read_to_string(folder.join("appendonly.aof.manifest"));
    let manifest = manifest.expect("a manifest");
    let last = manifest.lines().rfind(|line| line.contains(" type i")).expect("a last file");
    folder.join(last.split(' ').nth(1).expect("its name"))
}

fn size(file: &Path) -> u64 {
    std::fs::metadata(file).expect("the file is there").len()
}

#[test]
fn a_killed_server_has_all_that_it_acknowledged() {
    let mut torture = Torture::new(&["appendfsync always", "save \"\""]);
    for number in 0..form(5, 200) {
        torture.round(if number % 4 > 1 { Beside::Rewrite } else { Beside::Nothing });
    }
    torture.tell("appendfsync always");
}

#[test]
fn a_power_cut_under_everysec_leaves_a_state_that_was() {
    // A rewrite would put a second file beside the one that is cut.
    let lines = ["appendfsync everysec", "save \"\"", "auto-aof-rewrite-percentage 0"];
    let mut torture = Torture::new(&lines);
    for number in 0..form(3, 50) {
        torture.round(if number % 3 == 2 { Beside::Nothing } else { Beside::PowerCut });
    }
    torture.tell("appendfsync everysec");
}

#[test]
fn a_killed_server_with_snapshots_alone_has_the_last_one() {
    let mut torture = Torture::new(&["appendonly no", "save \"\""]);
    for _ in 0..form(3, 50) {
        torture.round(Beside::Snapshot);
    }
    torture.tell("RDB alone");
}
