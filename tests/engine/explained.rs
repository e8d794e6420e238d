//! What FW.EXPLAIN says beside the answer of FW.ADMIT or FW.PEEK: never anything else.

use fw_limits::engine::decide::Decision;
use fw_limits::engine::explanation::{Check, Explanation, Figures, Way};
use fw_limits::engine::verdict::{Refusal, Verdict};

use crate::answer::{Answer, Said};
use crate::tell;

/// An explanation, given before the request was made.
pub struct Explained(pub Result<Decision<Explanation>, Refusal>);

impl Explained {
    /// Checks that it explains what was said.
    pub fn agrees(self, said: &Said) -> Result<(), String> {
        let explanation = match (self.0, &said.answer) {
            (Err(refusal), Err(error)) if tell::error(&refusal) == *error => return Ok(()),
            (Ok(decision), Ok(_)) if decision.effect.is_none() => decision.answer,
            (other, _) => return Err(format!("FW.EXPLAIN says otherwise: {other:?}")),
        };
        let Answer::Admission(explained) = tell::admission(explanation.admission.clone()) else {
            unreachable!()
        };
        match &said.answer {
            Ok(Answer::Admission(answer))
                if (answer.verdict, answer.retry_after)
                    == (explained.verdict, explained.retry_after)
                    && (answer.policy == explained.policy || answer.verdict == "OK") => {}
            other => return Err(format!("FW.EXPLAIN says {explained:?}, not {other:?}")),
        }
        checks_agree(&explanation).map_err(|what| format!("FW.EXPLAIN: {what}: {explanation:?}"))
    }
}

/// The checks lead to the verdict: the first that fails has it, and one names what decided.
fn checks_agree(told: &Explanation) -> Result<(), &'static str> {
    let admission = &told.admission;
    let mut failed = told.checks.iter().filter(|check| check.denial.is_some());
    match admission.verdict {
        Verdict::UnknownAccount => {
            return if told.checks.is_empty() { Ok(()) } else { Err("checks of no account") };
        }
        Verdict::Duplicate => {
            let alone = matches!(&told.checks[..], [Check { figures: Figures::Admitted, .. }]);
            return if alone { Ok(()) } else { Err("checks beside a duplicate") };
        }
        Verdict::Ok => {
            let none = failed.next().is_none() && !told.checks.is_empty();
            return if none { Ok(()) } else { Err("a check fails, or there is none") };
        }
        _ => {}
    }
    if told.checks.iter().any(|check| check.denial.is_some() == check.ways.is_empty()) {
        return Err("a way for what passes, or none for what fails");
    }
    let decides = (admission.verdict, admission.policy.clone());
    let first = failed.next().and_then(|check| check.denial.as_ref());
    if first.map(|(verdict, _)| verdict) != Some(&admission.verdict) {
        return Err("the first check that fails has another verdict");
    }
    let decider = told.checks.iter().find(|check| check.denial.as_ref() == Some(&decides));
    let Some(decider) = decider else { return Err("no check names what decides") };
    let waits = decider.ways.iter().find_map(|way| match way {
        Way::Wait(span) | Way::AwaitHold(span) => Some(span.0),
        _ => None,
    });
    let retry = match admission.retry {
        fw_limits::engine::verdict::Retry::After(span) => Some(span.0),
        _ => None,
    };
    if waits == retry { Ok(()) } else { Err("it waits for another time") }
}
