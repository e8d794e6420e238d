//! What the server says of the commands: `COMMAND DOCS`, keys and counts of words, held to the usage
//! lines by a renderer of its own.

use fw_limits::command::grammar::{Argument, Kind, Occurs, arguments};
use fw_limits::command::{Access, Command, Doc, Keyless, Visitor, commands, own};

use crate::support::answer::Answer;
use crate::support::release::Release;
use crate::support::server::Server;

/// A command of the module, as the tests look at it.
pub struct Listed {
    /// How it is documented.
    pub doc: Doc,
    /// What it may do.
    pub access: Access,
    /// Whether it has a key.
    pub is_keyed: bool,
}

/// Every command of the command table.
pub fn listed() -> Vec<Listed> {
    struct List(Vec<Listed>);
    impl Visitor for List {
        fn command<C: Command>(&mut self) {
            self.0.push(Listed { doc: C::DOC, access: C::ACCESS, is_keyed: true });
        }
        fn keyless<C: Keyless>(&mut self) {
            self.0.push(Listed { doc: C::DOC, access: C::ACCESS, is_keyed: false });
        }
    }
    let mut list = List(Vec::new());
    commands(&mut list);
    list.0
}

fn all_docs() -> Vec<Doc> {
    let own = [own::APPLY, own::LOAD];
    listed().into_iter().map(|listed| listed.doc).chain(own).collect()
}

fn text(answer: &Answer, key: &str) -> Option<String> {
    match answer.value(key)? {
        Answer::Text(text) => Some(String::from_utf8_lossy(text).into_owned()),
        other => panic!("{key} is {other:?}"),
    }
}

fn list<'a>(answer: &'a Answer, key: &str) -> &'a [Answer] {
    match answer.value(key) {
        Some(Answer::List(rows)) => rows,
        _ => &[],
    }
}

/// Whether places for values are compared.
#[derive(Clone, Copy)]
enum Places {
    Shown,
    Blank,
}

/// An argument of COMMAND DOCS, as a usage line writes it.
fn rendered(argument: &Answer, places: Places) -> String {
    let kind = text(argument, "type").unwrap();
    let parts = list(argument, "arguments").iter().map(|part| rendered(part, places));
    let parts: Vec<String> = parts.collect();
    let name = match places {
        Places::Shown => text(argument, "display_text").or_else(|| text(argument, "name")).unwrap(),
        Places::Blank => "_".to_owned(),
    };
    let value = match kind.as_str() {
        "pure-token" => String::new(),
        "oneof" if parts.iter().any(|part| part.contains(' ')) => parts.join(" | "),
        "oneof" => parts.join("|"),
        "block" => parts.join(" "),
        _ => name,
    };
    let token = text(argument, "token").unwrap_or_default();
    let once = format!("{token} {value}").trim().to_owned();
    let flags: Vec<String> = list(argument, "flags").iter().map(Answer::word).collect();
    let has = |flag: &str| flags.iter().any(|other| other == flag);
    match (has("optional"), has("multiple")) {
        (false, false) => once,
        (true, false) => format!("[{once}]"),
        (false, true) => format!("{once} [{once} ...]"),
        (true, true) => format!("[{once} ...]"),
    }
}

/// The line with every value blanked.
fn without_places(line: &str) -> String {
    const LITERALS: [&str; 7] =
        ["yes", "no", "auto", "unlimited", "payment-method", "tier", "anchor-day"];
    let blank = |word: &str| {
        let place = word.bytes().any(|byte| byte.is_ascii_lowercase()) && !LITERALS.contains(&word);
        if place { "_".to_owned() } else { word.to_owned() }
    };
    let split = line.split_inclusive([' ', '[', ']', '|']);
    split
        .map(|piece| {
            let word = piece.trim_end_matches([' ', '[', ']', '|']);
            blank(word) + &piece[word.len()..]
        })
        .collect()
}

#[test]
fn command_docs_say_what_the_usage_lines_say() {
    let mut server = Server::start(&[]);
    let shown = Release::of(&mut server).shows_places();
    let places = if shown { Places::Shown } else { Places::Blank };
    for doc in all_docs() {
        let answer = server.must(&format!("COMMAND DOCS {}", doc.name));
        let said = answer.value(doc.name).unwrap_or_else(|| panic!("{answer:?}"));
        let parts: Vec<String> =
            list(said, "arguments").iter().map(|part| rendered(part, places)).collect();
        let forms: Vec<&str> = match doc.usage {
            [form] => vec![*form],
            // What begins all forms is said once.
            forms => forms.iter().map(|form| form.strip_prefix("key ").unwrap_or(form)).collect(),
        };
        let shared =
            if doc.usage.len() > 1 && doc.usage[0].starts_with("key ") { "key " } else { "" };
        let usage = format!("{shared}{}", forms.join(" | "));
        let usage = match places {
            Places::Shown => usage,
            Places::Blank => without_places(&usage),
        };
        assert_eq!(parts.join(" "), usage, "{}", doc.name);
        assert_eq!(text(said, "summary").as_deref(), Some(doc.summary));
        assert_eq!(text(said, "complexity").as_deref(), Some(doc.complexity));
        assert_eq!(text(said, "since").as_deref(), Some(doc.since));
        assert_eq!(text(said, "module").as_deref(), Some("fw"));
    }
}

#[test]
fn every_command_of_the_module_is_documented() {
    let mut server = Server::start(&[]);
    let mut names = server.commands();
    names.sort();
    let mut documented: Vec<&str> = all_docs().iter().map(|doc| doc.name).collect();
    documented.sort_unstable();
    assert_eq!(names, documented);
}

#[test]
fn every_option_is_explained_and_nothing_else_is() {
    for doc in all_docs() {
        let tree = arguments(doc.usage);
        let mut met = Vec::new();
        let mut left: Vec<&Argument> = tree.iter().collect();
        while let Some(argument) = left.pop() {
            let needs = argument.token.is_some_and(|token| !["yes", "no"].contains(&token));
            let is_choice = matches!(argument.token, Some("DEFAULT" | "auto" | "unlimited"));
            let meaning = doc.meaning(argument);
            met.extend(meaning);
            assert!(!needs || is_choice || meaning.is_some(), "{} {argument:?}", doc.name);
            if let Kind::OneOf(parts) | Kind::Block(parts) = &argument.kind {
                left.extend(parts);
            }
        }
        for (word, means) in doc.words {
            assert!(met.contains(means), "{}: '{word}' is not in the usage", doc.name);
        }
        assert!(!doc.summary.is_empty() && doc.summary.is_ascii(), "{}", doc.name);
    }
}

#[test]
fn the_server_knows_the_key_of_every_command_and_what_is_done_with_it() {
    let mut server = Server::start(&[]);
    for Listed { doc, access, is_keyed } in listed() {
        let answer = server.must(&format!("COMMAND INFO {}", doc.name));
        let Answer::List(rows) = &answer else { panic!("{answer:?}") };
        let Answer::List(info) = &rows[0] else { panic!("{answer:?}") };
        let all = lines(doc.name, &arguments(doc.usage));
        let least = 1 + all.iter().map(Vec::len).min().unwrap() as i64;
        assert_eq!(info[1], Answer::Int(-least), "{}", doc.name);
        let key = i64::from(is_keyed);
        assert_eq!(info[3..6], [Answer::Int(key), Answer::Int(key), Answer::Int(key)]);
        let asked = server.says(&format!("COMMAND GETKEYSANDFLAGS {}", shortest(&doc).join(" ")));
        match access {
            _ if !is_keyed => assert_eq!(asked, "(error) ERR", "{}", doc.name),
            Access::Write => assert_eq!(asked, "[k [RW access update]]", "{}", doc.name),
            _ => assert_eq!(asked, "[k [RO access]]", "{}", doc.name),
        }
        let flags = info[2].word();
        let writes = flags.contains("write") && !flags.contains("readonly");
        assert_eq!(writes, is_keyed && access == Access::Write, "{}: {flags}", doc.name);
        assert_eq!(flags.contains("fast"), access != Access::ReadRows, "{}: {flags}", doc.name);
    }
}

/// A value for a place of a usage line.
fn sample(command: &str, token: Option<&str>, place: &str) -> String {
    let value = match (command, token, place) {
        (_, _, "key") => "k",
        ("FW.LIMIT" | "FW.QUOTAS", _, "name") => "requests",
        ("FW.SET", _, "name") => "tier-2",
        ("FW.HELP", _, "command") => "admit",
        (_, Some("SET"), "ms") => "1773144000000",
        (_, _, "ms" | "ttl_ms") => "1000",
        (_, _, "n" | "v" | "token" | "upto-token" | "day" | "amount") => "1",
        (_, _, "quota") => "h100",
        (_, _, "id" | "invoice" | "name" | "reason-text") => "x",
        other => panic!("what is a value for {other:?}?"),
    };
    value.to_owned()
}

/// Every way to give an argument once.
fn ways(command: &str, argument: &Argument) -> Vec<Vec<String>> {
    let token: Vec<String> = argument.token.iter().map(|token| (*token).to_owned()).collect();
    let values = match &argument.kind {
        Kind::Token => vec![Vec::new()],
        Kind::OneOf(choices) => choices.iter().flat_map(|choice| ways(command, choice)).collect(),
        Kind::Block(parts) => lines(command, parts),
        _ => vec![vec![sample(command, argument.token, argument.place)]],
    };
    values.into_iter().map(|value| [token.clone(), value].concat()).collect()
}

/// The shortest line, then each way to give each argument, then all arguments together.
fn lines(command: &str, arguments: &[Argument]) -> Vec<Vec<String>> {
    let ways: Vec<_> = arguments.iter().map(|argument| ways(command, argument)).collect();
    let left_out = |argument: &Argument| matches!(argument.occurs, Occurs::Perhaps | Occurs::Any);
    let first = |at: usize| ways[at][0].clone();
    let base: Vec<Vec<String>> = (0..ways.len())
        .map(|at| if left_out(&arguments[at]) { Vec::new() } else { first(at) })
        .collect();
    let mut lines = vec![base.concat()];
    for (at, ways) in ways.iter().enumerate() {
        for way in ways {
            let mut line = base.clone();
            line[at].clone_from(way);
            lines.push(line.concat());
        }
    }
    lines.push((0..ways.len()).flat_map(first).collect());
    lines
}

/// The shortest line of a command.
pub fn shortest(doc: &Doc) -> Vec<String> {
    let rest = lines(doc.name, &arguments(doc.usage)).swap_remove(0);
    [vec![doc.name.to_owned()], rest].concat()
}

#[test]
fn every_line_that_the_usage_allows_is_taken() {
    let mut server = Server::start(&["appendonly no", "save \"\""]);
    let mut count = 0;
    // What a usage line cannot say, and the summaries do.
    let said = ["a field is missing", "VALUE or MAX is missing", "goes with PAID only"];
    for Listed { doc, .. } in listed() {
        for line in lines(doc.name, &arguments(doc.usage)) {
            let line = format!("{} {}", doc.name, line.join(" "));
            server.must("DEL k");
            if let Answer::Error(why) = server.ask(&line) {
                let told = !why.starts_with("ERR ") || said.iter().any(|said| why.contains(said));
                assert!(told, "{line}: {why}");
            }
            count += 1;
        }
    }
    assert!(count > 100, "{count}");
}

#[test]
fn a_word_of_another_commands_usage_is_refused() {
    let mut server = Server::start(&["appendonly no", "save \"\""]);
    let words = |doc: &Doc| -> Vec<&'static str> {
        let all = doc.usage.iter().flat_map(|form| form.split([' ', '[', ']', '|']));
        all.filter(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_uppercase()))
            .collect()
    };
    let mut tokens: Vec<&str> = all_docs().iter().flat_map(words).collect();
    tokens.sort_unstable();
    tokens.dedup();
    assert!(tokens.len() > 20, "{tokens:?}");
    // FW.HELP takes names of commands, which are words of theirs as well.
    for Listed { doc, .. } in listed().into_iter().filter(|listed| listed.doc.name != "FW.HELP") {
        let own = words(&doc);
        for token in tokens.iter().filter(|token| !own.contains(token)) {
            let line =
                [shortest(&doc), vec![(*token).to_owned(), "1".to_owned()]].concat().join(" ");
            let answer = server.ask(&line);
            assert!(matches!(&answer, Answer::Error(why) if why.starts_with("ERR ")), "{line}");
        }
    }
}

#[test]
fn every_word_that_a_parser_looks_for_is_in_its_usage() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/command");
    let mut looked_for = 0;
    for doc in all_docs() {
        let file = doc.name.trim_start_matches("FW.").to_lowercase() + ".rs";
        let Ok(source) = std::fs::read_to_string(folder.join(file)) else { continue };
        let usage = doc.usage.join(" ");
        let known: Vec<&str> = usage.split([' ', '[', ']', '|']).collect();
        for piece in source.split("is(word, \"").skip(1) {
            let word = piece.split('"').next().unwrap();
            assert!(known.contains(&word), "{} takes {word} and does not say so", doc.name);
            looked_for += 1;
        }
    }
    assert!(looked_for > 25, "{looked_for}");
}
