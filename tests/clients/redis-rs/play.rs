//! Plays the shared script with redis-rs, and shows what is particular to redis-rs.

use std::collections::HashMap;

use redis::{Connection, ErrorKind, RedisResult, Value, cmd};
use serde_json::Value as Json;

use crate::{Ports, integer, is_error, steps};

/// RESP2, or RESP3 which has maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resp {
    Two,
    Three,
}

fn connect(port: u16, resp: Resp) -> Connection {
    let query = if resp == Resp::Three { "?protocol=resp3" } else { "" };
    let client = redis::Client::open(format!("redis://127.0.0.1:{port}/{query}"));
    client.expect("an address").get_connection().expect("a connection")
}

/// A command of the script, as bytes.
fn words(command: &Json) -> Vec<Vec<u8>> {
    let bytes = |word: &str| word.chars().map(|c| u8::try_from(c).expect("a byte")).collect();
    match command {
        Json::String(line) => line.split(' ').map(bytes).collect(),
        other => {
            other.as_array().expect("words").iter().map(|w| bytes(w.as_str().unwrap())).collect()
        }
    }
}

fn command(of: &Json) -> redis::Cmd {
    let mut command = redis::Cmd::new();
    command.arg(words(of));
    command
}

/// Holds if a reply is what the script writes.
fn matches(reply: &Value, wanted: &Json, resp: Resp) -> bool {
    let text = |bytes: &[u8]| bytes.iter().map(|&byte| char::from(byte)).collect::<String>();
    match (reply, wanted) {
        (Value::Nil, Json::Null) => true,
        (Value::ServerError(error), error_wanted) => is_error(error_wanted, error.code()),
        (Value::Int(number), _) => integer(wanted) == Some(*number),
        (Value::BulkString(bytes), Json::String(wanted)) => text(bytes) == *wanted,
        (Value::SimpleString(line), Json::String(wanted)) => line == wanted,
        // redis-rs has a value of its own for the simple string OK.
        (Value::Okay, Json::String(wanted)) => wanted == "OK",
        (Value::Array(rows), Json::Array(wanted)) => {
            let pairs = || rows.iter().zip(wanted);
            rows.len() == wanted.len() && pairs().all(|(row, wanted)| matches(row, wanted, resp))
        }
        (Value::Map(pairs), Json::Object(_)) if resp == Resp::Three => {
            is_map(pairs.iter().map(|(key, value)| (key, value)), wanted, resp)
        }
        (Value::Array(rows), Json::Object(_)) if resp == Resp::Two => {
            is_map(rows.chunks_exact(2).map(|pair| (&pair[0], &pair[1])), wanted, resp)
        }
        _ => false,
    }
}

fn is_map<'a>(
    pairs: impl ExactSizeIterator<Item = (&'a Value, &'a Value)>,
    wanted: &Json,
    resp: Resp,
) -> bool {
    let wanted = wanted.as_object().expect("a map");
    let named = |key: &Value| match key {
        Value::BulkString(name) => wanted.get(std::str::from_utf8(name).ok()?),
        _ => None,
    };
    pairs.len() == wanted.len() && { pairs }
        .all(|(key, value)| named(key).is_some_and(|one| matches(value, one, resp)))
}

fn run(connection: &mut Connection, step: &Json) -> Value {
    if let Some(words) = step.get("do") {
        return command(words).query(connection).unwrap_or_else(|error| {
            // An error of the server is an Err of the query; here it is compared as a value.
            Value::ServerError(error.try_into().expect("an error of the server"))
        });
    }
    // Without ignore_errors one error fails the whole, and the other replies are lost.
    let mut pipe = redis::pipe();
    pipe.ignore_errors();
    if step.get("multi").is_some() {
        pipe.atomic();
    }
    let commands = step.get("pipeline").or_else(|| step.get("multi"));
    for words in commands.and_then(Json::as_array).expect("commands") {
        pipe.add_command(command(words));
    }
    pipe.query(connection).expect("a list of replies")
}

fn play(port: u16, resp: Resp) {
    let mut connection = connect(port, resp);
    cmd("FLUSHALL").exec(&mut connection).expect("it forgets all");
    for step in steps() {
        let reply = run(&mut connection, &step);
        assert!(matches(&reply, &step["get"], resp), "{resp:?} {step}\n  {reply:?}");
    }
}

fn in_one_line_each(port: u16, resp: Resp) -> RedisResult<()> {
    type Admitted = (String, String, i64, i64, i64, i64);
    let key = "acct:rs";
    let mut con = connect(port, resp);
    cmd("DEL").arg(key).exec(&mut con)?;
    let admitted: Admitted = cmd("FW.ADMIT").arg(key).query(&mut con)?;
    assert_eq!(admitted, ("OK".to_owned(), "requests".to_owned(), 600, 599, 60000, 0));
    let spent: Vec<String> = cmd("FW.SPEND").arg(&[key, "0.25", "ID", "evt-1"]).query(&mut con)?;
    assert_eq!(spent[1], "0.25");
    let account: HashMap<String, Option<String>> = cmd("FW.GET").arg(key).query(&mut con)?;
    assert_eq!(account["spent"].as_deref(), Some("0.25"));
    assert_eq!(account["blocked_reason"], None);
    let error = cmd("FW.VOID").arg(key).arg("nothing").exec(&mut con).expect_err("no such hold");
    assert_eq!(error.code(), Some("NOHOLD"));
    Ok(())
}

/// A lost reply is an error, and the caller asks again on a new connection: the ID keeps it from
/// being charged twice.
fn asks_again(port: u16) {
    let spend = || {
        let mut connection = connect(port, Resp::Two);
        let mut spend = cmd("FW.SPEND");
        spend
            .arg("acct:lossy")
            .arg("1")
            .arg("ID")
            .arg("evt-1")
            .query::<Vec<String>>(&mut connection)
    };
    let first = spend().expect_err("a lost reply is an error");
    assert_eq!(first.kind(), ErrorKind::Io);
    let reply = (0..5).find_map(|_| spend().ok()).expect("a reply comes");
    assert_eq!(reply[..2], ["DUPLICATE", "1"]);
}

/// All of it.
pub fn all(ports: &Ports) {
    play(ports.server, Resp::Two);
    play(ports.server, Resp::Three);
    in_one_line_each(ports.server, Resp::Two).expect("no error");
    in_one_line_each(ports.server, Resp::Three).expect("no error");
    asks_again(ports.lossy);
}
