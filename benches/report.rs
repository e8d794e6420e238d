//! The tables and the chart: made out of what was kept in benches/results, never by hand.
//!
//! In benches/README.md and docs/sizing.md it replaces what stands between `<!-- NAME -->` and
//! `<!-- end -->`; the chart is benches/chart.svg.

#![allow(clippy::expect_used, clippy::panic, dead_code, missing_docs)]

mod support;

use std::fmt::Write;
use std::path::Path;

use support::figures::{Figure, Figures, folder, shown};

/// A target: what, the bench and the figure, what it must be, what it should be. Where less is
/// better, what it must be is more than what it should be.
const TARGETS: [(&str, &str, &str, f64, f64); 19] = [
    (
        "FW.ADMIT rps / INCR, random keys, P=16",
        "server-redis",
        "off/random/P16/FW.ADMIT/ratio",
        0.5,
        0.62,
    ),
    ("the same on Valkey 9.1", "server-valkey-9.1", "off/random/P16/FW.ADMIT/ratio", 0.45, 0.55),
    ("the same / the Lua script", "server", "off/random/P16/FW.ADMIT/to Lua", 3.5, 5.0),
    ("FW.ADMIT, hot key / INCR", "server", "off/hot/P16/FW.ADMIT/ratio", 0.55, 0.72),
    ("FW.ADMIT instructions / INCR's", "instructions", "FW.ADMIT/ratio", 2.6, 2.25),
    (
        "denied FW.ADMIT rps / admitted",
        "server",
        "off/random/P16/FW.ADMIT, denied/to FW.ADMIT",
        1.0,
        1.2,
    ),
    ("FW.ADMIT with HOLD rps / INCR", "server", "off/random/P16/FW.ADMIT HOLD/ratio", 0.35, 0.5),
    ("FW.SPEND of a hold rps / INCR", "server", "off/random/P16/FW.SPEND HOLD/ratio", 0.35, 0.5),
    (
        "FW.ADMIT with AOF everysec / INCR with it",
        "server",
        "everysec/random/P16/FW.ADMIT/ratio",
        0.5,
        0.6,
    ),
    ("engine: admit on a hot account, ns", "engine", "judge and apply, hot account", 40.0, 10.0),
    (
        "FW.ADMIT with 10,000 open holds / with none, instructions",
        "instructions",
        "growth/ADMIT, 10000 open holds to none",
        1.3,
        1.05,
    ),
    (
        "bytes per account, 0 slots / a 16-field hash",
        "memory",
        "nothing open, 0 slots/to hash",
        0.75,
        0.65,
    ),
    (
        "bytes per account, 1 slot / a 16-field hash",
        "memory",
        "nothing open, 1 slot/to hash",
        0.75,
        0.65,
    ),
    ("bytes per open hold, of 10", "memory", "open hold of 10/bytes", 128.0, 96.0),
    ("bytes per open hold, of 1,000", "memory", "open hold of 1000/bytes", 128.0, 96.0),
    ("largest single command, instructions", "instructions", "largest/of all", 1e6, 2e5),
    ("RDB save / strings of the same size", "memory", "rdb/save to strings", 2.0, 1.2),
    ("RDB load / strings of the same size", "memory", "rdb/load to strings", 2.0, 1.2),
    (
        "cluster: one primary's CPU per command / that of each of three",
        "scale",
        "cluster/FW.ADMIT/three to one",
        0.9,
        0.97,
    ),
];

const COMMANDS: [&str; 14] = [
    "INCR",
    "GET",
    "HINCRBY",
    "FW.ADMIT",
    "FW.ADMIT, denied",
    "FW.PEEK",
    "FW.ADMIT HOLD",
    "FW.SPEND HOLD",
    "FW.QUOTA RESERVE",
    "FW.QUOTA RELEASE",
    "stub of FW.ADMIT",
    "stub of FW.ADMIT HOLD",
    "stub of FW.SPEND HOLD",
    "Lua",
];

type Kept = Vec<(String, Figures)>;

fn main() {
    let kept = kept();
    write("benches/README.md", "targets", &targets(&kept));
    write("benches/README.md", "server", &servers(&kept));
    for bench in ["instructions", "engine", "memory", "scale"] {
        write("benches/README.md", bench, &tables(&kept, bench));
    }
    write("docs/sizing.md", "sizing", &sizing(&kept));
    if let Some((_, figures)) = kept.iter().find(|(name, _)| name.starts_with("server-redis")) {
        let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/chart.svg");
        std::fs::write(chart, svg(figures)).expect("the chart is written");
    }
}

/// All results, by the names of their files.
fn kept() -> Kept {
    let entries = std::fs::read_dir(folder()).expect("benches/results reads");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry reads").path()).collect();
    files.sort();
    let read = |file: &std::path::PathBuf| {
        let name = file.file_stem()?.to_string_lossy().into_owned();
        Some((name, Figures::read(file)?))
    };
    files.iter().filter_map(read).collect()
}

/// Replaces a part of a page.
fn write(page: &str, part: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    let old = std::fs::read_to_string(&path).unwrap_or_else(|_| panic!("no {page}"));
    let mark = format!("<!-- {part} -->\n");
    let (before, rest) = old.split_once(&mark).unwrap_or_else(|| panic!("no {mark} in {page}"));
    let (_, after) = rest.split_once("<!-- end -->").expect("the part ends");
    let new = format!("{before}{mark}\n{text}\n<!-- end -->{after}");
    std::fs::write(path, new).expect("the page is written");
}

fn spread(figure: &Figure) -> String {
    if figure.low < figure.high {
        let (low, high) = (shown(figure.low), shown(figure.high));
        return format!("{} ({low} to {high})", shown(figure.median));
    }
    shown(figure.median)
}

fn command(bench: &str) -> &'static str {
    match bench.split('-').next() {
        Some("instructions") => "make bench-instructions",
        Some("memory") => "make bench-memory",
        Some("scale") => "make bench-scale",
        _ => "make bench",
    }
}

fn targets(kept: &Kept) -> String {
    let mut out = "| target | must | aim | server | measured | | stub | command |\n".to_owned();
    out.push_str("|---|--:|--:|---|--:|---|--:|---|\n");
    for (what, bench, name, must, aim) in TARGETS {
        let rows = kept.iter().filter(|(file, _)| file.starts_with(bench));
        let rows = rows.filter_map(|(_, figures)| Some((figures, figures.rows.get(name)?)));
        let mut any = false;
        for (figures, figure) in rows {
            any = true;
            let reaches = |bound: f64| match must < aim {
                true => figure.median >= bound,
                false => figure.median <= bound,
            };
            let verdict = match (reaches(must), reaches(aim)) {
                (_, true) => "aim reached",
                (true, false) => "ok",
                (false, false) => "**missed**",
            };
            let (must, aim, server) = (shown(must), shown(aim), figures.about("server"));
            let (measured, command) = (spread(figure), command(bench));
            let of_stub = name.replace("/FW.", "/stub of FW.");
            let stub = figures.rows.get(&of_stub).filter(|_| of_stub != name);
            let stub = stub.map_or(String::new(), spread);
            let _ = writeln!(
                out,
                "| {what} | {must} | {aim} | {server} | {measured} | {verdict} | {stub} | `{command}` |"
            );
        }
        if !any {
            let (must, aim, command) = (shown(must), shown(aim), command(bench));
            let _ = writeln!(out, "| {what} | {must} | {aim} | | not measured | | | `{command}` |");
        }
    }
    out
}

fn head(figures: &Figures) -> String {
    let [server, machine, rustc, date] =
        ["server", "machine", "rustc", "date"].map(|name| figures.about(name));
    format!("**{server}**; {machine}; {rustc}; {date}\n\n")
}

/// For each server: calls a second beside INCR's, and what the server's main thread ran for a call.
fn servers(kept: &Kept) -> String {
    let mut out = String::new();
    for (_, figures) in kept.iter().filter(|(name, _)| name.starts_with("server-")) {
        out.push_str(&head(figures));
        beside_incr(&mut out, figures);
        waits(&mut out, figures);
        accounts(&mut out, figures);
    }
    out
}

fn beside_incr(out: &mut String, figures: &Figures) {
    for aof in ["off", "everysec"] {
        let modes =
            ["random", "hot"].iter().flat_map(|keys| [1, 16, 64].map(|p| format!("{keys}/P{p}")));
        let is_there =
            |mode: &String| figures.rows.contains_key(&format!("{aof}/{mode}/INCR/ratio"));
        let modes: Vec<String> = modes.filter(is_there).collect();
        if modes.is_empty() {
            continue;
        }
        let _ = writeln!(out, "AOF {aof}: rps / INCR, median (quartiles); CPU us per call\n");
        let _ = writeln!(out, "| | {} |", modes.join(" | ").replace("/P", " keys, P="));
        let _ = writeln!(out, "|---|{}", "--:|".repeat(modes.len()));
        for name in COMMANDS {
            let cell = |mode: &String| {
                let figure = |what: &str| figures.rows.get(&format!("{aof}/{mode}/{name}/{what}"));
                let (ratio, cpu) = (figure("ratio"), figure("cpu_us"));
                let cpu = cpu.map_or(String::new(), |cpu| shown(cpu.median));
                ratio.map_or(String::new(), |ratio| format!("{}; {cpu}", spread(ratio)))
            };
            let cells: Vec<String> = modes.iter().map(cell).collect();
            let _ = writeln!(out, "| {name} | {} |", cells.join(" | "));
        }
        out.push('\n');
    }
}

fn waits(out: &mut String, figures: &Figures) {
    let figure = |name: &str, part| figures.rows.get(&format!("off/random/P1/{name}/{part}"));
    if figure("INCR", "p50").is_none() {
        return;
    }
    out.push_str("Microseconds at P=1, random keys, 50 connections, AOF off\n\n");
    out.push_str("| | p50 | p99 | p99.9 |\n|---|--:|--:|--:|\n");
    for name in COMMANDS {
        let cells =
            ["p50", "p99", "p99.9"].map(|part| figure(name, part).map_or(String::new(), spread));
        let _ = writeln!(out, "| {name} | {} |", cells.join(" | "));
    }
    out.push('\n');
}

fn accounts(out: &mut String, figures: &Figures) {
    let rows = [1_000, 10_000, 100_000, 1_000_000, 2_000_000].map(|accounts| {
        let figure = |what| figures.rows.get(&format!("accounts/{accounts}/FW.ADMIT/{what}"));
        let (ratio, cpu) = (figure("ratio")?, figure("cpu_us")?);
        Some(format!("| {accounts} | {} | {} |\n", spread(ratio), spread(cpu)))
    });
    if rows.iter().any(Option::is_some) {
        out.push_str("| accounts | FW.ADMIT / INCR | CPU us per FW.ADMIT |\n|--:|--:|--:|\n");
        rows.iter().flatten().for_each(|row| out.push_str(row));
        out.push('\n');
    }
}

/// All figures of a bench.
fn tables(kept: &Kept, bench: &str) -> String {
    let mut out = String::new();
    let of_bench = |name: &str| name.split('-').next() == Some(bench);
    for (_, figures) in kept.iter().filter(|(name, _)| of_bench(name)) {
        out.push_str(&head(figures));
        out.push_str("| | |\n|---|--:|\n");
        for (name, figure) in &figures.rows {
            let _ = writeln!(out, "| {} | {} |", name.replace('/', ": "), spread(figure));
        }
        out.push('\n');
    }
    out
}

/// Memory of a shard that may be full of accounts: half of 16 GB, because a save may copy all of it.
const SHARD_BYTES: f64 = 8e9;
/// Part of a core that may be busy on average.
const BUSY: f64 = 0.5;

fn sizing(kept: &Kept) -> String {
    let of = |bench: &str, name: &str| {
        let (_, figures) = kept.iter().find(|(file, _)| file.starts_with(bench))?;
        figures.rows.get(name).map(|figure| figure.median)
    };
    let cpu = |name: &str| of("scale", &format!("sent/{name}/cpu_us"));
    let sent = |name: &str, what: &str| of("scale", &format!("sent/{name}/{what} bytes"));
    let rows = || {
        let mut out =
            "| per shard | one FW.ADMIT a request | a hold and its spend a request |\n".to_owned();
        out.push_str("|---|--:|--:|\n");
        let each = [of("memory", "60 slots/bytes")?, of("memory", "10 open holds/bytes")?];
        let us = [cpu("FW.ADMIT")?, cpu("FW.ADMIT HOLD")? + cpu("FW.SPEND HOLD")?];
        let bytes = |what| {
            let both = sent("FW.ADMIT HOLD", what)? + sent("FW.SPEND HOLD", what)?;
            Some([sent("FW.ADMIT", what)?, both])
        };
        let (aof, replica) = (bytes("AOF")?, bytes("replica")?);
        let accounts = each.map(|each| SHARD_BYTES / each);
        let rate = us.map(|us| BUSY * 1e6 / us);
        let mut row = |name: &str, [plain, held]: [f64; 2]| {
            let _ = writeln!(out, "| {name} | {} | {} |", shown(plain), shown(held));
        };
        row("bytes per busy account (60 slots; 10 open holds)", each);
        row("accounts in 8 GB", accounts);
        row("microseconds of CPU per request, with AOF and a replica", us);
        row("requests/s with the core half busy", rate);
        row("AOF bytes per request", aof);
        row("AOF MB/s at that rate", [rate[0] * aof[0] / 1e6, rate[1] * aof[1] / 1e6]);
        row("MB/s to each replica", [rate[0] * replica[0] / 1e6, rate[1] * replica[1] / 1e6]);
        let shards = |wanted: f64, has: [f64; 2]| has.map(|has| (wanted / has).ceil());
        row("shards for 10,000,000 accounts", shards(1e7, accounts));
        row("shards for 1,000,000 requests/s", shards(1e6, rate));
        Some(out)
    };
    rows().unwrap_or_else(|| "Not measured yet.\n".to_owned())
}

/// The chart: calls a second beside INCR's, with the spread. It has its own colours for dark pages.
fn svg(figures: &Figures) -> String {
    let (left, wide, step) = (170.0, 430.0, 26.0);
    let rows: Vec<(&str, &Figure)> = COMMANDS
        .iter()
        .filter_map(|name| {
            Some((*name, figures.rows.get(&format!("off/random/P16/{name}/ratio"))?))
        })
        .collect();
    let most = rows.iter().map(|(_, figure)| figure.high).fold(1.0, f64::max);
    let scale = |ratio: f64| ratio / most * wide;
    let height = 44 + rows.len() * 26 + 26;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"680\" height=\"{height}\" \
         viewBox=\"0 0 680 {height}\" role=\"img\" aria-label=\"Calls a second beside INCR\">\n\
         <style>\ntext {{ font: 13px sans-serif; fill: #24292f }}\n.other {{ fill: #8c959f }}\n\
         .own {{ fill: #1a7f64 }}\n.spread {{ stroke: #24292f; stroke-width: 1.5 }}\n\
         @media (prefers-color-scheme: dark) {{\ntext {{ fill: #e6edf3 }}\n.other {{ fill: #6e7681 }}\n\
         .own {{ fill: #3fb68b }}\n.spread {{ stroke: #e6edf3 }}\n}}\n</style>\n\
         <text x=\"0\" y=\"18\">Calls a second beside INCR = 1: {}, P=16, random keys</text>\n",
        figures.about("server")
    );
    let mut y = 38.0;
    for (name, figure) in rows {
        let kind = if name.starts_with("FW.") { "own" } else { "other" };
        let (low, high) = (left + scale(figure.low), left + scale(figure.high));
        let (end, base, middle) = (left - 8.0, y + 14.0, y + 9.0);
        let (bar, label, ratio) = (scale(figure.median), high + 6.0, shown(figure.median));
        let _ = writeln!(
            out,
            "<text x=\"{end:.0}\" y=\"{base:.0}\" text-anchor=\"end\">{name}</text>\
             <rect class=\"{kind}\" x=\"{left:.0}\" y=\"{y:.0}\" width=\"{bar:.1}\" height=\"18\"/>\
             <line class=\"spread\" x1=\"{low:.1}\" x2=\"{high:.1}\" y1=\"{middle:.0}\" y2=\"{middle:.0}\"/>\
             <text x=\"{label:.1}\" y=\"{base:.0}\">{ratio}</text>"
        );
        y += step;
    }
    let _ = writeln!(
        out,
        "<text x=\"0\" y=\"{:.0}\">Bars: medians; lines: quartiles. make bench, {}</text>\n</svg>",
        y + 18.0,
        figures.about("date")
    );
    out
}
