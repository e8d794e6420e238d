//! `fwctl watch [ACCOUNTS]`: keyspace notifications, from one server or from all primaries.
//!
//! A thread a server listens and sends what it hears; one loop prints it. A server that went away is
//! tried again until it is back: what it sent meanwhile is lost, and that is said.

use std::collections::HashSet;
use std::ffi::OsString;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use redis::{Connection, ConnectionInfo, Msg, Value};
use serde_json::{Value as Json, json};

use super::billing::standing;
use crate::connect::connect;
use crate::failure::Failure;
use crate::output::{HEAD, styled};
use crate::reply::{Row, json};
use crate::session::Session;
use crate::text::{dollars, exact, shown, utc};

/// How long nothing may be heard before a server is asked whether it is there.
const SILENCE: Duration = Duration::from_secs(30);
/// How long a server that went away is left alone.
const PAUSE: Duration = Duration::from_secs(1);
/// How often a cluster is asked for its primaries.
const LOOK: Duration = Duration::from_secs(10);

/// Shows events of accounts as they happen, one a line: created, suspended, resumed, tier, threshold.
///
/// Events carry no figures: standing, spent and tier are the account's when the event is printed, and
/// the time is this machine's. Events are not queued: what is sent while a server cannot be reached is
/// lost. The server must have notify-keyspace-events with K and d, as redis.conf of fw-limits has it;
/// a user needs +psubscribe and the channels.
#[derive(Debug, clap::Args)]
pub struct Watch {
    /// A glob of accounts, without the prefix of their keys
    #[arg(default_value = "*", value_name = "ACCOUNTS")]
    accounts: OsString,
}

/// What a thread hears.
enum News {
    /// It listens. `Checked` if the server's setting could be looked at.
    Ready(Setting),
    /// An event of a key.
    Event(Vec<u8>, String),
    /// It listens no more.
    Lost(Failure),
}

/// Whether it is known that the server sends events.
enum Setting {
    Checked,
    Unknown,
}

/// What is listened to.
struct Ears {
    channels: Vec<u8>,
    prefix: usize,
    primaries: Vec<ConnectionInfo>,
    listening: HashSet<String>,
    away: HashSet<String>,
    sender: Sender<(String, News)>,
}

impl Watch {
    /// Listens, until the program is ended.
    pub fn run(&self, fw: &mut Session) -> Result<(), Failure> {
        let channel_of = format!("__keyspace@{}__:", fw.server.database());
        let glob = fw.keys.glob(&self.accounts);
        let (sender, receiver) = channel();
        let mut ears = Ears {
            channels: [channel_of.as_bytes(), &glob].concat(),
            prefix: channel_of.len(),
            primaries: Vec::new(),
            listening: HashSet::new(),
            away: HashSet::new(),
            sender,
        };
        ears.look(fw)?;
        ears.hear(&receiver, fw)
    }
}

impl Ears {
    /// Listens to every primary that is not listened to yet.
    fn look(&mut self, fw: &Session) -> Result<(), Failure> {
        self.primaries = fw.server.primaries(&self.primaries)?;
        for node in &self.primaries {
            let place = node.addr().to_string();
            if !self.listening.insert(place.clone()) {
                continue;
            }
            let (node, channels, prefix) = (node.clone(), self.channels.clone(), self.prefix);
            let sender = self.sender.clone();
            std::thread::spawn(move || {
                // A send fails only where the program is at its end.
                let send = |news| sender.send((place.clone(), news)).is_ok();
                if let Err(failure) = listen(&node, &channels, prefix, &send) {
                    send(News::Lost(failure));
                }
            });
        }
        Ok(())
    }

    fn hear(&mut self, news: &Receiver<(String, News)>, fw: &mut Session) -> Result<(), Failure> {
        let mut next_look = Instant::now() + LOOK;
        let mut ready = HashSet::new();
        loop {
            match news.recv_timeout(next_look.saturating_duration_since(Instant::now())) {
                // One that is no primary any more sends what its primary sends.
                Ok((place, News::Event(key, event))) if self.leads(&place) => {
                    print(&key, &event, fw)?;
                }
                Ok((_, News::Event(..))) => {}
                Ok((place, News::Ready(setting))) => {
                    self.tell_ready(&place, &setting);
                    ready.insert(place);
                }
                Ok((place, News::Lost(failure))) => {
                    let passes = matches!(failure, Failure::Unavailable(_));
                    if !passes || ready.is_empty() {
                        return Err(failure);
                    }
                    self.listening.remove(&place);
                    self.tell_lost(&place, &failure);
                    next_look = Instant::now() + PAUSE;
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
            if Instant::now() >= next_look {
                let looked = self.look(fw);
                let pause = if looked.is_ok() && self.away.is_empty() { LOOK } else { PAUSE };
                next_look = Instant::now() + pause;
            }
        }
    }

    fn leads(&self, place: &str) -> bool {
        self.primaries.iter().any(|node| node.addr().to_string() == place)
    }

    fn tell_ready(&mut self, place: &str, setting: &Setting) {
        let back = if self.away.remove(place) { ", which is back" } else { "" };
        anstream::eprintln!("fwctl: watching {} at {place}{back}", shown(&self.channels));
        if matches!(setting, Setting::Unknown) {
            anstream::eprintln!(
                "fwctl: {place} does not tell its notify-keyspace-events (CONFIG GET): without K and \
                 d in it nothing will come"
            );
        }
    }

    fn tell_lost(&mut self, place: &str, failure: &Failure) {
        if self.leads(place) && self.away.insert(place.to_owned()) {
            let why = shown(failure.text().unwrap_or_default().as_bytes());
            anstream::eprintln!(
                "fwctl: {place} is away, and its events are lost until it is back: {why}"
            );
        }
    }
}

/// Listens to one server until it goes away.
fn listen(
    node: &ConnectionInfo,
    channels: &[u8],
    prefix: usize,
    send: &impl Fn(News) -> bool,
) -> Result<(), Failure> {
    let mut line = connect(node)?;
    let setting = check(&mut line, &node.addr().to_string())?;
    // PubSub::psubscribe takes a refusal for a success.
    line.send_packed_command(&redis::cmd("PSUBSCRIBE").arg(channels).get_packed_command())?;
    line.recv_response()?.extract_error()?;
    let mut line = line.as_pubsub();
    line.set_read_timeout(Some(SILENCE))?;
    let mut open = send(News::Ready(setting));
    while open {
        match line.get_message() {
            Ok(message) => {
                if let Some(news) = event(&message, prefix) {
                    open = send(news);
                }
            }
            Err(error) if error.is_timeout() => drop(line.ping::<Value>()?),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// An event of the module; other notifications of the same keys are none.
fn event(message: &Msg, prefix: usize) -> Option<News> {
    let channel: Vec<u8> = message.get_channel().ok()?;
    let event: String = message.get_payload().ok()?;
    let event = event.strip_prefix("fw.")?;
    Some(News::Event(channel.get(prefix..)?.to_vec(), event.to_owned()))
}

/// Looks whether the server sends events at all.
fn check(line: &mut Connection, place: &str) -> Result<Setting, Failure> {
    let name = "notify-keyspace-events";
    let asked = redis::cmd("CONFIG").arg("GET").arg(name).query::<Vec<String>>(line);
    let flags = match asked {
        Ok(words) => words.into_iter().nth(1).unwrap_or_default(),
        Err(error) if error.code() == Some("NOPERM") => return Ok(Setting::Unknown),
        Err(error) => return Err(error.into()),
    };
    if flags.contains('K') && flags.contains(['d', 'A']) {
        return Ok(Setting::Checked);
    }
    let lacking = ['K', 'd'].iter().filter(|flag| !flags.contains(**flag)).collect::<String>();
    Err(Failure::Refused(format!(
        "{place} sends no events: {name} is \"{flags}\"; set it by CONFIG SET {name} {flags}{lacking}, \
         and in redis.conf"
    )))
}

fn print(key: &[u8], event: &str, fw: &mut Session) -> Result<(), Failure> {
    let time = jiff::Timestamp::now().as_millisecond();
    let now = state(key, fw)?;
    let account = fw.keys.account(key);
    if fw.output.is_json() {
        let mut line = json!({
            "time_ms": time,
            "event": event,
            "account": exact(account),
            "key": exact(key),
        });
        for name in ["standing", "spent", "limit", "tier"] {
            line[name] = match &now {
                Some(row) => json(row.value(name)?)?,
                None => Json::Null,
            };
        }
        return fw.output.line(&line);
    }
    let state = match &now {
        None => "gone".to_owned(),
        Some(row) => {
            let (spent, limit) = (dollars(&row.text("spent")?), dollars(&row.text("limit")?));
            let standing = standing(&row.text("standing")?);
            format!("{standing}; {spent} of {limit} spent; {}", row.text("tier")?)
        }
    };
    let event = styled(HEAD, &format!("{event:<9}"));
    fw.output.text(&format!("{}  {event}  {}  {state}\n", utc(time), shown(account)))
}

/// The account now; `None` where it is gone, or the server is.
fn state(key: &[u8], fw: &mut Session) -> Result<Option<Row>, Failure> {
    let mut command = redis::cmd("FW.GET");
    command.arg(key);
    // The line may be one that broke with the server before it came back.
    let looked = fw.server.call(&command).or_else(|_| fw.server.call(&command));
    match looked {
        Ok(Value::Nil) | Err(Failure::Unavailable(_)) => Ok(None),
        Ok(value) => Row::read(value).map(Some),
        Err(failure) => Err(failure),
    }
}
