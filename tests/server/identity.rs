//! Which server is tested: without this, a matrix of servers could test the same one many times.

use crate::support::answer::Answer;
use crate::support::server::Server;

/// Its name and version, as it says itself.
fn name_of(server: &mut Server) -> String {
    let Answer::Text(text) = server.must("INFO server") else { panic!("INFO is text") };
    let text = String::from_utf8_lossy(&text).into_owned();
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
    // Valkey says the version of Redis that it is compatible with, too.
    match (field("valkey_version:"), field("redis_version:")) {
        (Some(version), _) => format!("Valkey {version}"),
        (None, Some(version)) => format!("Redis {version}"),
        (None, None) => panic!("{text}"),
    }
}

#[test]
fn the_server_is_the_one_that_was_asked_for() {
    let mut server = Server::start(&[]);
    let name = name_of(&mut server);
    // Not println: the line is shown also when the test passes.
    let line = format!("the server under test says it is {name}\n");
    std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes()).expect("stderr");
    if let Ok(wanted) = std::env::var("FW_SERVER_WANTED") {
        assert_eq!(name, wanted);
    }
}
