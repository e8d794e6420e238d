//! Accounts to begin with, and the effects that made them.

use std::sync::OnceLock;

use fw_limits::engine::account::Account;
use fw_limits::engine::effect::Effect;

use super::bench::Bench;
use super::traffic::{Step, words};

const SECOND: i64 = 1_000;

/// What makes each account, with so much time after each line.
const SCRIPTS: &[(i64, &[&str])] = &[
    (0, &["FW.ADMIT k"]),
    (
        SECOND + 500,
        &[
            "FW.SPEND k 12.5 ID s",
            "FW.TOPUP k 150 ID t",
            "FW.TOPUP k 3 ID u PROMO",
            "FW.SET k anchor-day 31 tier tier-3",
            "FW.LIMIT k requests VALUE 100 MAX 700",
            "FW.LIMIT k requests@m MAX 50",
            "FW.LIMIT k tokens MAX 1000",
            "FW.LIMIT k tokens@m MAX 90",
            "FW.LIMIT k h100 VALUE 6",
            "FW.QUOTA k RESERVE l h100 2 a100 1",
            "FW.QUOTA k RESERVE n a100 1 TTL 0",
            "FW.QUOTA k RESERVE gone h100 1",
            "FW.QUOTA k RENEW l 1 TTL 900000",
            "FW.QUOTA k RELEASE gone",
            "FW.ADMIT k COST 0 SCOPE m TOKENS 5 HOLD settled 2",
            "FW.SPEND k 1.5 HOLD settled TOKENS 3",
            "FW.ADMIT k COST 0 TOKENS 400 HOLD voided 2",
            "FW.VOID k voided",
            "FW.ADMIT k COST 0 HOLD lapsed 2 TTL 1000",
            "FW.ADMIT k COST 2 SCOPE m TOKENS 2 HOLD h 4 TTL 86400000",
            "FW.SPEND k 1 HOLD h TOKENS 4 PARTIAL",
            "FW.ADMIT k COST 0 HOLD g 6 TTL 86400000",
            "FW.EXTEND k g 90000",
            "FW.SPEND k 1 HOLD lapsed",
            "FW.REFUND k 0.5 ID r",
            "FW.INVOICE k PAID i AMOUNT 1",
            "FW.INVOICE k VOIDED j",
            "FW.ADMIT k COST 7",
        ],
    ),
    (
        20_000 * SECOND,
        &[
            "FW.ADMIT k COST 3",
            "FW.ADMIT k HOLD h 1 TTL 86400000",
            "FW.INVOICE k FAILED i",
            "FW.SUSPEND k two-words",
            "FW.SPEND k 49 ID s",
            "FW.RESUME k",
            "FW.SUSPEND k fraud",
        ],
    ),
    (
        SECOND,
        &[
            "FW.SET k tier unlimited",
            "FW.LIMIT k requests MAX 9223372036854775807",
            "FW.LIMIT k tokens MAX 9223372036854775807",
            "FW.LIMIT k h100 MAX 9223372036854775807",
            "FW.ADMIT k COST 9223372036854775806 TOKENS 9223372036854775806 HOLD h 4611686018",
            "FW.SPEND k 4611686018.4 ID s",
            "FW.QUOTA k RESERVE l h100 9223372036854775806 TTL 31536000000",
            "FW.TOPUP k 9223372036 ID t",
            "FW.TOPUP k 4611686018.4 ID u PROMO",
        ],
    ),
];

/// Everything that the scripts left on their way.
struct Begun {
    accounts: Vec<Option<Box<Account>>>,
    effects: Vec<(Option<Box<Account>>, Effect)>,
}

/// No account, and two after each script: the second one has followed the clock back.
pub fn accounts() -> &'static [Option<Box<Account>>] {
    &begun().accounts
}

/// Each effect of the scripts, with the account it belongs to.
pub fn effects() -> &'static [(Option<Box<Account>>, Effect)] {
    &begun().effects
}

fn begun() -> &'static Begun {
    static BEGUN: OnceLock<Begun> = OnceLock::new();
    BEGUN.get_or_init(|| {
        let mut begun = Begun { accounts: vec![None], effects: Vec::new() };
        for (pause, lines) in SCRIPTS {
            let mut bench = Bench::new(None);
            bench.kept = Some(Vec::new());
            bench.set("new-accounts", "open");
            for line in *lines {
                let before = bench.kept.as_ref().map(Vec::len);
                bench.take(&Step::Command(words(line)));
                assert_ne!(bench.kept.as_ref().map(Vec::len), before, "{line} changes nothing");
                bench.take(&Step::Clock(*pause));
            }
            begun.accounts.push(bench.account.clone());
            // A clock that went back, too.
            bench.take(&Step::Clock(-7_200 * SECOND));
            bench.take(&Step::Command(words("FW.SPEND k 1")));
            begun.accounts.push(bench.account.clone());
            begun.effects.extend(bench.kept.take().into_iter().flatten());
        }
        begun
    })
}
