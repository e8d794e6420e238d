//! Figures: what a bench measured, printed, and kept in benches/results with `KEEP=yes`.
//!
//! A file of results has one figure a line (name, median, quartiles), and says first where, on
//! what and when it was measured. `make bench-docs` makes the tables out of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::answer::Answer;
use super::server::Server;

/// One figure: the median of what was measured, and its spread.
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    /// The median.
    pub median: f64,
    /// The lower quartile: a quarter of the samples is below.
    pub low: f64,
    /// The upper one.
    pub high: f64,
}

impl Figure {
    /// The median and spread of samples.
    pub fn of(samples: &[f64]) -> Self {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (quarter, last) = (sorted.len() / 4, sorted.len() - 1);
        Self {
            median: sorted[sorted.len() / 2],
            low: sorted[quarter],
            high: sorted[last - quarter],
        }
    }
}

/// The figures of one bench on one server.
pub struct Figures {
    /// What they were measured with, as `name: value`.
    pub about: Vec<(String, String)>,
    /// The figures by their names.
    pub rows: BTreeMap<String, Figure>,
    file: PathBuf,
}

impl Figures {
    /// No figures yet. `repeat` is the command that measures them.
    pub fn new(bench: &str, server: &str, repeat: &str) -> Self {
        let about = [
            ("repeat", repeat.to_owned()),
            ("server", server.to_owned()),
            ("machine", machine()),
            ("rustc", first_line("rustc", &["--version"])),
            ("date", first_line("date", &["-u", "+%F"])),
        ];
        let place = server.to_lowercase().replace(' ', "-");
        Self {
            about: about.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            rows: BTreeMap::new(),
            file: folder().join(format!("{bench}-{place}.tsv")),
        }
    }

    /// The figures that were kept in a file.
    pub fn read(file: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(file).ok()?;
        let (mut about, mut rows) = (Vec::new(), BTreeMap::new());
        for line in text.lines() {
            if let Some((name, value)) = line.strip_prefix("# ").and_then(|l| l.split_once(": ")) {
                about.push((name.to_owned(), value.to_owned()));
                continue;
            }
            let mut cells = line.split('\t');
            let name = cells.next()?.to_owned();
            let mut figure = || cells.next()?.parse().ok();
            rows.insert(name, Figure { median: figure()?, low: figure()?, high: figure()? });
        }
        Some(Self { about, rows, file: file.to_owned() })
    }

    /// The figures that were kept of the same bench and server.
    pub fn kept(&self) -> Option<Self> {
        Self::read(&self.file)
    }

    /// What they were measured with.
    pub fn about(&self, name: &str) -> &str {
        let row = self.about.iter().find(|(other, _)| other == name);
        row.map_or("?", |(_, value)| value)
    }

    /// Takes samples of a figure.
    pub fn add(&mut self, name: &str, samples: &[f64]) {
        self.rows.insert(name.to_owned(), Figure::of(samples));
    }

    /// Prints the figures, and keeps them if that is wanted.
    pub fn finish(&self) {
        for (name, value) in &self.about {
            println!("{name}: {value}");
        }
        for (name, figure) in &self.rows {
            let Figure { median, low, high } = *figure;
            let spread = format!("{} to {}", shown(low), shown(high));
            let spread = if low < high { spread } else { String::new() };
            println!("{name:<56} {:>12}   {spread}", shown(median));
        }
        if std::env::var("FW_BENCH_KEEP").is_ok_and(|keep| keep == "yes") {
            let about = self.about.iter().map(|(name, value)| format!("# {name}: {value}\n"));
            let row = |(name, figure): (&String, &Figure)| {
                let Figure { median, low, high } = *figure;
                format!("{name}\t{median:.4}\t{low:.4}\t{high:.4}\n")
            };
            // A part takes the place of what was kept of it.
            let is_part = std::env::var("FW_BENCH_PART").is_ok_and(|part| !part.is_empty());
            let kept = if is_part { self.kept() } else { None };
            let mut rows = kept.map_or_else(BTreeMap::new, |kept| kept.rows);
            rows.extend(self.rows.clone());
            let text: String = about.chain(rows.iter().map(row)).collect();
            std::fs::write(&self.file, text).expect("benches/results can be written");
        }
    }
}

/// Three digits, or all before the point.
pub fn shown(figure: f64) -> String {
    let places = match figure.abs() {
        100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        _ => 3,
    };
    format!("{figure:.places$}")
}

/// Where results are kept.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/results")
}

/// A server's name and version, and whether it runs on an allocator that is not its own.
pub fn release(server: &mut Server) -> String {
    let Answer::Text(text) = server.must("INFO server") else { panic!("INFO is text") };
    let text = String::from_utf8_lossy(&text).into_owned();
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
    let release = match (field("valkey_version:"), field("redis_version:")) {
        (Some(version), _) => format!("Valkey {version}"),
        (None, version) => format!("Redis {}", version.expect("a version")),
    };
    match std::env::var("LD_PRELOAD") {
        Ok(library) if library.contains("jemalloc") => format!("{release} on jemalloc"),
        Ok(library) if !library.is_empty() => panic!("what is {library} preloaded for?"),
        _ => release,
    }
}

fn machine() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    format!("{}, {} cores", model.map_or("unknown processor", |(_, model)| model), super::cores())
}

fn first_line(program: &str, words: &[&str]) -> String {
    let output = Command::new(program).args(words).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    text.ok().and_then(|text| text.lines().next().map(str::to_owned)).unwrap_or_default()
}
