//! The generated parts of pages, between `<!-- NAME -->` and `<!-- end -->`.
//!
//! docs/commands.md has one for each command and one for the settings, from the texts that FW.HELP
//! and `COMMAND DOCS` show; README.md has the speed, from the figures in benches/results.
//! `make docs` writes them; without it a part that is stale fails the test.

use std::fmt::Write;

use fw_limits::command::setting::{Change, SETTINGS, Settings};
use fw_limits::command::{Access, Command, Doc, Keyless, Visitor, admit, commands};

use crate::root;

const END: &str = "<!-- end -->";

/// The server whose figures README.md shows.
const MEASURED: &str = "benches/results/server-redis-7.0.15.tsv";

#[test]
fn the_commands_page_says_what_the_module_says() {
    let mut parts = Parts(Vec::new());
    commands(&mut parts);
    parts.0.push(("settings".to_owned(), settings()));
    check("docs/commands.md", &parts.0);
}

#[test]
fn the_readme_has_the_figures_that_were_measured() {
    let text = std::fs::read_to_string(root().join(MEASURED)).unwrap();
    check("README.md", &[("speed".to_owned(), speed(&text))]);
}

#[test]
fn a_part_that_is_stale_or_missing_is_found() {
    let parts = [("a".to_owned(), "new\n".to_owned())];
    let page = "x\n\n<!-- a -->\n\nold\n\n<!-- end -->\ny\n";
    assert_eq!(filled(page, &parts).unwrap(), page.replace("old", "new"));
    assert_eq!(filled("x\n", &parts), Err("has no part <!-- a -->".to_owned()));
    let more = format!("{page}<!-- b -->\n<!-- end -->\n");
    assert_eq!(filled(&more, &parts), Err("has 2 parts, and 1 are generated".to_owned()));
}

/// Compares a page with what it should be, or writes it.
fn check(page: &str, parts: &[(String, String)]) {
    let path = root().join(page);
    let text = std::fs::read_to_string(&path).unwrap();
    let right = filled(&text, parts).unwrap_or_else(|why| panic!("{page} {why}"));
    if std::env::var_os("FW_WRITE").is_some() {
        std::fs::write(&path, right).unwrap();
    } else if let Some((line, (is, should))) =
        (1..).zip(text.lines().zip(right.lines())).find(|(_, (is, should))| is != should)
    {
        panic!("{page}:{line} is stale, run make docs\n is     {is}\n should {should}");
    } else {
        assert_eq!(text.len(), right.len(), "{page} is stale, run make docs");
    }
}

/// The page with every part as it should be.
fn filled(page: &str, parts: &[(String, String)]) -> Result<String, String> {
    let mut page = page.to_owned();
    for (name, text) in parts {
        let begin = format!("<!-- {name} -->\n");
        let start = page.find(&begin).ok_or(format!("has no part {}", begin.trim_end()))?;
        let start = start + begin.len();
        let end = page[start..].find(END).ok_or(format!("has a part {name} without an end"))?;
        page.replace_range(start..start + end, &format!("\n{text}\n"));
    }
    let found = page.matches(END).count();
    if found != parts.len() {
        return Err(format!("has {found} parts, and {} are generated", parts.len()));
    }
    Ok(page)
}

/// A part for each command.
struct Parts(Vec<(String, String)>);

impl Visitor for Parts {
    fn command<C: Command>(&mut self) {
        self.0.push((C::DOC.name.to_owned(), described(&C::DOC, C::ACCESS)));
    }

    fn keyless<C: Keyless>(&mut self) {
        self.0.push((C::DOC.name.to_owned(), described(&C::DOC, C::ACCESS)));
    }
}

fn described(doc: &Doc, access: Access) -> String {
    let mut out = String::new();
    for form in doc.forms() {
        let _ = writeln!(out, "    {form}");
    }
    let _ = writeln!(out, "\n{}\n", doc.summary);
    if doc.words == admit::WORDS && doc.name != admit::Admit::DOC.name {
        out.push_str("The arguments are those of [FW.ADMIT](#fwadmit).\n\n");
    } else if !doc.words.is_empty() {
        out.push_str("| | |\n|---|---|\n");
        for (word, means) in doc.words {
            let _ = writeln!(out, "| `{word}` | {} |", means.replace('|', "\\|"));
        }
        out.push('\n');
    }
    let errors: Vec<String> =
        ["ERR"].iter().chain(doc.errors).map(|code| format!("`{code}`")).collect();
    let access = if access == Access::Write { "writes" } else { "only reads" };
    let _ = writeln!(out, "- **Replies** {}.", doc.replies);
    let _ = writeln!(out, "- **Errors** {}.", errors.join(", "));
    let _ = writeln!(out, "- {}; {access}; since {}.", doc.complexity, doc.since);
    out
}

fn settings() -> String {
    let defaults = Settings::default();
    let mut out = "| name | default | |\n|---|---|---|\n".to_owned();
    for setting in &SETTINGS {
        let only = if setting.change == Change::AtStart { "; at the start only" } else { "" };
        let (name, shown, means) = (setting.name, (setting.show)(&defaults), setting.means);
        let _ = writeln!(out, "| `fw.{name}` | `{shown}` | {means}{only} |");
    }
    out
}

/// What the figures say of FW.ADMIT in one sentence.
fn speed(figures: &str) -> String {
    let about = |name: &str| {
        let line = figures.lines().find_map(|line| line.strip_prefix(&format!("# {name}: ")));
        line.unwrap_or_else(|| panic!("{MEASURED} does not tell the {name}"))
    };
    let median = |name: &str| {
        let mut rows = figures.lines().map(|line| line.split('\t').collect::<Vec<_>>());
        let row = rows.find(|cells| cells[0] == name && cells.len() > 1);
        let row = row.unwrap_or_else(|| panic!("{MEASURED} has no {name}"));
        row[1].parse::<f64>().unwrap()
    };
    format!(
        "On {} ({}), 16 commands to a pipeline, FW.ADMIT\n\
         makes {:.2} of INCR's calls a second, and {:.1} times those of a Lua script that promises less.\n",
        about("server"),
        about("machine"),
        median("off/random/P16/FW.ADMIT/ratio"),
        median("off/random/P16/FW.ADMIT/to Lua"),
    )
}
