//! TLS: rediss:// with the certificates that the machine, or SSL_CERT_FILE, trusts.

use std::path::Path;
use std::process::Command;

use crate::program::{at, ended};
use crate::support::server::{Server, free_port};

#[test]
fn rediss_is_tls_and_trusts_nobody_unknown() {
    let folder = std::env::temp_dir().join(format!("fwctl-tls-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    certify(&folder);
    let place = |name: &str| folder.join(name).display().to_string();

    let port = free_port();
    let lines = [
        "appendonly no".to_owned(),
        "save \"\"".to_owned(),
        format!("tls-port {port}"),
        format!("tls-cert-file {}", place("server.pem")),
        format!("tls-key-file {}", place("server.key")),
        format!("tls-ca-cert-file {}", place("ca.pem")),
        "tls-auth-clients no".to_owned(),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let mut server = Server::start(&lines);
    server.must("FW.ADMIT acct:42");
    let list = |trusted: Option<&str>| {
        let mut command = at(&format!("rediss://127.0.0.1:{port}"));
        command.args(["quota", "list", "42"]);
        if let Some(file) = trusted {
            command.env("SSL_CERT_FILE", file);
        }
        ended(&mut command)
    };
    let ran = list(Some(&place("ca.pem")));
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let stranger = list(None);
    assert_eq!(stranger.code, 5, "{stranger:?}");
    assert!(stranger.err.contains("certificate"), "{stranger:?}");
    std::fs::remove_dir_all(folder).unwrap();
}

/// Makes ca.pem, and server.pem and server.key, which it signed for 127.0.0.1.
fn certify(folder: &Path) {
    let new = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 2";
    for line in [
        format!("{new} -subj /CN=ca -keyout ca.key -out ca.pem"),
        format!(
            "{new} -subj /CN=server -keyout server.key -out server.pem -CA ca.pem -CAkey ca.key \
             -addext basicConstraints=CA:FALSE -addext subjectAltName=IP:127.0.0.1"
        ),
    ] {
        let made =
            Command::new("openssl").args(line.split_whitespace()).current_dir(folder).output();
        let made = made.expect("openssl starts: make test-fwctl installs it");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }
}
