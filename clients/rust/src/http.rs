//! HTTP fields of an answer.
//!
//! `x-ratelimit-{limit,remaining}-{requests,tokens}` are counts in any 60 seconds, and
//! `x-ratelimit-reset-{requests,tokens}` seconds with an `s`, such as `60s` or `0.25s`, until the
//! window is whole again.
//!
//! `ratelimit-policy` and `ratelimit` are those of the IETF draft
//! draft-ietf-httpapi-ratelimit-headers-11: q is the limit, qu its unit where that is not requests, w
//! the window in seconds, r what remains, t whole seconds, rounded up, in which no more than that can
//! be used: until the window is whole again, or until retry-after where that is sooner.
//!
//! `retry-after` is whole seconds, rounded up, and comes from retry_after_ms alone: it is absent
//! where waiting does not help. A window without a limit has no fields.

use crate::replies::{Admission, Window};

/// Names in lower case, and values.
pub type Fields = Vec<(&'static str, String)>;

const WINDOW_SECONDS: u64 = 60;
/// The largest integer that a structured field can hold (RFC 9651).
const LARGEST: u64 = 999_999_999_999_999;

/// Whole seconds, rounded up: a client that comes back earlier would be denied again.
pub fn seconds(ms: u64) -> u64 {
    ms.div_ceil(1000)
}

/// The fields of an admission, whatever its verdict.
pub(crate) fn fields(admission: &Admission) -> Fields {
    let mut fields = Fields::new();
    let (mut policies, mut windows) = (Vec::new(), Vec::new());
    let after = admission.retry_after().filter(|after| *after > 0);
    let named = [
        ("requests", REQUESTS, Some(&admission.requests)),
        ("tokens", TOKENS, admission.tokens.as_ref()),
    ];
    for (unit, names, window) in named {
        let Some((limit, remaining, reset_ms)) = window.and_then(bounded) else { continue };
        fields.push((names[0], limit.to_string()));
        fields.push((names[1], remaining.to_string()));
        fields.push((names[2], reset(reset_ms)));
        if limit <= LARGEST {
            // The draft's own unit is requests, and it has none for tokens.
            let own = if unit == "requests" { String::new() } else { format!(";qu=\"{unit}\"") };
            let whole = seconds(reset_ms);
            let t = after.map_or(whole, |after| after.min(whole));
            policies.push(format!("\"{unit}\";q={limit}{own};w={WINDOW_SECONDS}"));
            windows.push(format!("\"{unit}\";r={remaining};t={t}"));
        }
    }
    if !policies.is_empty() {
        fields.push(("ratelimit-policy", policies.join(", ")));
        fields.push(("ratelimit", windows.join(", ")));
    }
    if let Some(after) = after {
        fields.push(("retry-after", after.to_string()));
    }
    fields
}

const REQUESTS: [&str; 3] =
    ["x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"];
const TOKENS: [&str; 3] =
    ["x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"];

fn bounded(window: &Window) -> Option<(u64, u64, u64)> {
    Some((window.limit?, window.remaining?, window.reset_ms))
}

fn reset(ms: u64) -> String {
    let seconds = format!("{}.{:03}", ms / 1000, ms % 1000);
    format!("{}s", seconds.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Verdict;

    fn admission(limit: u64, retry_after_ms: Option<u64>, tokens: Option<Window>) -> Admission {
        Admission {
            verdict: Verdict::Ok,
            policy: "requests".into(),
            requests: Window { limit: Some(limit), remaining: Some(599), reset_ms: 59_001 },
            retry_after_ms,
            tokens,
        }
    }

    fn field(admission: &Admission, name: &str) -> Option<String> {
        let found = admission.headers().into_iter().find(|(has, _)| *has == name);
        found.map(|(_, value)| value)
    }

    #[test]
    fn fields_of_requests() {
        let expected = [
            ("x-ratelimit-limit-requests", "600"),
            ("x-ratelimit-remaining-requests", "599"),
            ("x-ratelimit-reset-requests", "59.001s"),
            ("ratelimit-policy", "\"requests\";q=600;w=60"),
            ("ratelimit", "\"requests\";r=599;t=60"),
        ];
        let expected = expected.map(|(name, value)| (name, value.to_owned()));
        assert_eq!(admission(600, Some(0), None).headers(), expected);
    }

    #[test]
    fn fields_of_tokens_come_beside_them() {
        let tokens = Window { limit: Some(5000), remaining: Some(3500), reset_ms: 250 };
        let answer = admission(600, Some(0), Some(tokens));
        assert_eq!(field(&answer, "x-ratelimit-limit-tokens").unwrap(), "5000");
        assert_eq!(field(&answer, "x-ratelimit-remaining-tokens").unwrap(), "3500");
        assert_eq!(field(&answer, "x-ratelimit-reset-tokens").unwrap(), "0.25s");
        let both = "\"requests\";r=599;t=60, \"tokens\";r=3500;t=1";
        assert_eq!(field(&answer, "ratelimit").unwrap(), both);
        let both = "\"requests\";q=600;w=60, \"tokens\";q=5000;qu=\"tokens\";w=60";
        assert_eq!(field(&answer, "ratelimit-policy").unwrap(), both);
    }

    #[test]
    fn a_window_reaches_no_further_than_retry_after() {
        for (ms, t) in [(None, 60), (Some(1), 1), (Some(7_001), 8), (Some(90_000), 60)] {
            let tokens = Window { limit: Some(5000), remaining: Some(0), reset_ms: 250 };
            let answer = admission(600, ms, Some(tokens));
            let both = format!("\"requests\";r=599;t={t}, \"tokens\";r=0;t=1");
            assert_eq!(field(&answer, "ratelimit").unwrap(), both, "{ms:?}");
            assert_eq!(field(&answer, "x-ratelimit-reset-requests").unwrap(), "59.001s");
        }
    }

    #[test]
    fn retry_after_is_rounded_up_and_only_where_waiting_helps() {
        for (ms, seconds) in
            [(Some(0), None), (None, None), (Some(1), Some("1")), (Some(1001), Some("2"))]
        {
            let found = field(&admission(600, ms, None), "retry-after");
            assert_eq!(found.as_deref(), seconds, "{ms:?}");
        }
    }

    #[test]
    fn a_figure_that_no_structured_field_can_hold_is_left_out() {
        assert!(field(&admission(LARGEST, Some(0), None), "ratelimit").is_some());
        let larger = admission(LARGEST + 1, Some(0), None);
        assert!(field(&larger, "x-ratelimit-limit-requests").is_some());
        assert!(field(&larger, "ratelimit").is_none());
    }
}
