//! `FW.TIERS`

use super::args::{Args, Figure};
use super::error::Error;
use super::reply::Reply;
use super::{Access, Doc, Host, Keyless};

/// Shows the tier table.
pub struct Tiers;

impl Keyless for Tiers {
    const DOC: Doc = Doc {
        name: "FW.TIERS",
        usage: &[""],
        summary: "Shows the tier table, lowest tier first.",
        complexity: "O(N) with N the tiers",
        since: "0.1.0",
        words: &[],
        replies: "rows of name, limit, history",
        errors: &[],
    };
    const ACCESS: Access = Access::Read;

    fn run(mut args: Args<'_>, host: &mut impl Host, out: &mut impl Reply) -> Result<(), Error> {
        args.end()?;
        let rows = host.settings().policy.tiers.rows();
        out.array(rows.len());
        for row in rows {
            out.map(3);
            out.bulk(b"name");
            out.bulk(row.name.as_bytes());
            out.bulk(b"limit");
            out.limit(row.limit.as_units(), Figure::Money);
            out.bulk(b"history");
            out.money(row.history);
        }
        Ok(())
    }
}
