//! Commands out of a fuzzer's bytes: good lines of every form with some words replaced, and any
//! words at all; between them the clock moves and settings change.

use super::input::Input;

/// Good lines of every form of every command.
#[rustfmt::skip]
pub const FORMS: &[&str] = &[
    "FW.ADMIT k", "FW.ADMIT k COST 5", "FW.ADMIT k COST 1 SCOPE m TOKENS 5 HOLD h 1 TTL 1000",
    "FW.ADMIT k HOLD g 2.5", "FW.PEEK k COST 1 SCOPE m TOKENS 5 HOLD p 1 TTL 1000",
    "FW.EXPLAIN k COST 1 SCOPE m TOKENS 5 HOLD p 1 TTL 1000", "FW.SPEND k 1", "FW.SPEND k 1 ID s",
    "FW.SPEND k 1 HOLD h TOKENS 1 PARTIAL", "FW.SPEND k 1 HOLD h TOKENS 7", "FW.EXTEND k h 90000",
    "FW.VOID k h", "FW.TOPUP k 1 ID t", "FW.TOPUP k 1 ID u PROMO", "FW.REFUND k 1 ID r",
    "FW.INVOICE k FAILED i", "FW.INVOICE k PAID i AMOUNT 1", "FW.INVOICE k VOIDED j",
    "FW.SUSPEND k fraud", "FW.RESUME k", "FW.SET k payment-method yes tier auto anchor-day 3",
    "FW.SET k tier tier-2", "FW.LIMIT k requests VALUE 5 MAX 600", "FW.LIMIT k spend MAX 5",
    "FW.LIMIT k tokens@m VALUE 70", "FW.LIMIT k requests@m MAX 9", "FW.LIMIT k h100 MAX DEFAULT",
    "FW.LIMIT k tokens MAX 900", "FW.LIMIT k concurrency MAX 2",
    "FW.QUOTA k RESERVE l h100 1 a100 1 TTL 1000", "FW.QUOTA k RESERVE n h100 2 TTL 0",
    "FW.QUOTA k RENEW l 1 TTL 1000", "FW.QUOTA k RELEASE l 1", "FW.QUOTA k SYNC 1 l n",
    "FW.QUOTAS k", "FW.QUOTAS k requests", "FW.GET k", "FW.HOLDS k COUNT 1", "FW.LEASES k COUNT 1",
    "FW.LOG k COUNT 3", "FW.TIERS", "FW.HELP", "FW.HELP ADMIT", "FW.CLOCK SET 1773144000000",
    "FW.CLOCK ADVANCE 1", "FW.CLOCK REAL",
];

/// Words that mean something somewhere, and words that mean harm.
#[rustfmt::skip]
const WORDS: &[&[u8]] = &[
    b"COST", b"SCOPE", b"TOKENS", b"HOLD", b"TTL", b"ID", b"PARTIAL", b"PROMO", b"FAILED", b"PAID",
    b"VOIDED", b"AMOUNT", b"payment-method", b"tier", b"anchor-day", b"yes", b"no", b"auto",
    b"unlimited", b"VALUE", b"MAX", b"DEFAULT", b"RESERVE", b"RENEW", b"RELEASE", b"SYNC", b"COUNT",
    b"requests", b"tokens", b"concurrency", b"spend", b"requests@m", b"tokens@m", b"requests@n",
    b"tokens@n", b"requests@", b"h100", b"a100", b"deployed-models", b"nosuch", b"tier-1", b"tier-4",
    b"h", b"g", b"i", b"l", b"m", b"n", b"k", b"s", b"t", b"0", b"1", b"2", b"3", b"7", b"50", b"100",
    b"600", b"1000", b"60000", b"86400000", b"86400001", b"31536000000", b"4611686018427387904",
    b"9223372036854775806", b"9223372036854775807", b"9223372036854775808", b"99999999999999999999",
    b"0.000000001", b"4611686018.427387904", b"9223372036.854775807", b"9223372036.854775808", b".5",
    b"5.", b"-1", b"+1", b"1e5", b"nan", b"", b" ", b"\0", b"a\0b", b"%n%s%n", b"\r\n-ERR x\r\n",
    b"\xff\xfe", b"\xc4\x80\xe2\x84\xa2\xf0\x9f\x98\x80", b"Fw.AdMiT", b"FW.QUOTA",
];

/// Settings that come into force between commands.
#[rustfmt::skip]
const SETTINGS: &[(&str, &str)] = &[
    ("new-accounts", "open"), ("new-accounts", "reject"), ("new-accounts", "prepaid"),
    ("requests-per-minute", "3"), ("requests-per-minute", "9223372036854775807"),
    ("requests-per-minute", "unlimited"), ("tokens-per-minute", "10"),
    ("tokens-per-minute", "9223372036854775807"), ("concurrency", "1"), ("concurrency", "unlimited"),
    ("tiers", "tier-2 1 0; tier-1 unlimited 1"), ("tiers", "tier-1 9223372036 0; tier-2 0 9223372036"),
    ("quotas", ""), ("quotas", "h100 9223372036854775807; a100 2; z 1"), ("anchor-day", "31"),
    ("thresholds", ""), ("thresholds", "1 2 3 4 50 60 99 100"), ("hold-ttl-ms", "1"),
    ("lease-ttl-ms", "0"), ("lease-ttl-ms", "1"), ("hold-memory-ms", "0"), ("spend-memory-ms", "0"),
    ("billing-memory-ms", "1"), ("hold-memory-ms", "31536000000"),
];

const MINUTE: i64 = 60_000;
const DAY: i64 = 86_400_000;
/// How the clock moves, in ms.
#[rustfmt::skip]
const MOVES: &[i64] = &[
    1, 999, 1_000, 1_001, 30_000, MINUTE - 1, MINUTE, MINUTE + 1, 600_000, DAY, 31 * DAY, 40 * DAY,
    400 * DAY, 366_000 * DAY, i64::MAX, -1, -MINUTE, -MINUTE - 1, -3_600_000, -31 * DAY, -400 * DAY,
    i64::MIN,
];

/// One step of the traffic.
pub enum Step {
    Command(Vec<Vec<u8>>),
    Clock(i64),
    Setting(&'static str, &'static str),
}

/// Takes one step from the bytes.
pub fn step(input: &mut Input<'_>) -> Step {
    match input.byte() {
        0..=159 => Step::Command(good(input)),
        160..=207 => Step::Command(any(input)),
        208..=239 => Step::Clock(*input.pick(MOVES)),
        _ => {
            let (name, value) = *input.pick(SETTINGS);
            Step::Setting(name, value)
        }
    }
}

/// The words of a line of [`FORMS`].
pub fn words(line: &str) -> Vec<Vec<u8>> {
    line.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}

/// A good line, of which some words may be replaced, dropped or doubled.
fn good(input: &mut Input<'_>) -> Vec<Vec<u8>> {
    let line: &&str = input.pick(FORMS);
    let mut words = words(line);
    for _ in 0..input.byte() % 4 {
        let at = usize::from(input.byte());
        let place = at % words.len();
        match at / words.len() % 8 {
            0 => drop(words.drain(place..)),
            1 => words.insert(place, words[place].clone()),
            _ => words[place] = word(input),
        }
        if words.is_empty() {
            break;
        }
    }
    words
}

/// The name of a command, and any words.
fn any(input: &mut Input<'_>) -> Vec<Vec<u8>> {
    let line: &&str = input.pick(FORMS);
    let mut words = words(line);
    words.truncate(2);
    for _ in 0..input.byte() % 40 {
        words.push(word(input));
    }
    words
}

fn word(input: &mut Input<'_>) -> Vec<u8> {
    let choice = usize::from(input.byte());
    if let Some(word) = WORDS.get(choice) {
        return word.to_vec();
    }
    match choice % 4 {
        0 => vec![input.byte(); 120 + usize::from(input.byte())],
        _ => {
            let length = usize::from(input.byte() % 24);
            input.bytes(length).to_vec()
        }
    }
}
