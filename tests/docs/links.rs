//! Every link of a page to another file or to a heading leads somewhere.
//!
//! What stands in fenced code, and addresses on the web, are not looked at.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::root;

#[test]
fn every_link_leads_somewhere() {
    let mut links = 0;
    let mut found = Vec::new();
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        links += targets(&text).len();
        found.extend(problems(&page, &text));
    }
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
    assert!(links > 100, "only {links} links");
}

#[test]
fn a_link_that_leads_nowhere_is_named() {
    let page = root().join("docs/gateway.md");
    let text = "# One\n## What `two` is, so far\n## One\n[a](#one) [b](#one-1) [c](#what-two-is-so-far)\n\
                [d](../README.md#thirty-seconds) [e](nosuch.md)\n[f](#nosuch) [g](../README.md#nosuch)\n\
                ```\n[h](nosuch.md)\n```\n`[i](nosuch.md)` [j](../clients/python#holds) [k](https://a.b/c)\n\
                [wrapped\nover a line](../nosuch)\n";
    let found = problems(&page, text);
    let named: Vec<&str> = found.iter().map(|line| line.split(' ').nth(1).unwrap()).collect();
    assert_eq!(named, ["nosuch.md", "#nosuch", "../README.md#nosuch", "../nosuch"], "{found:?}");
}

/// The pages that people read.
fn pages() -> Vec<PathBuf> {
    let root = root();
    let mut pages: Vec<PathBuf> = [
        "README.md",
        "CHANGELOG.md",
        "SECURITY.md",
        "benches/README.md",
        "fwctl/README.md",
        "examples/README.md",
    ]
    .map(|page| root.join(page))
    .to_vec();
    pages.push(root.join("src/ARCHITECTURE.md"));
    let entries =
        |folder: &str| std::fs::read_dir(root.join(folder)).unwrap().map(|e| e.unwrap().path());
    pages.extend(entries("docs").filter(|path| path.extension().is_some_and(|end| end == "md")));
    for folder in ["clients", "examples", "tests"] {
        pages.extend(
            entries(folder).map(|path| path.join("README.md")).filter(|path| path.exists()),
        );
    }
    assert!(pages.len() > 18, "{pages:?}");
    pages
}

fn problems(page: &Path, text: &str) -> Vec<String> {
    let name = page.strip_prefix(root()).unwrap().display();
    let wrong =
        |target: &String| lost(page, text, target).map(|why| format!("{name}: {target} {why}"));
    targets(text).iter().filter_map(wrong).collect()
}

/// Says why a link leads nowhere.
fn lost(page: &Path, text: &str, target: &str) -> Option<&'static str> {
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let mut there = page.to_owned();
    if !path.is_empty() {
        there = page.parent().unwrap().join(path);
        if !there.exists() {
            return Some("is not there");
        }
    }
    if anchor.is_empty() {
        return None;
    }
    if there.is_dir() {
        there.push("README.md");
    }
    let other = if there == page { Ok(text.to_owned()) } else { std::fs::read_to_string(&there) };
    match other {
        Ok(other) => (!anchors(&other).contains(anchor)).then_some("has no such heading"),
        Err(_) => Some("is no page"),
    }
}

/// The text without what is code, line by line as it was.
fn prose(text: &str) -> Vec<&str> {
    let mut fenced = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        lines.push(if fence || fenced { "" } else { line });
    }
    lines
}

/// Where the links of a page lead, those on the web left out.
fn targets(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let text = prose(text).join("\n");
    for (at, _) in text.match_indices("](") {
        let line = &text[text[..at].rfind('\n').map_or(0, |start| start + 1)..at];
        let is_code = line.matches('`').count() % 2 == 1;
        let rest = &text[at + 2..];
        let target = &rest[..rest.find(')').unwrap_or(rest.len())];
        if !is_code && !target.contains("://") && !target.starts_with("mailto:") {
            found.push(target.to_owned());
        }
    }
    found
}

/// The anchors of a page's headings, as the common renderers make them.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for line in prose(text) {
        let title = line.trim_start_matches('#');
        if title.len() == line.len() || !title.starts_with(' ') {
            continue;
        }
        let kept = title.trim().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        let anchor = kept.collect::<String>().to_lowercase().replace(' ', "-");
        let mut name = anchor.clone();
        let mut times = 0;
        while !found.insert(name.clone()) {
            times += 1;
            name = format!("{anchor}-{times}");
        }
    }
    found
}
