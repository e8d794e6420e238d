//! `FW.APPLY key effect` and `FW.LOAD key bytes`: the server's own commands, as documented.
//!
//! They are how changes reach replicas and files. What they do is the face's; nobody else sends
//! them, so FW.HELP does not list them.

use super::Doc;

/// Takes the effect of a command.
pub const APPLY: Doc = Doc {
    name: "FW.APPLY",
    usage: &["key effect"],
    summary: "The server's own: applies the effect of a command on replicas and from the AOF. Refused from clients.",
    complexity: "O(log N) with N the rows of the account",
    since: "0.1.0",
    words: &[],
    replies: "nothing to clients",
    errors: &["NOTALLOWED"],
};

/// Takes a whole account.
pub const LOAD: Doc = Doc {
    name: "FW.LOAD",
    usage: &["key bytes"],
    summary: "The server's own: puts an account into its key, from a rewritten AOF. Refused from clients.",
    complexity: "O(N) with N the rows of the account",
    since: "0.1.0",
    words: &[],
    replies: "nothing to clients",
    errors: &["NOTALLOWED"],
};
