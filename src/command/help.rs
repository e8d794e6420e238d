//! `FW.HELP [command]`
//!
//! What it says is the documentation of the commands, so there is nothing of its own to go stale.

use super::args::Args;
use super::error::Error;
use super::reply::Reply;
use super::{Access, Command, Doc, Host, Keyless, Visitor, commands, own};

/// Shows how commands are written and what they do.
pub struct Help;

impl Keyless for Help {
    const DOC: Doc = Doc {
        name: "FW.HELP",
        usage: &["[command]"],
        summary: "Shows how a command is written and what it does, or all commands.",
        complexity: "O(N) with N the commands",
        since: "0.1.0",
        words: &[("command", "its name, with or without 'FW.', in any case")],
        replies: "lines of text",
        errors: &[],
    };
    const ACCESS: Access = Access::ReadRows;

    fn run(mut args: Args<'_>, _host: &mut impl Host, out: &mut impl Reply) -> Result<(), Error> {
        let mut docs = Docs(Vec::new());
        commands(&mut docs);
        let Some(name) = args.next() else {
            reply(&overview(&docs.0), out);
            return Ok(());
        };
        docs.0.extend([own::APPLY, own::LOAD]);
        let doc = docs.0.iter().find(|doc| is_named(doc, name));
        let doc = doc.ok_or_else(|| args.wrong("is not a command; FW.HELP alone lists them"))?;
        args.end()?;
        reply(&page(doc), out);
        Ok(())
    }
}

/// The documentation of every command.
struct Docs(Vec<Doc>);

impl Visitor for Docs {
    fn command<C: Command>(&mut self) {
        self.0.push(C::DOC);
    }

    fn keyless<C: Keyless>(&mut self) {
        self.0.push(C::DOC);
    }
}

fn is_named(doc: &Doc, name: &[u8]) -> bool {
    let bare = doc.name.strip_prefix("FW.").unwrap_or(doc.name);
    Args::is(name, doc.name) || Args::is(name, bare)
}

fn overview(docs: &[Doc]) -> Vec<String> {
    let mut lines = Vec::new();
    for doc in docs {
        lines.push(doc.forms().join(" | "));
        lines.push(format!("  {}", doc.summary));
    }
    lines.push(
        "FW.HELP and a command's name: its options as well. Words in capitals ignore case; \
        [] can be left out."
            .to_owned(),
    );
    lines
}

fn page(doc: &Doc) -> Vec<String> {
    let mut lines = doc.forms();
    lines.push(format!("  {}", doc.summary));
    let width = doc.words.iter().map(|(word, _)| word.len()).max().unwrap_or_default();
    lines.extend(doc.words.iter().map(|(word, means)| format!("  {word:width$}  {means}")));
    lines.push(format!("  Replies {}", doc.replies));
    let errors = [&["ERR"], doc.errors].concat();
    lines.push(format!("  Errors {}", errors.join(", ")));
    lines
}

fn reply(lines: &[String], out: &mut impl Reply) {
    out.array(lines.len());
    for line in lines {
        out.bulk(line.as_bytes());
    }
}
