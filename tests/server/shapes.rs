//! The types of replies, in RESP2 and in RESP3: what a client's library hands to its user.

use redis::Value;

use crate::support::server::Server;

fn value(server: &Server, query: &str, line: &str) -> Value {
    let mut connection = server.connect_with(query);
    let mut command = redis::Cmd::new();
    for word in line.split(' ') {
        command.arg(word);
    }
    command.query(&mut connection).expect("a reply")
}

/// The types of a reply, one letter each.
fn shape(value: &Value) -> String {
    match value {
        Value::Nil => "n".into(),
        Value::Int(_) => "i".into(),
        Value::BulkString(_) => "b".into(),
        Value::SimpleString(_) | Value::Okay => "s".into(),
        Value::Array(rows) => format!("[{}]", rows.iter().map(shape).collect::<String>()),
        Value::Map(pairs) => {
            let pair = |(key, value): &(Value, Value)| shape(key) + &shape(value);
            format!("{{{}}}", pairs.iter().map(pair).collect::<String>())
        }
        other => format!("?{other:?}"),
    }
}

#[test]
fn replies_have_their_types_in_both_protocols() {
    let mut server = Server::start(&[]);
    server.must("FW.QUOTA a RESERVE l h100 2");
    server.must("FW.ADMIT a HOLD h 5");
    server.must("FW.ADMIT a HOLD v 0 TTL 86400000");
    server.must("FW.VOID a v");
    // Pairs of id, amount, charged, held, tokens, scope, admitted_ms, lapses_ms.
    let hold = "bbbbbbbbbibnbibi";
    let row = "bbbbbbbbbbbb";
    // 24 pairs: tier to blocked_reason, payment_method to next_tier_gap, then period to created_ms.
    let account = ["bbbbbbbn", &"bb".repeat(12), "bibibb", &"bi".repeat(5)].concat();
    for (line, resp2, resp3) in [
        ("FW.ADMIT a", "[sbiiii]".to_owned(), "[sbiiii]".to_owned()),
        ("FW.PEEK a", "[sbiiii]".to_owned(), "[sbiiii]".to_owned()),
        ("FW.ADMIT a SCOPE m TOKENS 5", "[sbiiiiiii]".to_owned(), "[sbiiiiiii]".to_owned()),
        ("FW.PEEK a TOKENS 5 HOLD g 1", "[sbiiiiiii]".to_owned(), "[sbiiiiiii]".to_owned()),
        ("FW.SPEND a 1", "[sbbbbbb]".to_owned(), "[sbbbbbb]".to_owned()),
        ("FW.SPEND a 1 HOLD h PARTIAL", "[sbbbbbb]".to_owned(), "[sbbbbbb]".to_owned()),
        ("FW.EXTEND a h 60000", "[sbbbbbb]".to_owned(), "[sbbbbbb]".to_owned()),
        ("FW.HOLDS a", format!("[[{hold}]]"), format!("[{{{hold}}}]")),
        ("FW.HOLDS nobody", "n".to_owned(), "n".to_owned()),
        ("FW.LOG a COUNT 1", "[[bibbbb]]".to_owned(), "[{bibbbb}]".to_owned()),
        ("FW.LOG nobody", "n".to_owned(), "n".to_owned()),
        ("FW.VOID a v", "[sbbbbbb]".to_owned(), "[sbbbbbb]".to_owned()),
        ("FW.REFUND a 1 ID r", "[sbbbbbb]".to_owned(), "[sbbbbbb]".to_owned()),
        ("FW.INVOICE a PAID i", "[sbbbbbb]".to_owned(), "[sbbbbbb]".to_owned()),
        ("FW.SUSPEND a fraud", "[sbbbbbb]".to_owned(), "[sbbbbbb]".to_owned()),
        ("FW.RESUME a", "[sbbbbbb]".to_owned(), "[sbbbbbb]".to_owned()),
        ("FW.QUOTA a RENEW l 1", "[siibii]".to_owned(), "[siibii]".to_owned()),
        ("FW.QUOTA a RELEASE x", "i".to_owned(), "i".to_owned()),
        ("FW.QUOTAS a h100", format!("[{row}]"), format!("{{{row}}}")),
        ("FW.LIMIT a spend MAX 5", format!("[{row}]"), format!("{{{row}}}")),
        ("FW.LEASES a", "[[bbbib[bi]bibi]]".to_owned(), "[{bbbib{bi}bibi}]".to_owned()),
        ("FW.GET nobody", "n".to_owned(), "n".to_owned()),
        ("FW.CLOCK REAL", "i".to_owned(), "i".to_owned()),
    ] {
        assert_eq!(shape(&value(&server, "", line)), resp2, "{line}");
        assert_eq!(shape(&value(&server, "?protocol=resp3", line)), resp3, "{line}");
    }
    assert_eq!(shape(&value(&server, "", "FW.GET a")), format!("[{account}]"));
    let resp3 = shape(&value(&server, "?protocol=resp3", "FW.GET a"));
    assert_eq!(resp3, format!("{{{account}}}"));
}

/// The server writes some elements of replies once, by these two commands.
#[test]
fn replies_are_the_same_where_commands_of_the_server_are_renamed() {
    let usual = Server::start(&[]);
    let renamed = Server::start(&["rename-command UNWATCH \"\"", "rename-command ECHO \"\""]);
    for line in [
        "FW.CLOCK SET 1775001600000",
        "FW.ADMIT a HOLD h 5",
        "FW.SPEND a 1 HOLD h",
        "FW.SPEND a 1 HOLD h",
        "FW.SPEND a 49",
        "FW.SET a tier unlimited",
        "FW.SPEND a 0.5",
        "EVAL return{redis.call('FW.ADMIT',KEYS[1]),redis.call('FW.SPEND',KEYS[1],'1')} 1 a",
    ] {
        for query in ["", "?protocol=resp3"] {
            assert_eq!(value(&usual, query, line), value(&renamed, query, line), "{line}");
        }
    }
}
