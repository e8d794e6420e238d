//! `fwctl dashboard [--listen ADDRESS]`: a page for people, and the JSON that it shows.
//!
//! It sends views alone. What accounts contain is data everywhere: JSON here, text on the page.

use std::ffi::OsString;
use std::net::{IpAddr, ToSocketAddrs};
use std::os::unix::ffi::OsStringExt;
use std::sync::{Mutex, PoisonError};

use percent_encoding::percent_decode_str;
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::{Value as Json, json};

use super::explain::Explain;
use super::glance;
use crate::failure::Failure;
use crate::http::{Answer, Door, Request};
use crate::session::{Options, Session};

const PAGE: &str = include_str!("dashboard.html");

/// What stands in the page where the nonce of an answer belongs.
const NONCE: &str = "{nonce}";

/// Bytes of a name, a scope or a figure that is asked about.
const LONGEST: usize = 4096;

/// Serves a page that shows the fleet's verdicts a second, and an account that is typed in, live.
///
/// It changes nothing. It shows accounts and has no login, so it listens on loopback alone: reach it
/// from elsewhere through ssh -L, or a proxy that asks who it is. It answers to an IP address and to
/// localhost in the header Host, and to no other name.
#[derive(Debug, clap::Args)]
pub struct Dashboard {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9122")]
    listen: String,
    /// Listens elsewhere than on loopback too: whoever can reach the address sees every account
    #[arg(long)]
    show_accounts_to_anyone: bool,
}

impl Dashboard {
    /// Serves, until the program is ended.
    pub fn run(&self, options: &Options) -> Result<(), Failure> {
        self.judge()?;
        let served = Served::open(options)?;
        let door = Door::open(&self.listen)?;
        anstream::eprintln!("fwctl: dashboard at http://{}/", door.place());
        door.serve(|request| served.answer(request));
        Ok(())
    }

    /// Refuses an address that others can reach.
    fn judge(&self) -> Result<(), Failure> {
        let failed = |why| Failure::Usage(format!("--listen {}: {why}", self.listen));
        let mut places = self.listen.to_socket_addrs().map_err(failed)?;
        if self.show_accounts_to_anyone || places.all(|place| place.ip().is_loopback()) {
            return Ok(());
        }
        Err(Failure::Usage(format!(
            "--listen {} is not on loopback, and the dashboard has no login: give \
             --show-accounts-to-anyone if whoever can reach it may see every account",
            self.listen
        )))
    }
}

/// What is served.
struct Served<'a> {
    options: &'a Options,
    random: SystemRandom,
    /// The way to the servers, once there was one, and whether it is lost.
    line: Mutex<Option<(Session, bool)>>,
}

impl<'a> Served<'a> {
    /// Begins also while the server is away; what cannot get better by itself is told at once.
    fn open(options: &'a Options) -> Result<Self, Failure> {
        let line = match Session::open(options) {
            Ok(session) => Some((session, false)),
            Err(Failure::Unavailable(_)) => None,
            Err(failure) => return Err(failure),
        };
        Ok(Self { options, random: SystemRandom::new(), line: Mutex::new(line) })
    }

    fn answer(&self, request: &Request) -> Answer {
        if !is_no_name(&request.host) {
            return Answer::text(421, "ask by an IP address, or by localhost\n");
        }
        if request.path == "/" {
            return self.page();
        }
        let told = Query::read(&request.query).and_then(|query| match request.path.as_str() {
            "/api/fleet" => self.ask(glance::fleet),
            "/api/account" => self.ask(|fw| glance::account(&query.account()?, fw)),
            "/api/explain" => self.ask(|fw| query.explain()?.json(fw)),
            _ => Err(Failure::NoAccount("there is nothing at this path".to_owned())),
        });
        let (status, json) = match &told {
            Ok(json) => (200, json.clone()),
            Err(failure) => (status(failure), json!({ "error": failure.text() })),
        };
        let kind = ("Content-Type", "application/json".to_owned());
        let policy = ("Content-Security-Policy", "default-src 'none'".to_owned());
        Answer { status, headers: guarded([kind, policy]), body: json.to_string() }
    }

    fn page(&self) -> Answer {
        let mut bytes = [0; 16];
        if self.random.fill(&mut bytes).is_err() {
            return Answer::text(500, "the system has no random bytes\n");
        }
        let nonce: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let kind = ("Content-Type", "text/html; charset=utf-8".to_owned());
        let policy = format!(
            "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; \
             connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
        );
        let policy = ("Content-Security-Policy", policy);
        let body = PAGE.replace(NONCE, &nonce);
        Answer { status: 200, headers: guarded([kind, policy]), body }
    }

    /// Asks the servers; after a failure of the way, a new one is taken the next time.
    fn ask(
        &self,
        ask: impl FnOnce(&mut Session) -> Result<Json, Failure>,
    ) -> Result<Json, Failure> {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        let (session, is_lost) = match &mut *line {
            Some(way) => way,
            none => none.insert((Session::open(self.options)?, false)),
        };
        if *is_lost {
            session.server = session.server.reopen()?;
        }
        let told = ask(session);
        *is_lost = matches!(told, Err(Failure::Unavailable(_) | Failure::Broken(_)));
        told
    }
}

fn guarded(headers: [(&'static str, String); 2]) -> Vec<(&'static str, String)> {
    let fixed = [
        ("Cache-Control", "no-store"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Referrer-Policy", "no-referrer"),
        ("X-Content-Type-Options", "nosniff"),
    ];
    headers.into_iter().chain(fixed.map(|(name, value)| (name, value.to_owned()))).collect()
}

fn status(failure: &Failure) -> u16 {
    match failure {
        Failure::Usage(_) | Failure::Refused(_) => 400,
        Failure::NoAccount(_) => 404,
        Failure::Unavailable(_) => 503,
        _ => 502,
    }
}

/// Whether a Host is an address or localhost. A page from elsewhere that points its own name here has
/// that name in it.
fn is_no_name(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok()
}

/// The words of a query.
struct Query(Vec<(String, Vec<u8>)>);

impl Query {
    fn read(text: &str) -> Result<Self, Failure> {
        let mut words = Vec::new();
        for word in text.split('&').filter(|word| !word.is_empty()) {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            let value: Vec<u8> = percent_decode_str(value).collect();
            if !["account", "cost", "scope", "tokens", "hold"].contains(&name) {
                return Err(Failure::Usage("the query has an unknown word".to_owned()));
            }
            if value.len() > LONGEST {
                return Err(Failure::Usage(format!("{name} is longer than {LONGEST} bytes")));
            }
            words.push((name.to_owned(), value));
        }
        Ok(Self(words))
    }

    fn bytes(&self, name: &str) -> Option<OsString> {
        let found = self.0.iter().find(|(own, value)| own == name && !value.is_empty());
        found.map(|(_, value)| OsString::from_vec(value.clone()))
    }

    fn account(&self) -> Result<OsString, Failure> {
        self.bytes("account").ok_or_else(|| Failure::Usage("account is missing".to_owned()))
    }

    fn explain(&self) -> Result<Explain, Failure> {
        let text = |name: &str| self.bytes(name).map(|value| value.to_string_lossy().into_owned());
        Ok(Explain {
            account: self.account()?,
            cost: text("cost"),
            scope: self.bytes("scope"),
            tokens: text("tokens"),
            hold: text("hold"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_an_address_or_localhost() {
        for host in ["127.0.0.1:9122", "127.0.0.1", "[::1]:9122", "localhost:1", "LOCALHOST"] {
            assert!(is_no_name(host), "{host}");
        }
        for host in ["", "evil.example:9122", "localhost.evil.example", "127.0.0.1.evil.example:1"]
        {
            assert!(!is_no_name(host), "{host}");
        }
    }
}
