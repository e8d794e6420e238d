//! Settings of the server under which accounts are lost, or changes that were acknowledged.

use std::ffi::CStr;

/// A setting of the server that is unsafe.
pub(super) struct Warning {
    /// Its name in INFO.
    pub field: &'static CStr,
    /// What it does, and what to do about it.
    pub text: &'static str,
    is_unsafe: fn(&Server) -> bool,
}

/// What the server says of itself. What it does not say is empty.
#[derive(Default)]
pub(super) struct Server {
    /// `maxmemory-policy`
    pub eviction: Vec<u8>,
    /// `appendonly`
    pub aof: Vec<u8>,
    /// `appendfsync`
    pub fsync: Vec<u8>,
    /// `no-appendfsync-on-rewrite`
    pub no_fsync_on_rewrite: Vec<u8>,
    /// `io-threads`
    pub io_threads: Vec<u8>,
    /// The major version of Redis; 0 is another server.
    pub redis: i32,
}

/// All of them, in the order of INFO.
pub(super) const WARNINGS: [Warning; 4] = [
    Warning {
        field: c"warning_eviction",
        text: "maxmemory-policy evicts accounts when memory is short; use noeviction",
        is_unsafe: |server| server.eviction.starts_with(b"allkeys-"),
    },
    Warning {
        field: c"warning_aof_off",
        text: "appendonly is off: a crash loses all changes since the last snapshot; use yes",
        is_unsafe: |server| server.aof == b"no",
    },
    Warning {
        field: c"warning_no_fsync_on_rewrite",
        text: "no-appendfsync-on-rewrite syncs nothing while the AOF is rewritten; use no",
        is_unsafe: |server| server.no_fsync_on_rewrite == b"yes",
    },
    Warning {
        field: c"warning_io_threads",
        text: "with io-threads above 1 replies leave before the AOF is written, also with \
               appendfsync always; use io-threads 1, or WAITAOF",
        is_unsafe: |server| {
            let threads = !matches!(server.io_threads.as_slice(), b"" | b"0" | b"1");
            threads && server.redis >= 8 && server.aof == b"yes" && server.fsync == b"always"
        },
    },
];

impl Server {
    /// Which of the warnings hold.
    pub(super) fn warnings(&self) -> [bool; WARNINGS.len()] {
        WARNINGS.map(|warning| (warning.is_unsafe)(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn safe() -> Server {
        Server {
            eviction: b"noeviction".to_vec(),
            aof: b"yes".to_vec(),
            fsync: b"always".to_vec(),
            no_fsync_on_rewrite: b"no".to_vec(),
            io_threads: b"1".to_vec(),
            redis: 8,
        }
    }

    #[test]
    fn each_unsafe_setting_has_a_warning_of_its_own() {
        assert_eq!(safe().warnings(), [false; 4]);
        assert_eq!(Server::default().warnings(), [false; 4]);
        let evicts = Server { eviction: b"allkeys-lru".to_vec(), ..safe() };
        assert_eq!(evicts.warnings(), [true, false, false, false]);
        let off = Server { aof: b"no".to_vec(), ..safe() };
        assert_eq!(off.warnings(), [false, true, false, false]);
        let rewrites = Server { no_fsync_on_rewrite: b"yes".to_vec(), ..safe() };
        assert_eq!(rewrites.warnings(), [false, false, true, false]);
        let threads = Server { io_threads: b"4".to_vec(), ..safe() };
        assert_eq!(threads.warnings(), [false, false, false, true]);
    }

    #[test]
    fn io_threads_are_unsafe_only_on_redis_8_and_where_a_reply_was_promised_to_wait() {
        let threads = || Server { io_threads: b"4".to_vec(), ..safe() };
        assert_eq!(Server { redis: 7, ..threads() }.warnings(), [false; 4]);
        assert_eq!(Server { redis: 0, ..threads() }.warnings(), [false; 4]);
        assert_eq!(Server { fsync: b"everysec".to_vec(), ..threads() }.warnings(), [false; 4]);
    }
}
