//! Which server it is, and what that one can do for modules.
//!
//! Tests say by this what they expect of each server, instead of passing over what one lacks.

use super::answer::Answer;
use super::server::Server;

/// A program and its version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// Redis, major and minor.
    Redis(u32, u32),
    /// Valkey, major and minor.
    Valkey(u32, u32),
}

impl Release {
    /// The release of a running server.
    pub fn of(server: &mut Server) -> Self {
        let Answer::Text(text) = server.must("INFO server") else { panic!("INFO is text") };
        let text = String::from_utf8_lossy(&text).into_owned();
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
        let version = |text: &str| {
            let mut parts = text.split('.').map(|part| part.parse().expect("a number"));
            (parts.next().expect("a major version"), parts.next().expect("a minor version"))
        };
        if let Some(text) = field("valkey_version:") {
            let (major, minor) = version(text);
            return Self::Valkey(major, minor);
        }
        let (major, minor) = version(field("redis_version:").expect("a version"));
        Self::Redis(major, minor)
    }

    /// It passes on how a value is shown; Redis 7.0 shows the argument's name in its place.
    pub fn shows_places(self) -> bool {
        self.is_at_least(7, 2)
    }

    /// It has ACL categories for the commands of modules.
    pub fn has_categories(self) -> bool {
        self.is_at_least(7, 2)
    }

    /// Modules can add ACL categories.
    pub fn has_own_categories(self) -> bool {
        self.is_at_least(7, 4)
    }

    /// Every Valkey that is supported can what Redis 7.4 can.
    fn is_at_least(self, major: u32, minor: u32) -> bool {
        match self {
            Self::Redis(own, own_minor) => (own, own_minor) >= (major, minor),
            Self::Valkey(..) => true,
        }
    }
}
