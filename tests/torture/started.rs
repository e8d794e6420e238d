//! A server on a socket, started on given files; it may refuse them, or run out of disk.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use redis::Connection;

use crate::support::server::module;
use crate::until;

/// Holds if a server answers; one that goes round for ever takes connections, and says nothing.
fn answers(socket: &Path) -> bool {
    let mut reply = [0; 5];
    let asked = UnixStream::connect(socket).and_then(|mut stream| {
        stream.set_read_timeout(Some(Duration::from_millis(200)))?;
        stream.write_all(b"PING\r\n")?;
        stream.read_exact(&mut reply)
    });
    asked.is_ok() && reply == *b"+PONG"
}

/// A server that is started on files, and may refuse them.
pub struct Started {
    child: Child,
    socket: PathBuf,
    pub folder: PathBuf,
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Started {
    /// Starts a server on what `files` puts into a new folder.
    pub fn new(lines: &[&str], files: impl FnOnce(&Path)) -> Self {
        Self::with("exec \"$0\" \"$1\"", lines, files)
    }

    /// Starts a server whose files cannot grow beyond so many kilobytes.
    pub fn limited(kilobytes: u64, lines: &[&str], files: impl FnOnce(&Path)) -> Self {
        let script = format!("trap '' XFSZ; ulimit -f {kilobytes}; exec \"$0\" \"$1\"");
        Self::with(&script, lines, files)
    }

    fn with(script: &str, lines: &[&str], files: impl FnOnce(&Path)) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("fw-damage-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).expect("a folder");
        files(&folder);
        let socket = folder.join("s");
        let mut configuration = format!(
            "port 0\nunixsocket {}\ndir {}\nlogfile {}\nloadmodule {}\nsave \"\"\n\
             fw.test-clock yes\nrdbcompression no\n",
            socket.display(),
            folder.display(),
            folder.join("server.log").display(),
            module().display()
        );
        for line in lines {
            configuration += line;
            configuration.push('\n');
        }
        std::fs::write(folder.join("redis.conf"), configuration).expect("a configuration");
        let program =
            std::env::var("FW_REDIS_SERVER").unwrap_or_else(|_| "redis-server".to_owned());
        let child = Command::new("bash")
            .args(["-c", script, &program])
            .arg(folder.join("redis.conf"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server starts");
        Self { child, socket, folder }
    }

    /// A connection once the server has loaded; none if it ended.
    pub fn connect(&mut self) -> Option<Connection> {
        let address = format!("unix://{}", self.socket.display());
        let client = redis::Client::open(address).expect("an address");
        until("the server is up or has ended", || {
            if self.child.try_wait().expect("it can be asked for").is_some() || self.gives_up() {
                return Some(None);
            }
            answers(&self.socket).then(|| client.get_connection().ok())
        })
    }

    /// It said that it ends. A server may never come to it: at the end of a file that is cut within
    /// a module's value, its own check of the file goes round for ever.
    fn gives_up(&mut self) -> bool {
        let log = std::fs::read_to_string(self.folder.join("server.log")).unwrap_or_default();
        let gives_up = log.contains("Internal error in RDB reading");
        if gives_up {
            let _ = self.child.kill();
        }
        gives_up
    }

    /// It ended by itself: it refused, or it was told to panic about a damaged effect.
    pub fn refused(&mut self) -> Result<(), String> {
        let status = self.child.wait().expect("it ended");
        let log = std::fs::read_to_string(self.folder.join("server.log")).unwrap_or_default();
        let killed = status.code().is_none() && !log.contains("Internal error in RDB reading");
        let crashed = killed || log.contains("BUG REPORT");
        let told = log.contains("panicked sending an error");
        if crashed && !told { Err(format!("{status}: {log}")) } else { Ok(()) }
    }
}
