//! `FW.CLOCK SET ms | ADVANCE ms | REAL`

use super::args::Args;
use super::error::{Code, Error};
use super::reply::Reply;
use super::{Access, Doc, Host, Keyless};
use crate::engine::bounds::TEST_CLOCK_MS;
use crate::engine::time::Millis;

/// Moves the module's clock, for tests.
pub struct Clock;

/// Where to move the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// To this time; it stands still there.
    To(Millis),
    /// By this span, from where it stands; it stands still there.
    By(Millis),
    /// Back to the server's time.
    Real,
}

impl Keyless for Clock {
    const DOC: Doc = Doc {
        name: "FW.CLOCK",
        usage: &["SET ms", "ADVANCE ms", "REAL"],
        summary: "Moves the module's clock, for tests; needs fw.test-clock yes.",
        complexity: "O(1)",
        since: "0.1.0",
        words: &[
            ("SET ms", "to this time, in Unix milliseconds; it stands still there"),
            ("ADVANCE ms", "by so many milliseconds; it stands still there"),
            ("REAL", "back to the server's time"),
        ],
        replies: "the time then in force, in Unix milliseconds",
        errors: &["NOTALLOWED"],
    };
    const ACCESS: Access = Access::Write;

    fn run(mut args: Args<'_>, host: &mut impl Host, out: &mut impl Reply) -> Result<(), Error> {
        let word = args.need("SET, ADVANCE or REAL")?;
        let to = if Args::is(word, "SET") {
            Move::To(args.millis("a time in ms", TEST_CLOCK_MS)?)
        } else if Args::is(word, "ADVANCE") {
            Move::By(args.millis("a span in ms", TEST_CLOCK_MS)?)
        } else if Args::is(word, "REAL") {
            Move::Real
        } else {
            return Err(args.unknown());
        };
        args.end()?;
        if !host.settings().test_clock {
            let text = "the clock moves in tests only; start the server with fw.test-clock yes";
            return Err(Error::of(Code::NotAllowed, text));
        }
        let time = host.move_clock(to);
        let time = time.ok_or_else(|| args.wrong("leads beyond 4102444800000, the year 2100"))?;
        out.integer(time);
        Ok(())
    }
}
