//! The way to the server: one server, or a cluster, that says itself which it is.
//!
//! A password comes from the URL or from `REDISCLI_AUTH`, and never reaches an output.

use std::time::{Duration, Instant};

use redis::cluster::{ClusterClientBuilder, ClusterConnection};
use redis::{
    Client, Cmd, Connection, ConnectionAddr, ConnectionInfo, ConnectionLike, IntoConnectionInfo,
    Value,
};

use crate::failure::Failure;
use crate::reply::bytes;

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often a cluster is asked again while it moves slots or chooses a primary.
const RETRIES: u32 = 5;

/// A server, or a cluster.
pub struct Server {
    seed: ConnectionInfo,
    /// The primaries of a cluster, as they were named last.
    known: Vec<ConnectionInfo>,
    line: Line,
    /// The server's time when it was opened, and when that was.
    opened: (i64, Instant),
}

enum Line {
    Single(Box<Connection>),
    Cluster(Box<ClusterConnection>),
}

impl Server {
    /// Connects.
    pub fn open(url: &str) -> Result<Self, Failure> {
        Self::join(address(url)?, Vec::new())
    }

    /// Connects anew, after its way was lost. A cluster is found from any of its primaries.
    pub fn reopen(&self) -> Result<Self, Failure> {
        Self::join(self.seed.clone(), self.known.clone())
    }

    fn join(seed: ConnectionInfo, mut known: Vec<ConnectionInfo>) -> Result<Self, Failure> {
        let found = known.iter().find_map(|node| Some((node.clone(), connect(node).ok()?)));
        let (node, mut single) = match found {
            Some(found) => found,
            None => (seed.clone(), connect(&seed)?),
        };
        let said = Said::ask(&mut single)?;
        let line = if said.is_cluster {
            known = slots(&node)?;
            let builder = ClusterClientBuilder::new([node])
                .connection_timeout(PATIENCE)
                .response_timeout(PATIENCE)
                .retries(RETRIES);
            Line::Cluster(Box::new(builder.build()?.get_connection()?))
        } else {
            Line::Single(Box::new(single))
        };
        Ok(Self { seed, known, line, opened: (said.time_ms, Instant::now()) })
    }

    /// The server's time, in Unix milliseconds.
    pub fn now(&self) -> i64 {
        let (time, when) = self.opened;
        time.saturating_add(i64::try_from(when.elapsed().as_millis()).unwrap_or(i64::MAX))
    }

    /// Runs a command where its key is.
    pub fn call(&mut self, command: &Cmd) -> Result<Value, Failure> {
        let reply = match &mut self.line {
            Line::Single(line) => {
                if !line.is_open() {
                    **line = connect(&self.seed)?;
                }
                line.req_command(command)
            }
            Line::Cluster(line) => line.req_command(command),
        };
        Ok(reply.and_then(Value::extract_error)?)
    }

    /// The servers that hold accounts: this one, or the primaries of the cluster, as the first of
    /// `known` that answers names them.
    pub fn primaries(&self, known: &[ConnectionInfo]) -> Result<Vec<ConnectionInfo>, Failure> {
        if matches!(self.line, Line::Single(_)) {
            return Ok(vec![self.seed.clone()]);
        }
        let mut last = None;
        for node in known.iter().chain([&self.seed]) {
            match slots(node) {
                Ok(primaries) => return Ok(primaries),
                Err(failure) => last = Some(failure),
            }
        }
        Err(last.unwrap_or_else(|| Failure::reply("a cluster without nodes")))
    }

    /// The same, also while none of the primaries of a cluster answers: then those that led last.
    pub fn leaders(&mut self) -> Result<Vec<ConnectionInfo>, Failure> {
        match self.primaries(&self.known) {
            Ok(primaries) => self.known.clone_from(&primaries),
            Err(failure) if self.known.is_empty() => return Err(failure),
            Err(_) => {}
        }
        Ok(self.known.clone())
    }

    /// The number of the database.
    pub fn database(&self) -> i64 {
        self.seed.redis_settings().db()
    }

    /// Where it is.
    pub fn place(&self) -> String {
        self.seed.addr().to_string()
    }
}

/// A connection to one server.
pub fn connect(to: &ConnectionInfo) -> Result<Connection, Failure> {
    let failed = |error: redis::RedisError| match Failure::from(error) {
        Failure::Unavailable(text) => Failure::Unavailable(format!("{}: {text}", to.addr())),
        other => other,
    };
    let client = Client::open(to.clone())?;
    let line = client.get_connection_with_timeout(PATIENCE).map_err(failed)?;
    line.set_read_timeout(Some(PATIENCE))?;
    line.set_write_timeout(Some(PATIENCE))?;
    Ok(line)
}

fn address(url: &str) -> Result<ConnectionInfo, Failure> {
    // The URL may hold a password: it is not repeated.
    let parsed = redis::parse_redis_url(url)
        .ok_or(())
        .and_then(|url| url.into_connection_info().map_err(drop));
    let info = parsed.map_err(|()| {
        Failure::Usage(
            "the URL of the server is not redis[s]://[user:password@]host[:port][/database] \
             or redis+unix:///path"
                .to_owned(),
        )
    })?;
    let auth = std::env::var("REDISCLI_AUTH").ok().filter(|password| !password.is_empty());
    let settings = info.redis_settings().clone();
    match auth {
        Some(password) if settings.password().is_none() => {
            Ok(info.set_redis_settings(settings.set_password(password)))
        }
        _ => Ok(info),
    }
}

/// What a server says of itself.
struct Said {
    is_cluster: bool,
    time_ms: i64,
}

impl Said {
    /// Asks by INFO. A server that may not be asked is taken for no cluster, and for one whose clock
    /// is right.
    fn ask(line: &mut Connection) -> Result<Self, Failure> {
        let asked = redis::cmd("INFO").arg(&["server", "cluster"]).query::<String>(line);
        let text = match asked {
            Err(error) if error.code() == Some("NOPERM") => String::new(),
            asked => asked?,
        };
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
        let micros: Option<i64> = field("server_time_usec:").and_then(|time| time.parse().ok());
        let time_ms = micros.map(|micros| micros / 1_000);
        let time_ms = time_ms.unwrap_or_else(|| jiff::Timestamp::now().as_millisecond());
        Ok(Self { is_cluster: field("cluster_enabled:") == Some("1"), time_ms })
    }
}

/// The primaries that a node knows of, each once.
fn slots(node: &ConnectionInfo) -> Result<Vec<ConnectionInfo>, Failure> {
    let reply = redis::cmd("CLUSTER").arg("SLOTS").query::<Value>(&mut connect(node)?)?;
    let Value::Array(ranges) = reply else { return Err(Failure::reply("no slots")) };
    let mut places: Vec<(String, u16)> = Vec::new();
    for range in &ranges {
        let place = primary(range).ok_or_else(|| Failure::reply("no primary of a slot"))?;
        if !places.contains(&place) {
            places.push(place);
        }
    }
    Ok(places.into_iter().map(|(host, port)| moved(node, host, port)).collect())
}

fn primary(range: &Value) -> Option<(String, u16)> {
    let Value::Array(range) = range else { return None };
    let Value::Array(primary) = range.get(2)? else { return None };
    let host = primary.first().and_then(bytes).unwrap_or_default();
    let Value::Int(port) = primary.get(1)? else { return None };
    Some((String::from_utf8(host).ok()?, u16::try_from(*port).ok()?))
}

/// The same way to another server. A node that does not know its own name is where it was found.
fn moved(node: &ConnectionInfo, host: String, port: u16) -> ConnectionInfo {
    let address = match node.addr() {
        ConnectionAddr::Tcp(own, _) => {
            let host = if is_place(&host) { host } else { own.clone() };
            ConnectionAddr::Tcp(host, port)
        }
        ConnectionAddr::TcpTls { host: own, insecure, tls_params, .. } => ConnectionAddr::TcpTls {
            host: if is_place(&host) { host } else { own.clone() },
            port,
            insecure: *insecure,
            tls_params: tls_params.clone(),
        },
        other => other.clone(),
    };
    node.clone().set_addr(address)
}

fn is_place(host: &str) -> bool {
    !host.is_empty() && host != "?"
}
