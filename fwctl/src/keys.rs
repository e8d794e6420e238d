//! Which key an account is: the prefix and the account's name, both as they are.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// The rule of `--key-prefix`.
pub struct Keys {
    prefix: Vec<u8>,
}

impl Keys {
    /// Keys with this prefix.
    pub fn new(prefix: &OsString) -> Self {
        Self { prefix: prefix.as_bytes().to_vec() }
    }

    /// The key of an account.
    pub fn key(&self, account: &OsStr) -> Vec<u8> {
        [&self.prefix, account.as_bytes()].concat()
    }

    /// The account of a key; the whole key if it has another prefix.
    pub fn account<'a>(&self, key: &'a [u8]) -> &'a [u8] {
        key.strip_prefix(self.prefix.as_slice()).unwrap_or(key)
    }

    /// The glob of the keys whose accounts match a glob.
    pub fn glob(&self, accounts: &OsStr) -> Vec<u8> {
        let mut glob = Vec::new();
        for byte in &self.prefix {
            if b"*?[]\\".contains(byte) {
                glob.push(b'\\');
            }
            glob.push(*byte);
        }
        glob.extend(accounts.as_bytes());
        glob
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_no_glob() {
        let keys = Keys::new(&OsString::from("a[*]:"));
        assert_eq!(keys.glob(OsStr::new("b*")), b"a\\[\\*\\]:b*");
        assert_eq!(keys.key(OsStr::new("b*")), b"a[*]:b*");
        assert_eq!(keys.account(b"a[*]:x"), b"x");
        assert_eq!(keys.account(b"other"), b"other");
    }
}
