//! What is printed: tables for people, JSON for programs; colours on terminals alone.

use std::io::{IsTerminal, Stdout, Write};

use anstream::AutoStream;
use anstyle::{AnsiColor, Style};
use clap::ValueEnum;
use serde_json::Value as Json;
use unicode_width::UnicodeWidthStr;

use crate::failure::Failure;

/// What `-o` chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Text for people
    Table,
    /// JSON: money and limits as strings, counts and times as exact integers
    Json,
}

/// Something that is well.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// Something that would not do.
pub const DOUBTFUL: Style = AnsiColor::Yellow.on_default();
/// Something that denies.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// A heading.
pub const HEAD: Style = Style::new().bold();
/// As everything else.
pub const PLAIN: Style = Style::new();

/// Standard output.
pub struct Output {
    format: Format,
    out: AutoStream<Stdout>,
}

impl Output {
    /// Output in a format.
    pub fn new(format: Format) -> Self {
        Self { format, out: AutoStream::auto(std::io::stdout()) }
    }

    /// Whether JSON is asked for.
    pub fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Whether a person looks at it.
    pub fn is_screen(&self) -> bool {
        self.format == Format::Table && std::io::stdout().is_terminal()
    }

    /// Prints text.
    pub fn text(&mut self, text: &str) -> Result<(), Failure> {
        self.out.write_all(text.as_bytes())?;
        Ok(self.out.flush()?)
    }

    /// Prints text over what is on the screen.
    pub fn screen(&mut self, text: &str) -> Result<(), Failure> {
        // Line by line, not cleared first: nothing flickers. What moves the cursor goes past the
        // stream, which lets no escapes through where colours are not wanted.
        let mut bare = std::io::stdout();
        bare.write_all(b"\x1b[H")?;
        for line in text.lines() {
            self.out.write_all(line.as_bytes())?;
            bare.write_all(b"\x1b[K\n")?;
        }
        bare.write_all(b"\x1b[J")?;
        Ok(bare.flush()?)
    }

    /// Prints a document.
    pub fn document(&mut self, json: &Json) -> Result<(), Failure> {
        self.text(&format!("{json:#}\n"))
    }

    /// Prints one of many documents, on a line of its own.
    pub fn line(&mut self, json: &Json) -> Result<(), Failure> {
        self.text(&format!("{json}\n"))
    }
}

/// Text in a style.
pub fn styled(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// A column's heading, and where its texts stand.
#[derive(Clone, Copy)]
pub enum Column {
    /// Words.
    Left(&'static str),
    /// Figures.
    Right(&'static str),
}

/// Rows under headings.
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<(Style, String)>>,
}

impl Table {
    /// A table without rows.
    pub fn new(columns: &[Column]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row<const N: usize>(&mut self, texts: [String; N]) {
        self.rows.push(texts.into_iter().map(|text| (PLAIN, text)).collect());
    }

    /// Adds a row of which some texts stand out.
    pub fn styled_row<const N: usize>(&mut self, texts: [(Style, String); N]) {
        self.rows.push(texts.into());
    }

    /// The lines, each after `indent`.
    pub fn lines(&self, indent: &str) -> String {
        let heads = self.columns.iter().map(|column| match column {
            Column::Left(head) | Column::Right(head) => (HEAD, (*head).to_owned()),
        });
        let heads: Vec<(Style, String)> = heads.collect();
        let all: Vec<&Vec<(Style, String)>> = std::iter::once(&heads).chain(&self.rows).collect();
        let width =
            |at: usize| all.iter().filter_map(|row| row.get(at)).map(|(_, t)| t.width()).max();
        let widths: Vec<usize> = (0..heads.len()).map(|at| width(at).unwrap_or(0)).collect();
        let mut text = String::new();
        for row in all {
            text.push_str(format!("{indent}{}", self.line(row, &widths)).trim_end());
            text.push('\n');
        }
        text
    }

    fn line(&self, row: &[(Style, String)], widths: &[usize]) -> String {
        let last = row.iter().rposition(|(_, text)| !text.is_empty()).unwrap_or(0);
        let cells = row.iter().zip(&self.columns).zip(widths).take(last.saturating_add(1));
        let cells = cells.enumerate().map(|(at, (((style, text), column), width))| {
            let gap = " ".repeat(width.saturating_sub(text.width()));
            let text = if *style == PLAIN { text.clone() } else { styled(*style, text) };
            match column {
                Column::Right(_) => format!("{gap}{text}"),
                Column::Left(_) if at == last => text,
                Column::Left(_) => format!("{text}{gap}"),
            }
        });
        cells.collect::<Vec<_>>().join("  ")
    }
}
