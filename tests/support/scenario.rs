//! Reads scenarios and plays them against anything that answers commands.
//!
//! The format is described in tests/scenarios/README.md. A failure names the file, the line, the
//! scenario, what was expected and what came.

use std::path::PathBuf;

use super::answer::Answer;

/// Where every scenario begins: 2026-03-10T12:00:00Z.
pub const START: i64 = 1_773_144_000_000;

/// What answers commands.
pub trait Target {
    /// Forgets all accounts and settings; new accounts are open, the clock stands at [`START`].
    fn reset(&mut self);
    /// Changes a setting.
    fn set(&mut self, name: &str, value: &str);
    /// Moves the clock.
    fn clock(&mut self, ms: i64);
    /// Runs a command.
    fn run(&mut self, words: &[Vec<u8>]) -> Answer;
    /// The events sent since this was last asked.
    fn events(&mut self) -> Vec<String>;
    /// What a key holds, in any form that tells one state from another.
    fn image(&mut self, key: &[u8]) -> Vec<u8>;
}

/// One scenario.
struct Scenario {
    title: String,
    steps: Vec<(usize, Step)>,
}

/// One line of a scenario.
enum Step {
    Set(String, String),
    Clock(i64),
    Advance(i64),
    Times(usize, String),
    Command(Expect),
}

/// A command and its answer.
struct Expect {
    command: String,
    reply: String,
    whole: bool,
    unchanged: bool,
    events: Option<String>,
}

/// Plays every scenario of every file; returns how many there were.
///
/// # Panics
/// With all scenarios that did not go as written.
pub fn play_all(target: &mut impl Target) -> usize {
    let mut failures = Vec::new();
    let mut count = 0;
    for file in files() {
        let text = std::fs::read_to_string(&file).expect("a scenario file reads");
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for scenario in parse(&name, &text) {
            count += 1;
            if let Err((line, text)) = play(&scenario, target) {
                failures.push(format!("{name}:{line}: {}\n  {text}", scenario.title));
            }
        }
    }
    assert!(failures.is_empty(), "{} of {count}:\n{}", failures.len(), failures.join("\n"));
    count
}

fn files() -> Vec<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let entries = std::fs::read_dir(folder).expect("tests/scenarios reads");
    let paths = entries.map(|entry| entry.expect("an entry reads").path());
    let mut files: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|end| end == "txt")).collect();
    files.sort();
    files
}

fn parse(file: &str, text: &str) -> Vec<Scenario> {
    let mut scenarios: Vec<Scenario> = Vec::new();
    for (at, line) in text.lines().map(str::trim).enumerate().map(|(at, line)| (at + 1, line)) {
        if line.is_empty() {
            continue;
        }
        if let Some(title) = line.strip_prefix("# ") {
            scenarios.push(Scenario { title: title.to_owned(), steps: Vec::new() });
            continue;
        }
        let last = scenarios.last_mut().unwrap_or_else(|| panic!("{file}:{at}: no title yet"));
        step(line, at, &mut last.steps).unwrap_or_else(|why| panic!("{file}:{at}: {why}"));
    }
    scenarios
}

fn step(line: &str, at: usize, steps: &mut Vec<(usize, Step)>) -> Result<(), &'static str> {
    let (head, rest) = line.split_once(' ').ok_or("a line of one word")?;
    if head == "<" || head == "<~" {
        let Some((_, Step::Command(expect))) = steps.last_mut() else {
            return Err("a reply without a command");
        };
        let join = if expect.reply.is_empty() { "" } else { " " };
        expect.reply = format!("{}{join}{rest}", expect.reply);
        expect.whole = head == "<";
        return Ok(());
    }
    if head == "!" {
        let Some((_, Step::Command(expect))) = steps.last_mut() else {
            return Err("events without a command");
        };
        expect.events = Some(rest.to_owned());
        return Ok(());
    }
    let step = match head {
        "set" => {
            let (name, value) = rest.split_once(' ').unwrap_or((rest, ""));
            let value = if value == "\"\"" { "" } else { value };
            Step::Set(name.to_owned(), value.to_owned())
        }
        "clock" => Step::Clock(millis(rest).ok_or("not a time")?),
        "advance" => Step::Advance(rest.parse().map_err(|_| "not a span")?),
        "times" => {
            let (count, command) = rest.split_once(' ').ok_or("no command")?;
            Step::Times(count.parse().map_err(|_| "not a count")?, command.to_owned())
        }
        ">" | ">=" => Step::Command(Expect {
            command: rest.to_owned(),
            reply: String::new(),
            whole: true,
            unchanged: head == ">=",
            events: None,
        }),
        _ => return Err("a line of no known kind"),
    };
    steps.push((at, step));
    Ok(())
}

fn play(scenario: &Scenario, target: &mut impl Target) -> Result<(), (usize, String)> {
    target.reset();
    let mut clock = START;
    for (line, step) in &scenario.steps {
        match step {
            Step::Set(name, value) => target.set(name, value),
            Step::Clock(to) => clock = *to,
            Step::Advance(by) => clock += by,
            Step::Times(count, command) => {
                for number in 1..=*count {
                    let answer = target.run(&words(&command.replace('#', &number.to_string())));
                    if answer.changes_nothing() {
                        return Err((*line, format!("time {number}: {}", answer.line())));
                    }
                }
            }
            Step::Command(expect) => check(expect, target).map_err(|why| (*line, why))?,
        }
        if matches!(step, Step::Clock(_) | Step::Advance(_)) {
            target.clock(clock);
        }
    }
    Ok(())
}

fn check(expect: &Expect, target: &mut impl Target) -> Result<(), String> {
    let command = words(&expect.command);
    let key = command.get(1).cloned().unwrap_or_default();
    let before = target.image(&key);
    if expect.events.is_some() {
        target.events();
    }
    let answer = target.run(&command);
    let after = target.image(&key);
    let fail = |why: &str| Err(format!("{}\n  {why}", expect.command));
    // The duplicate of a PARTIAL starts the hold's time anew.
    let anew = matches!(answer, Answer::List(_))
        && command.iter().any(|word| word.eq_ignore_ascii_case(b"PARTIAL"));
    if (expect.unchanged || answer.changes_nothing() && !anew) && before != after {
        return fail(&format!("changed the account, and answered {}", answer.line()));
    }
    if let Some(wanted) = &expect.events {
        let sent = target.events().join(" ");
        let sent = if sent.is_empty() { "none" } else { &sent };
        if sent != wanted {
            return fail(&format!("wanted the events {wanted}\n  came              {sent}"));
        }
    }
    let wanted = times(&expect.reply);
    if wanted.is_empty() && expect.events.is_some() {
        return Ok(());
    }
    if expect.whole {
        let came = answer.line();
        if came != wanted {
            return fail(&format!("wanted {wanted}\n  came   {came}"));
        }
        return Ok(());
    }
    let words: Vec<&str> = wanted.split(' ').collect();
    for pair in words.chunks(2) {
        let came = answer.value(pair[0]).map(Answer::word);
        if came.as_deref() != pair.get(1).copied() {
            return fail(&format!("wanted {}\n  came   {came:?}", pair.join(" ")));
        }
    }
    Ok(())
}

/// Turns every `@time` of a line into Unix milliseconds.
fn times(line: &str) -> String {
    let word = |word: &str| {
        let open = word.len() - word.trim_start_matches('[').len();
        let close = word.trim_end_matches(']').len().max(open);
        let time = word[open..close].strip_prefix('@').and_then(millis);
        time.map_or(word.to_owned(), |ms| format!("{}{ms}{}", &word[..open], &word[close..]))
    };
    line.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// Reads Unix milliseconds, or a day with or without a time of day, in UTC.
fn millis(text: &str) -> Option<i64> {
    if let Ok(ms) = text.parse() {
        return Some(ms);
    }
    let time: jiff::civil::DateTime = match text.contains('T') {
        true => text.parse().ok()?,
        false => text.parse::<jiff::civil::Date>().ok()?.at(0, 0, 0, 0),
    };
    jiff::tz::TimeZone::UTC.to_timestamp(time).ok().map(jiff::Timestamp::as_millisecond)
}

/// The words of a command: parted by spaces, or in quotes with `\n`, `\r`, `\"`, `\\` and `\xHH`.
pub fn words(line: &str) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let end = if rest.starts_with('"') { quoted(rest) } else { rest.find(' ') };
        let (word, left) = rest.split_at(end.unwrap_or(rest.len()));
        words.push(match word.strip_prefix('"').and_then(|word| word.strip_suffix('"')) {
            Some(inside) => unescaped(inside),
            None => times(word).into_bytes(),
        });
        rest = left.trim_start();
    }
    words
}

fn quoted(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match (byte, byte == b'\\') {
            (_, false) => byte,
            (_, true) => match rest.next() {
                Some(b'n') => b'\n',
                Some(b'r') => b'\r',
                Some(b'x') => {
                    let hex = [rest.next().unwrap_or(b'0'), rest.next().unwrap_or(b'0')];
                    let hex = String::from_utf8_lossy(&hex).into_owned();
                    u8::from_str_radix(&hex, 16).expect("two hex digits")
                }
                other => other.unwrap_or(b'\\'),
            },
        });
    }
    bytes
}
