//! What happens at the server's limits, and with payloads that nobody saved.

use crate::support::answer::Answer;
use crate::support::scenario::START;
use crate::support::server::Server;

#[test]
fn without_memory_takers_are_refused_and_recording_and_giving_back_work() {
    let mut server = Server::start(&["appendonly no", "save \"\""]);
    server.must(&format!("FW.CLOCK SET {START}"));
    server.must("FW.QUOTA a RESERVE l h100 2");
    server.must("CONFIG SET maxmemory 1");
    assert_eq!(server.says("FW.ADMIT new"), "(error) OOM");
    assert_eq!(server.says("FW.TOPUP new 1 ID t"), "(error) OOM");
    assert_eq!(server.says("FW.QUOTA a RESERVE l h100 3"), "(error) OOM");
    assert_eq!(server.says("FW.QUOTA a RESERVE m a100 1"), "(error) OOM");
    assert_eq!(server.says("FW.QUOTA a RESERVE l h100 9"), "QUOTA_EXCEEDED 1 600000 h100 8 2");
    assert_eq!(server.says("FW.ADMIT new COST 601"), "TOO_LARGE requests 600 600 0 -1");
    assert_eq!(server.says("FW.ADMIT a"), "OK requests 600 599 60000 0");
    assert_eq!(server.says("FW.SPEND spender 1"), "OK 1 50 0 0 tier-1 active");
    assert_eq!(server.says("FW.QUOTA a RESERVE l h100 1"), "OK 1 600000 \"\" 8 1");
    assert_eq!(server.says("FW.QUOTA a RELEASE l"), "1");
    assert_eq!(server.says("FW.TOPUP a 1 ID t"), "OK 0 50 0 1 tier-1 active");
}

#[test]
fn a_damaged_payload_is_refused_and_the_server_lives() {
    let mut server = Server::start(&["appendonly no", "save \"\""]);
    for line in ["FW.ADMIT a", "FW.SPEND a 1 ID s", "FW.QUOTA a RESERVE l h100 2"] {
        server.must(line);
    }
    let Answer::Text(payload) = server.must("DUMP a") else { panic!("a payload is bytes") };
    // Otherwise the server's own checksum refuses all of them.
    server.must("DEBUG SET-SKIP-CHECKSUM-VALIDATION 1");
    let restore = |payload: &[u8]| {
        ["RESTORE".into(), "b".into(), "0".into(), payload.to_vec(), "REPLACE".into()]
    };
    assert_eq!(server.run(&restore(&payload)).line(), "OK");
    // The version and checksum of the server's envelope are not ours to judge.
    const ENVELOPE: usize = 10;
    for at in 1..payload.len() - ENVELOPE {
        let mut damaged = payload.clone();
        damaged[at] ^= 0x41;
        let answer = server.run(&restore(&damaged));
        assert!(matches!(answer, Answer::Error(_)), "byte {at}: {answer:?}");
    }
    assert_eq!(server.says("PING"), "PONG");
    let digests = server.says("DEBUG DIGEST-VALUE a b");
    let (a, b) = digests.split_once(' ').expect("two digests");
    assert_eq!(a, b);
}
