//! What keeps a call from its reply, by kind.

use fw_limits_client::commands::{admit, limit, renew, reserve, spend, topup, void};
use fw_limits_client::{Ask, Change, Charge, Credit, Error, Limits, Money, Quotas, Terms, Verdict};
use redis::Value;

use crate::support::{KEY, address, plays, started};

fn dollars(count: u64) -> Money {
    Money::from_dollars(count).unwrap()
}

fn once() -> Ask {
    Ask::default()
}

plays! {
    fn errors_by_their_kinds(limits, server) {
        limits.run(spend(KEY, dollars(1), &Charge::id("gpu-1"))).unwrap();
        limits.run(reserve(KEY, "serve-1", &Quotas::of("a100", 1))).unwrap();
        server.must("SET text hello");
        server.must("CONFIG SET maxmemory 1");
        let refused = [
            (limits.run(void(KEY, "never-seen")).err(), "NOHOLD"),
            (limits.run(renew(KEY, "never-seen", 1)).err(), "NOLEASE"),
            (limits.run(renew(KEY, "serve-1", 7)).err(), "STALE"),
            (limits.run(spend(KEY, dollars(2), &Charge::id("gpu-1"))).err(), "CONFLICT"),
            (limits.run(limit(KEY, "requests", Change::default().value(700))).err(), "NOTALLOWED"),
            (limits.run(admit("text", &once())).err(), "WRONGTYPE"),
            (limits.run(admit(KEY, &once().scope("with blanks "))).err(), "ERR"),
            (limits.run(admit(KEY, &once().hold(Terms::of(dollars(1))))).err(), "OOM"),
        ];
        for (error, code) in refused {
            let error = error.unwrap();
            assert_eq!(error.code(), Some(code));
            assert!(error.to_string().starts_with(&format!("{code} ")), "{error}");
            assert!(error.to_string().len() > code.len() + 5, "it has a text: {error}");
            assert!(!error.is_unavailable());
            let own = match code {
                "NOHOLD" => matches!(error, Error::NoHold(_)),
                "NOLEASE" => matches!(error, Error::NoLease(_)),
                "STALE" => matches!(error, Error::Stale(_)),
                "CONFLICT" => matches!(error, Error::Conflict(_)),
                "NOTALLOWED" => matches!(error, Error::NotAllowed(_)),
                "WRONGTYPE" => matches!(error, Error::WrongType(_)),
                "ERR" => matches!(error, Error::Invalid(_)),
                _ => matches!(error, Error::OutOfMemory(_)),
            };
            assert!(own, "{error:?}");
        }
    }
}

plays! {
    fn what_is_none_of_the_modules(limits, server) {
        server.must("ACL SETUSER default -fw.topup");
        let refused = limits.run(topup(KEY, dollars(1), &Credit::bought("t"))).unwrap_err();
        server.must("ACL SETUSER default +fw.topup");
        assert!(matches!(refused, Error::Refused(_)), "{refused}");
        assert_eq!((refused.code(), refused.is_unavailable()), (Some("NOPERM"), false));
        server.must("REPLICAOF 127.0.0.1 1");
        let away = limits.run(spend(KEY, dollars(1), &Charge::id("x"))).unwrap_err();
        server.must("REPLICAOF NO ONE");
        assert_eq!((away.code(), away.is_unavailable()), (Some("READONLY"), true));
    }
}

#[test]
fn a_reply_that_is_not_understood_is_no_verdict() {
    let text = |text: &str| Value::SimpleString(text.to_owned());
    let (ok, policy) = (|| text("OK"), || Value::BulkString(b"requests".to_vec()));
    let ints = |slots: [i64; 4]| slots.into_iter().map(Value::Int);
    let array = |first: Value, rest: [i64; 4]| {
        Value::Array([first, policy()].into_iter().chain(ints(rest)).collect())
    };
    let command = admit(KEY, &once());
    let odd = [
        Value::Nil,
        Value::Array(vec![ok()]),
        array(Value::Int(1), [600, 599, 0, 0]),
        array(ok(), [-2, 599, 0, 0]),
        array(ok(), [600, 599, -1, 0]),
    ];
    for reply in odd {
        let error = command.answer(reply).unwrap_err();
        assert!(error.to_string().starts_with("FW.ADMIT replied "), "{error}");
        assert!(matches!(error, Error::NotUnderstood { .. }));
    }
    let newer = command.answer(array(text("MAYBE"), [600, 599, 0, 0])).unwrap();
    assert_eq!(newer.verdict, Verdict::Other("MAYBE".into()));
    assert_eq!((newer.admitted(), newer.http_status()), (false, 503));
}

#[test]
fn without_a_server() {
    let mut server = started();
    let mut limits = Limits::new(server.connect());
    let mut anew = Limits::new(address(server.port, ""));
    server.kill();
    assert!(limits.admit(KEY, &once()).unwrap_err().is_unavailable());
    assert!(anew.admit(KEY, &once()).unwrap_err().is_unavailable());
    server.restart();
    assert!(anew.admit(KEY, &once()).unwrap().admitted(), "a Client connects anew");
}
