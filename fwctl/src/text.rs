//! Bytes, figures and times as people read them.
//!
//! What accounts and their ids contain comes from clients: nothing of it reaches a terminal as a
//! control character.

use std::fmt::Write as _;

/// Text for a terminal: control characters and what is not UTF-8 are escaped.
pub fn shown(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if is_unseen(c) { text.extend(c.escape_default()) } else { text.push(c) }
        }
        escape(chunk.invalid(), &mut text);
    }
    text
}

/// Text for JSON: as it is; what is not UTF-8 becomes `\xNN`.
pub fn exact(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        escape(chunk.invalid(), &mut text);
    }
    text
}

fn escape(bytes: &[u8], text: &mut String) {
    for byte in bytes {
        let _ = write!(text, "\\x{byte:02x}");
    }
}

/// Holds for what moves the cursor, or turns the line around.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Dollars as FW.EXPLAIN writes them: `$1,234.50`. Digits are moved, never computed with.
pub fn dollars(amount: &str) -> String {
    if !amount.starts_with(|c: char| c.is_ascii_digit()) {
        return amount.to_owned();
    }
    match amount.split_once('.') {
        Some((whole, fraction)) => format!("${}.{fraction:0<2}", grouped(whole)),
        None => format!("${}", grouped(amount)),
    }
}

/// A count with commas between its thousands; other words stay as they are.
pub fn grouped(count: &str) -> String {
    if !count.bytes().all(|byte| byte.is_ascii_digit()) {
        return count.to_owned();
    }
    let mut text = String::new();
    for (at, digit) in count.chars().enumerate() {
        if at > 0 && count.len().saturating_sub(at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The figure of a limit: the limit `spend` is money, the others are counts.
pub fn figure(limit: &str, text: &str) -> String {
    if limit == "spend" { dollars(text) } else { grouped(text) }
}

/// Unix milliseconds as a time in UTC.
pub fn utc(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map_or_else(|_| format!("{ms} ms"), |at| at.to_string())
}

/// A span in its two largest units: `1d 3h`, `2m 5s`, `1.5s`, `20ms`.
pub fn span(ms: i64) -> String {
    let (size, sign) = (ms.unsigned_abs(), if ms < 0 { "-" } else { "" });
    let (seconds, rest) = (size / 1_000, size % 1_000);
    let pair = |one: u64, name: &str, other: u64, of: &str| match other {
        0 => format!("{one}{name}"),
        _ => format!("{one}{name} {other}{of}"),
    };
    let text = match seconds {
        0 => format!("{rest}ms"),
        1..60 if rest == 0 => format!("{seconds}s"),
        1..60 => format!("{seconds}.{}s", format!("{rest:03}").trim_end_matches('0')),
        60..3_600 => pair(seconds / 60, "m", seconds % 60, "s"),
        3_600..86_400 => pair(seconds / 3_600, "h", seconds / 60 % 60, "m"),
        _ => pair(seconds / 86_400, "d", seconds / 3_600 % 24, "h"),
    };
    format!("{sign}{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_client_sent_moves_the_cursor() {
        assert_eq!(shown(b"a b\x1b[2J\xff\n"), "a b\\u{1b}[2J\\xff\\n");
        assert_eq!(shown("é漢\u{202e}".as_bytes()), "é漢\\u{202e}");
        assert_eq!(exact(b"a\x1b\xff"), "a\u{1b}\\xff");
    }

    #[test]
    fn figures_keep_every_digit() {
        for (text, wanted) in [
            ("50", "$50"),
            ("1234.5", "$1,234.50"),
            ("0.0000125", "$0.0000125"),
            ("9223372036.854775807", "$9,223,372,036.854775807"),
            ("unlimited", "unlimited"),
        ] {
            assert_eq!(dollars(text), wanted);
        }
        assert_eq!(grouped("9223372036854775807"), "9,223,372,036,854,775,807");
        assert_eq!(grouped("100"), "100");
        assert_eq!(grouped("unlimited"), "unlimited");
    }

    #[test]
    fn spans_and_times_read_well() {
        for (ms, wanted) in [
            (0, "0ms"),
            (999, "999ms"),
            (1_500, "1.5s"),
            (60_000, "1m"),
            (61_000, "1m 1s"),
            (3_660_000, "1h 1m"),
            (97_200_000, "1d 3h"),
            (-1_000, "-1s"),
        ] {
            assert_eq!(span(ms), wanted);
        }
        assert_eq!(utc(1_767_225_600_000), "2026-01-01T00:00:00Z");
        assert_eq!(utc(i64::MAX), "9223372036854775807 ms");
    }
}
