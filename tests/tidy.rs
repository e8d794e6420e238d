//! The architecture as a test: reads the sources as text and holds what the compiler does not.
//!
//! Floors import downward only, and within a floor a file imports only what its `mod.rs` declares
//! above it. The lower floors know no server, clock, environment, I/O or randomness. Items under
//! `#[cfg(test)]` may do as they like. A source that breaks every rule proves that each one is
//! looked at.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::BTreeMap;
use std::path::Path;

/// The floors, lowest first. The crate's root is above them all.
const FLOORS: [&str; 4] = ["engine", "codec", "command", "module"];
/// The only floor that may touch the server and use `unsafe`.
const FACE: &str = "module";
const LONGEST_FILE: usize = 400;
/// Modules of std that the floors below the face do without.
const OUTSIDE_WORLD: [&str; 8] = ["env", "fs", "io", "net", "os", "process", "thread", "time"];
/// Words that bring in I/O or randomness by another way.
const OUTSIDE_WORDS: [&str; 6] =
    ["println!", "eprintln!", "RandomState::new", "RandomState::default", "HashMap", "HashSet"];
const PANICS: [&str; 6] =
    [".unwrap()", ".expect(", "panic!", "todo!", "unimplemented!", "unreachable!"];
const EMPTY_NAMES: [&str; 5] = ["utils", "util", "common", "helpers", "manager"];

#[test]
fn the_sources_keep_the_architecture() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = BTreeMap::new();
    read_sources(&root, "", &mut files);
    assert!(files.len() > 30, "the sources were not found: {:?}", files.keys());
    let map = std::fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap();
    let found = [problems(&files), off_the_map(&files, &map)].concat();
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
    let cargo = std::fs::read_to_string(root.join("../Cargo.toml")).unwrap();
    assert!(!cargo.contains("debug-assertions"), "what is shipped is no debug build");
}

#[test]
fn the_server_is_asked_at_loading_for_every_function_that_is_called() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = BTreeMap::new();
    read_sources(&root, "", &mut files);
    let needed = files["module/ffi.rs"].split("needed! {").nth(1).unwrap().split('}').next();
    let needed: Vec<&str> = needed.unwrap().split_whitespace().collect();
    let mut called = 0;
    for (path, text) in &files {
        for call in text.split("api!(RedisModule_").skip(1) {
            let name: String = call.chars().take_while(char::is_ascii_alphanumeric).collect();
            let name = format!("RedisModule_{name}");
            assert!(needed.contains(&name.as_str()), "{path} calls {name}, not checked at loading");
            called += 1;
        }
    }
    assert!(called > 40, "the calls were not found: {called}");
}

#[test]
fn a_source_that_breaks_a_rule_is_named() {
    let mut files = BTreeMap::new();
    let mut file = |path: &str, text: &str| files.insert(path.to_owned(), text.to_owned());
    file("lib.rs", "#![doc = \"\"]\npub mod codec;\npub mod engine;\n");
    file(
        "engine/mod.rs",
        "//! .\npub mod low;\npub mod high;\npub mod utils;\n#![forbid(unsafe_code)]",
    );
    file("engine/high.rs", "//! .\nuse super::low;\n// unsafe .unwrap() use crate::codec;\n");
    file("engine/low.rs", "//! .\nuse super::{high::{self as h, High}, low};\nfn get_x() {}\n");
    file("engine/utils.rs", "use std::{fmt, io::Write};\nfn f() { crate::codec::f(); }\n");
    file("codec/mod.rs", "//! .\n// TODO: ' \" {\nfn f() { x.unwrap(); \"panic!\"; '\"'; }\n");
    file("codec/lost.rs", "//! .\nuse redis_module::X;\nunsafe fn f() { crate::commands(); }\n");
    file(
        "codec/tested.rs",
        "//! .\n#[cfg(test)]\nmod tests { fn f() { panic!() } }\nconst X: u8 = 1;",
    );
    file("module/mod.rs", "//! .\nmod fault;\n#[cfg(debug_assertions)]\nmod fault;\n");
    let called = "unsafe extern \"C\" fn f() { a() }\nextern \"C\" fn g() { guarded(a) }\n";
    file("module/fault.rs", &format!("//! .\n{called}extern \"C\" fn h() {{}}\n"));
    file("codec/long.rs", &format!("//! .\n{}", "\n".repeat(LONGEST_FILE)));

    let mut found = problems(&files);
    found.sort();
    let mut expected = [
        "engine/low.rs:2: imports engine/high, which is declared below it",
        "engine/low.rs:2: imports engine/high, which is declared below it",
        "engine/low.rs:3: a function is called get_",
        "engine/utils.rs:1: begins without //!",
        "engine/utils.rs:1: uses std::io below the face",
        "engine/utils.rs:2: imports codec, a higher floor",
        "engine/utils.rs:1: 'utils' says nothing about what is in it",
        "codec/mod.rs:2: something is left to do",
        "codec/mod.rs:3: .unwrap() outside tests",
        "codec/lost.rs:1: no mod.rs declares it",
        "codec/lost.rs:2: names redis_module below the face",
        "codec/lost.rs:3: unsafe below the face",
        "codec/lost.rs:3: imports the crate's root, a higher floor",
        "codec/tested.rs:1: no mod.rs declares it",
        "codec/mod.rs:1: does not forbid unsafe_code",
        "module/mod.rs:2: names fault outside debug builds",
        "module/fault.rs:2: a panic can get out of f",
        "codec/long.rs:1: no mod.rs declares it",
        "codec/long.rs:1: has 401 lines, more than 400",
    ];
    expected.sort_unstable();
    assert_eq!(found, expected);
    assert_eq!(off_the_map(&files, "`engine/low.rs`").len(), files.len() - 1);
}

type Files = BTreeMap<String, String>;

fn read_sources(folder: &Path, prefix: &str, files: &mut Files) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{prefix}{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            read_sources(&path, &format!("{name}/"), files);
        } else if name.ends_with(".rs") {
            files.insert(name, std::fs::read_to_string(&path).unwrap());
        }
    }
}

/// The map names every file, so it is no less than what stands.
fn off_the_map(files: &Files, map: &str) -> Vec<String> {
    let lost = files.keys().filter(|path| !map.contains(&format!("`{path}`")));
    lost.map(|path| format!("src/ARCHITECTURE.md: does not name `{path}`")).collect()
}

/// Everything that breaks a rule, as `path:line: what`.
fn problems(files: &Files) -> Vec<String> {
    let sources: Vec<Source> = files.iter().map(|(path, text)| Source::new(path, text)).collect();
    let modules: BTreeMap<&[String], usize> = sources
        .iter()
        .map(|source| (source.module.as_slice(), declared_at(&sources, &source.module)))
        .collect();
    let mut found = Vec::new();
    for source in &sources {
        let mut report = |(line, what): (usize, String)| {
            found.push(format!("{}:{line}: {what}", source.path));
        };
        whole_file(source, &modules).into_iter().for_each(&mut report);
        words(source).into_iter().for_each(&mut report);
        for (line, path) in paths(&source.code) {
            if let Some(what) = forbidden_path(source, &path, &modules) {
                report((line, what));
            }
        }
    }
    found
}

/// One file: its text, and its code without comments, texts and tests.
struct Source<'a> {
    path: &'a str,
    text: &'a str,
    code: String,
    module: Vec<String>,
}

impl<'a> Source<'a> {
    fn new(path: &'a str, text: &'a str) -> Self {
        let stem = path.trim_end_matches(".rs");
        let mut module: Vec<String> = stem.split('/').map(str::to_owned).collect();
        module.retain(|name| name != "mod" && name != "lib");
        Self { path, text, code: without_tests(&bare(text)), module }
    }

    fn is_face(&self) -> bool {
        self.module.first().is_none_or(|floor| floor == FACE)
    }
}

const UNDECLARED: usize = usize::MAX;

/// The place of a module in its parent's `mod.rs`; of a floor, in the order of the floors.
fn declared_at(sources: &[Source], module: &[String]) -> usize {
    let Some((name, parent)) = module.split_last() else { return 0 };
    if parent.is_empty() {
        return FLOORS.iter().position(|floor| floor == name).unwrap_or(UNDECLARED);
    }
    let Some(parent) = sources.iter().find(|source| source.module == parent) else {
        return UNDECLARED;
    };
    let words: Vec<&str> = tokens(&parent.code).into_iter().map(|(_, word)| word).collect();
    let mut declared = words.windows(3).filter(|three| three[0] == "mod" && three[2] == ";");
    declared.position(|three| three[1] == name).unwrap_or(UNDECLARED)
}

fn whole_file(source: &Source, modules: &BTreeMap<&[String], usize>) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    if !source.text.starts_with("//!") && !source.text.starts_with("#![doc") {
        found.push((1, "begins without //!".to_owned()));
    }
    let lines = source.text.lines().count();
    if lines > LONGEST_FILE {
        found.push((1, format!("has {lines} lines, more than {LONGEST_FILE}")));
    }
    if modules[source.module.as_slice()] == UNDECLARED {
        found.push((1, "no mod.rs declares it".to_owned()));
    }
    if source.module.len() == 1
        && !source.is_face()
        && !source.code.contains("#![forbid(unsafe_code)]")
    {
        found.push((1, "does not forbid unsafe_code".to_owned()));
    }
    found.extend(unguarded(&source.code));
    found.extend(unmarked(source));
    let name = source.module.iter().find(|name| EMPTY_NAMES.contains(&name.as_str()));
    found.extend(name.map(|name| (1, format!("'{name}' says nothing about what is in it"))));
    found
}

/// What the server calls and from which a panic could get out.
fn unguarded(code: &str) -> Vec<(usize, String)> {
    // What was in strings is gone.
    const CALLED: &str = "extern \"\" fn ";
    let mut found = Vec::new();
    for (at, _) in code.match_indices(CALLED) {
        let item = &code[at + CALLED.len()..];
        let name = item.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or("");
        let start = item.find('{').unwrap_or(item.len());
        let mut depth = 0_usize;
        let end = item[start..].char_indices().find(|(_, c)| {
            depth = if *c == '{' { depth + 1 } else { depth - usize::from(*c == '}') };
            depth == 0
        });
        let body = &item[start..end.map_or(item.len(), |(at, _)| start + at)];
        if body.len() > 1 && !body.contains("guarded") {
            let line = 1 + code[..at].matches('\n').count();
            found.push((line, format!("a panic can get out of {name}")));
        }
    }
    found
}

/// Panics that tests ask for, outside of debug builds.
fn unmarked(source: &Source) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut marked = false;
    for (line, code) in (1..).zip(source.code.lines()) {
        let words = tokens(code);
        let names = words.windows(2).any(|two| {
            (two[0].1 == "fault" && two[1].1 == "::") || (two[0].1 == "mod" && two[1].1 == "fault")
        });
        if names && !marked {
            found.push((line, "names fault outside debug builds".to_owned()));
        }
        marked = code.trim() == "#[cfg(debug_assertions)]";
    }
    found
}

fn words(source: &Source) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (line, text) in (1..).zip(source.text.lines()) {
        if ["TODO", "FIXME"].iter().any(|word| text.contains(word)) {
            found.push((line, "something is left to do".to_owned()));
        }
    }
    for (line, code) in (1..).zip(source.code.lines()) {
        let panics = PANICS.iter().filter(|word| code.contains(**word));
        found.extend(panics.map(|word| (line, format!("{word} outside tests"))));
        if code.contains("fn get_") {
            found.push((line, "a function is called get_".to_owned()));
        }
        if source.is_face() {
            continue;
        }
        if tokens(code).iter().any(|(_, word)| *word == "unsafe") {
            found.push((line, "unsafe below the face".to_owned()));
        }
        let outside = OUTSIDE_WORDS.iter().filter(|word| code.contains(**word));
        found.extend(outside.map(|word| (line, format!("uses {word} below the face"))));
    }
    found
}

/// Says why a file must not name a path, if it must not.
fn forbidden_path(
    source: &Source,
    path: &[String],
    modules: &BTreeMap<&[String], usize>,
) -> Option<String> {
    let first = path.first().map(String::as_str);
    if first == Some("redis_module") && !source.is_face() {
        return Some("names redis_module below the face".to_owned());
    }
    if first == Some("std") && !source.is_face() {
        let part = path.get(1).filter(|part| OUTSIDE_WORLD.contains(&part.as_str()))?;
        return Some(format!("uses std::{part} below the face"));
    }
    let target = resolved(&source.module, path, modules)?;
    if target.is_empty() && !source.module.is_empty() {
        return Some("imports the crate's root, a higher floor".to_owned());
    }
    let common = source.module.iter().zip(&target).take_while(|(own, other)| own == other).count();
    // A module may use what is inside it, and what surrounds it.
    if common == source.module.len() || common == target.len() {
        return None;
    }
    let place = |module: &[String]| modules[&module[..=common]];
    if place(&target) < place(&source.module) {
        return None;
    }
    let name = target[..=common].join("/");
    let floors = common == 0;
    let why = if floors { "a higher floor" } else { "which is declared below it" };
    Some(format!("imports {name}, {why}"))
}

/// The module of this crate that a path leads to; `None` if it leads elsewhere.
fn resolved(
    from: &[String],
    path: &[String],
    modules: &BTreeMap<&[String], usize>,
) -> Option<Vec<String>> {
    let mut module = from.to_vec();
    let mut rest = path.iter().peekable();
    match path.first()?.as_str() {
        "crate" => module.clear(),
        "self" | "super" => {}
        name => {
            module.push(name.to_owned());
            modules.get(module.as_slice())?;
            module.pop();
        }
    }
    rest.next_if(|name| *name == "crate" || *name == "self");
    while rest.next_if(|name| *name == "super").is_some() {
        module.pop()?;
    }
    for name in rest {
        module.push(name.clone());
        if !modules.contains_key(module.as_slice()) {
            module.pop();
            break;
        }
    }
    Some(module)
}

/// Every path in the code: those of `use`, spread out, and those that stand in between.
fn paths(code: &str) -> Vec<(usize, Vec<String>)> {
    let tokens = tokens(code);
    let word = |at: usize| tokens.get(at).map_or("", |(_, word)| *word);
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let before = if at == 0 { ";" } else { word(at - 1) };
        if word(at) == "use" && [";", "{", "}", "]", ")", "pub"].contains(&before) {
            at += 1;
            spread(&tokens, &mut at, &[], &mut found);
        } else if is_name(word(at)) && word(at + 1) == "::" && before != "::" {
            let mut path = vec![word(at).to_owned()];
            let line = tokens[at].0;
            while word(at + 1) == "::" && is_name(word(at + 2)) {
                path.push(word(at + 2).to_owned());
                at += 2;
            }
            found.push((line, path));
        }
        at += 1;
    }
    found
}

fn spread(
    tokens: &[(usize, &str)],
    at: &mut usize,
    prefix: &[String],
    found: &mut Vec<(usize, Vec<String>)>,
) {
    let mut path = prefix.to_vec();
    while let Some(&(line, word)) = tokens.get(*at) {
        *at += 1;
        match word {
            "::" => {}
            "{" => {
                while tokens.get(*at).is_some_and(|(_, word)| *word != "}") {
                    spread(tokens, at, &path, found);
                    *at += usize::from(tokens.get(*at).is_some_and(|(_, word)| *word == ","));
                }
                *at += 1;
                return;
            }
            "as" => *at += 1,
            name => path.push(name.to_owned()),
        }
        if matches!(tokens.get(*at), None | Some((_, "," | "}" | ";"))) {
            let itself = path.len() > 1 && path.last().is_some_and(|name| name == "self");
            path.truncate(path.len() - usize::from(itself));
            found.push((line, path));
            return;
        }
    }
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// The code's words and signs with their lines; `::` is one sign.
fn tokens(code: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (line, text) in (1..).zip(code.lines()) {
        let mut rest = text.trim_start();
        while let Some(first) = rest.chars().next() {
            let is_part = |c: char| c.is_alphanumeric() || c == '_';
            let length = if is_part(first) {
                rest.find(|c| !is_part(c)).unwrap_or(rest.len())
            } else if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            found.push((line, &rest[..length]));
            rest = rest[length..].trim_start();
        }
    }
    found
}

/// The text without its comments and without what is in its strings; lines stay where they were.
fn bare(text: &str) -> String {
    let mut code = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (length, kept) = if rest.starts_with("//") {
            (rest.find('\n').unwrap_or(rest.len()), "")
        } else if rest.starts_with("/*") {
            (rest.find("*/").map_or(rest.len(), |end| end + 2), "")
        } else if rest.starts_with("r\"") || rest.starts_with("r#\"") {
            let end = if rest.starts_with("r#") { "\"#" } else { "\"" };
            let inside = rest.find('"').unwrap_or(0) + 1;
            (rest[inside..].find(end).map_or(rest.len(), |at| inside + at + end.len()), "\"\"")
        } else if first == '"' {
            (quoted(rest), "\"\"")
        } else if let Some(escape) = rest.strip_prefix("'\\") {
            (escape.find('\'').map_or(1, |end| end + 3).max(4), "' '")
        } else if first == '\'' && rest.chars().nth(2) == Some('\'') {
            (rest.chars().take(3).map(char::len_utf8).sum(), "' '")
        } else {
            (first.len_utf8(), &rest[..first.len_utf8()])
        };
        code.push_str(kept);
        let length = length.min(rest.len());
        if kept.len() != length {
            code.extend(rest[..length].chars().filter(|c| *c == '\n'));
        }
        rest = &rest[length..];
    }
    code
}

/// The length of the string that `text` begins with.
fn quoted(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '"' if !escaped => return at + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

/// The code without the items under `#[cfg(test)]`; lines stay where they were.
fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut kept = String::new();
    let mut rest = code;
    while let Some(start) = rest.find(MARK) {
        kept.push_str(&rest[..start]);
        let mut depth = 0_usize;
        let item = &rest[start..];
        let end = item.char_indices().find(|(_, c)| {
            match c {
                '{' => depth += 1,
                '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0 && (*c == '}' || *c == ';')
        });
        let end = end.map_or(item.len(), |(at, _)| at + 1);
        kept.extend(item[..end].chars().filter(|c| *c == '\n'));
        rest = &item[end..];
    }
    kept + rest
}
