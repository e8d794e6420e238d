//! Files and payloads that are cut at every byte, or have a bit turned over.
//!
//! A server refuses them, or has accounts as they once were. It never crashes, and never has an
//! account that was not. What the checksums cannot see is said in docs/reliability.md.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use redis::Connection;
use xxhash_rust::xxh3::xxh3_64;

use crate::answer::Answer;
use crate::client::{blob, stored};
use crate::scenario::START;
use crate::started::Started;
use crate::support::scenario::words;
use crate::support::server::{Server, run_on};
use crate::{form, version};

const KEYS: [&str; 2] = ["a", "b"];
const WORKERS: usize = 2;

/// A little of everything. Time goes on between the commands.
const HISTORY: [&str; 14] = [
    "FW.TOPUP a 20 ID t",
    "FW.SPEND b 1 ID s",
    "FW.LIMIT a tokens MAX 90",
    "FW.ADMIT a COST 2 TOKENS 5 HOLD h 3",
    "FW.ADMIT b",
    "FW.SPEND a 1 HOLD h PARTIAL",
    "FW.QUOTA a RESERVE l h100 2",
    "FW.SPEND a 2 HOLD h TOKENS 7",
    "FW.INVOICE b FAILED i",
    "FW.SPEND a 1.5 ID s",
    "FW.ADMIT a COST 0 HOLD v 1 TTL 900",
    "FW.QUOTA a RELEASE l",
    "FW.SUSPEND b fraud",
    "FW.REFUND a 0.5 ID r",
];

type State = BTreeMap<String, Vec<u8>>;

/// What a small history left, and every state that it went through.
struct Past {
    server: Server,
    states: Vec<State>,
}

fn state_of(server: &mut Server) -> State {
    stored(server, &KEYS.map(str::to_owned)).into_iter().collect()
}

impl Past {
    fn new(lines: &[&str]) -> Self {
        let all: Vec<&str> =
            ["rdbcompression no", "save \"\""].iter().chain(lines).copied().collect();
        let mut server = Server::start(&all);
        let mut states = vec![State::new()];
        for (at, line) in (0..).zip(HISTORY) {
            server.must(&format!("FW.CLOCK SET {}", START + at * 700));
            server.must(line);
            states.push(state_of(&mut server));
        }
        Self { server, states }
    }
}

/// What became of damaged files.
#[derive(Debug, Default)]
struct Outcomes {
    refused: AtomicUsize,
    /// Loaded, in a state that was.
    whole: AtomicUsize,
    /// Loaded, and INFO says that effects did not fit.
    told: AtomicUsize,
    wrong: Mutex<Vec<String>>,
    /// Where a file was damaged, and which state it loaded as.
    states: Mutex<Vec<(usize, usize)>>,
}

fn state_on(connection: &mut Connection) -> State {
    let mut state = State::new();
    let Answer::List(keys) = run_on(connection, &words("KEYS *")) else { panic!("keys") };
    for key in keys {
        let key = key.word();
        if let Answer::Text(dump) = run_on(connection, &words(&format!("DUMP {key}"))) {
            state.insert(key, blob(&dump));
        }
    }
    state
}

pub fn divergences(connection: &mut Connection) -> u64 {
    let Answer::Text(text) = run_on(connection, &words("INFO fw")) else { panic!("INFO") };
    let text = String::from_utf8_lossy(&text).into_owned();
    let field = text.lines().find_map(|line| line.strip_prefix("fw_divergences:"));
    field.and_then(|count| count.parse().ok()).expect("a count")
}

/// How a file is damaged.
#[derive(Clone, Copy, Debug)]
enum Damage {
    Cut,
    /// One bit is turned over.
    Flip,
}

impl Damage {
    fn done(self, file: &[u8], at: usize) -> Vec<u8> {
        let mut file = file.to_vec();
        match self {
            Self::Cut => file.truncate(at),
            Self::Flip => file[at] ^= 1 << (at % 8),
        }
        file
    }
}

/// What is damaged, and how a server is started on it.
struct Trial<'a> {
    lines: &'a [&'a str],
    damage: Damage,
    /// The file within the folder, and the folder that it is from.
    file: &'a Path,
    from: &'a Path,
    /// Which state that was it has loaded as, if any.
    state: &'a (dyn Fn(&State) -> Option<usize> + Sync),
}

/// Damages the file at every so many bytes, and starts a server on each.
fn try_all(trial: &Trial, stride: usize) -> Outcomes {
    let whole = std::fs::read(trial.from.join(trial.file)).expect("the file reads");
    let (outcomes, next) = (Outcomes::default(), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed) * stride;
                    if at >= whole.len() {
                        break;
                    }
                    try_one(trial, &whole, at, &outcomes);
                }
            });
        }
    });
    outcomes
}

fn try_one(trial: &Trial, whole: &[u8], at: usize, outcomes: &Outcomes) {
    let mut server = Started::new(trial.lines, |folder| {
        copy(trial.from, folder);
        std::fs::write(folder.join(trial.file), trial.damage.done(whole, at)).expect("a file");
    });
    let wrong = |why: String| {
        outcomes.wrong.lock().expect("no test has failed").push(format!("byte {at}: {why}"));
    };
    let Some(mut connection) = server.connect() else {
        return match server.refused() {
            Ok(()) => drop(outcomes.refused.fetch_add(1, Ordering::Relaxed)),
            Err(why) => wrong(why),
        };
    };
    let state = state_on(&mut connection);
    if divergences(&mut connection) > 0 {
        outcomes.told.fetch_add(1, Ordering::Relaxed);
    } else if let Some(which) = (trial.state)(&state) {
        outcomes.whole.fetch_add(1, Ordering::Relaxed);
        outcomes.states.lock().expect("no test has failed").push((at, which));
    } else {
        wrong(format!("{:?}", state.keys()));
    }
}

/// Copies the data of a server: files at the top, and the folder of the append-only file.
pub fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).expect("a folder reads") {
        let entry = entry.expect("an entry reads");
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            std::fs::create_dir_all(&target).expect("a folder");
            copy(&path, &target);
        } else if path.extension().is_some_and(|end| end != "conf" && end != "log") {
            std::fs::copy(&path, &target).expect("a file is copied");
        }
    }
}

fn tell(what: &str, server: &mut Server, began: Instant, outcomes: &Outcomes) {
    let count = |count: &AtomicUsize| count.load(Ordering::Relaxed);
    let wrong = outcomes.wrong.lock().expect("no test has failed");
    println!(
        "damage: {what}: {}: {} refused, {} loaded as they once were, {} loaded with divergences \
         counted, {} wrong, {} s",
        version(server),
        count(&outcomes.refused),
        count(&outcomes.whole),
        count(&outcomes.told),
        wrong.len(),
        began.elapsed().as_secs()
    );
    assert!(wrong.is_empty(), "{what}:\n{}", wrong.join("\n"));
}

const AOF: [&str; 2] = ["appendonly yes", "aof-use-rdb-preamble no"];

#[test]
fn an_append_only_file_that_is_cut_or_damaged_gives_a_state_that_was_or_none() {
    let mut past = Past::new(&["appendfsync always", "aof-use-rdb-preamble no"]);
    let file = crate::crash::newest(&past.server.folder);
    let file = file.strip_prefix(&past.server.folder).expect("it is in the folder").to_owned();
    for (damage, stride) in [(Damage::Cut, form(97, 1)), (Damage::Flip, form(89, 1))] {
        let began = Instant::now();
        let outcomes = try_all(
            &Trial {
                lines: &AOF,
                damage,
                file: &file,
                from: &past.server.folder,
                state: &|state| past.states.iter().position(|past| past == state),
            },
            stride,
        );
        if let Damage::Cut = damage {
            prefixes(&outcomes, HISTORY.len());
        }
        let what = format!("AOF, {damage:?} every {stride}");
        tell(&what, &mut past.server, began, &outcomes);
    }
}

/// The longer the file, the more of the history; at its end all but perhaps the last of it.
fn prefixes(outcomes: &Outcomes, last: usize) {
    let mut states = outcomes.states.lock().expect("no test has failed").clone();
    states.sort_unstable();
    assert!(states.is_sorted_by_key(|(_, which)| *which), "{states:?}");
    assert!(states.last().is_some_and(|(_, which)| which + 1 >= last), "{states:?}");
    assert_eq!(outcomes.told.load(Ordering::Relaxed), 0, "a cut is no damage to an effect");
}

#[test]
fn a_damaged_effect_stops_a_server_that_is_told_to_stop() {
    let mut past = Past::new(&["appendfsync always", "aof-use-rdb-preamble no"]);
    let file = crate::crash::newest(&past.server.folder);
    let file = file.strip_prefix(&past.server.folder).expect("it is in the folder").to_owned();
    let began = Instant::now();
    let lines = [AOF[0], AOF[1], "propagation-error-behavior panic", "crash-memcheck-enabled no"];
    let stride = form(131, 3);
    let trial = Trial {
        lines: &lines,
        damage: Damage::Flip,
        file: &file,
        from: &past.server.folder,
        state: &|state| past.states.iter().position(|past| past == state),
    };
    let outcomes = try_all(&trial, stride);
    tell(&format!("AOF, Flip every {stride}, panic"), &mut past.server, began, &outcomes);
}

#[test]
fn a_snapshot_that_is_cut_or_damaged_gives_accounts_that_were_or_none() {
    let mut past = Past::new(&["appendonly no"]);
    past.server.must("SAVE");
    let last = past.states.last().expect("a state").clone();
    let ever: BTreeSet<&Vec<u8>> = past.states.iter().flat_map(|state| state.values()).collect();
    // Without the server's own checksum there are only ours; names of keys have none then.
    let known = |state: &State| state.values().all(|blob| ever.contains(blob));
    let summed = ["appendonly no"];
    let unsummed = ["appendonly no", "rdbchecksum no"];
    for (lines, damage, stride) in [
        (&summed[..], Damage::Cut, form(37, 1)),
        (&summed[..], Damage::Flip, form(37, 1)),
        (&unsummed[..], Damage::Flip, form(11, 1)),
    ] {
        let began = Instant::now();
        let is_summed = lines.len() == 1;
        let trial = Trial {
            lines,
            damage,
            file: Path::new("dump.rdb"),
            from: &past.server.folder,
            state: &|state| (if is_summed { *state == last } else { known(state) }).then_some(0),
        };
        let outcomes = try_all(&trial, stride);
        let what = format!("RDB, {damage:?} every {stride}, server's checksum {is_summed}");
        tell(&what, &mut past.server, began, &outcomes);
    }
}

#[test]
fn a_payload_that_is_cut_or_damaged_restores_nothing_or_a_whole_account() {
    let mut past = Past::new(&["appendonly no"]);
    let Answer::Text(dump) = past.server.must("DUMP a") else { panic!("a payload") };
    let inner = blob(&dump);
    let start = dump.windows(inner.len()).position(|part| part == inner).expect("it is inside");
    let body = start..start + inner.len() - size_of::<u64>();
    let (mut refused, mut restored) = (0, 0);
    let mut restore = |payload: Vec<u8>| {
        let restore = [b"RESTORE".to_vec(), b"r".to_vec(), b"0".to_vec(), payload.clone()];
        let answer = past.server.run(&restore);
        if matches!(answer, Answer::Error(_)) {
            refused += 1;
            assert_eq!(past.server.says("EXISTS r"), "0");
            return;
        }
        restored += 1;
        // A number may be written longer than it need be; what is dumped never is.
        let Answer::Text(dump) = past.server.must("DUMP r") else { panic!("a payload") };
        let again = [b"RESTORE".to_vec(), b"again".to_vec(), b"0".to_vec(), dump.clone()];
        assert_eq!(past.server.run(&again).line(), "OK");
        assert_eq!(past.server.must("DUMP again"), Answer::Text(dump), "it is a whole account");
        past.server.picture("r");
        past.server.ask("FW.ADMIT r COST 0 HOLD new 1");
        past.server.ask("FW.SPEND r 1 ID new");
        past.server.must("DEL r again");
    };
    for at in 0..dump.len() {
        restore(dump[..at].to_vec());
        restore(resealed(dump[..at].to_vec()));
        for bit in 0..8 {
            let mut damaged = dump.clone();
            damaged[at] ^= 1 << bit;
            restore(damaged.clone());
            if body.contains(&at) {
                let seal = xxh3_64(&damaged[body.clone()]);
                damaged[body.end..body.end + size_of::<u64>()].copy_from_slice(&seal.to_le_bytes());
                restore(resealed(damaged));
            }
        }
    }
    println!(
        "damage: RESTORE, every byte and bit, resealed too: {}: {refused} refused, {restored} \
         restored as they are",
        version(&mut past.server)
    );
    assert!(refused > restored, "most damage is seen");
}

/// The payload with the server's checksum at its end made right (CRC-64 of Jones).
fn resealed(mut payload: Vec<u8>) -> Vec<u8> {
    let Some(end) = payload.len().checked_sub(size_of::<u64>()) else { return payload };
    let mut sum = 0_u64;
    for byte in &payload[..end] {
        sum ^= u64::from(*byte);
        for _ in 0..8 {
            sum = (sum >> 1) ^ if sum & 1 == 1 { 0x95ac_9329_ac4b_c9b5 } else { 0 };
        }
    }
    payload[end..].copy_from_slice(&sum.to_le_bytes());
    payload
}
