//! What the module promises first, from end to end, with figures written by hand.

use crate::support::scenario::START;
use crate::support::server::Server;

#[test]
fn six_hundred_requests_pass_in_a_minute_and_the_next_is_told_when_to_come_back() {
    let mut server = Server::start(&[]);
    server.must(&format!("FW.CLOCK SET {START}"));
    assert_eq!(server.says("FW.ADMIT acct:42"), "OK requests 600 599 60000 0");
    server.must("FW.CLOCK ADVANCE 10000");
    for left in (0..599).rev() {
        assert_eq!(server.says("FW.ADMIT acct:42"), format!("OK requests 600 {left} 60000 0"));
    }
    let denied = "RATE_LIMITED requests 600 0 60000 50000";
    assert_eq!(server.says("FW.ADMIT acct:42"), denied);
    server.must("FW.CLOCK ADVANCE 49999");
    assert_eq!(server.says("FW.ADMIT acct:42"), "RATE_LIMITED requests 600 0 10001 1");
    server.must("FW.CLOCK ADVANCE 1");
    assert_eq!(server.says("FW.ADMIT acct:42"), "OK requests 600 0 60000 0");
}

#[test]
fn spending_suspends_in_its_own_reply_and_a_top_up_resumes_in_its_own() {
    let mut server = Server::start(&[]);
    let spent = "OK 50 50 0 0 tier-1 spend_limit";
    assert_eq!(server.says("FW.SPEND acct:42 50 ID e1"), spent);
    let denied = "SUSPENDED spend_limit 600 600 0 -1";
    assert_eq!(server.says("FW.ADMIT acct:42"), denied);
    // 50 of the 100 pays what is owed, the rest becomes credits; history is then 100.
    let paid = "OK 50 500 0 50 tier-2 active";
    assert_eq!(server.says("FW.TOPUP acct:42 100 ID t1"), paid);
    assert_eq!(server.says("FW.ADMIT acct:42"), "OK requests 600 599 60000 0");
}

#[test]
fn a_quota_is_granted_up_to_its_limit_and_again_after_a_release() {
    let mut server = Server::start(&[]);
    server.must(&format!("FW.CLOCK SET {START}"));
    let granted = "OK 1 600000 \"\" 8 8";
    assert_eq!(server.says("FW.QUOTA acct:42 RESERVE train-1 h100 8"), granted);
    let denied = "QUOTA_EXCEEDED 0 0 h100 8 8";
    assert_eq!(server.says("FW.QUOTA acct:42 RESERVE train-2 h100 1"), denied);
    assert_eq!(server.says("FW.QUOTA acct:42 RELEASE train-1"), "1");
    let granted = "OK 2 600000 \"\" 8 1";
    assert_eq!(server.says("FW.QUOTA acct:42 RESERVE train-2 h100 1"), granted);
}
