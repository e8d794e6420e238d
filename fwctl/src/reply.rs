//! Replies, in RESP2 and RESP3 alike: rows of named fields.

use redis::Value;
use serde_json::{Map, Value as Json};

use crate::failure::Failure;
use crate::text::{exact, shown};

/// A map of the module: names and values, in its order.
pub struct Row(Vec<(String, Value)>);

impl Row {
    /// Reads a map, or the flat array that it is in RESP2.
    pub fn read(value: Value) -> Result<Self, Failure> {
        let name = |value: &Value| bytes(value).map(|name| exact(&name));
        let pairs: Vec<(Value, Value)> = match value {
            Value::Map(pairs) => pairs,
            Value::Array(words) if words.len() % 2 == 0 => {
                let mut words = words.into_iter();
                std::iter::from_fn(|| Some((words.next()?, words.next()?))).collect()
            }
            _ => return Err(Failure::reply("no map")),
        };
        let named = pairs.into_iter().map(|(key, value)| Some((name(&key)?, value)));
        named.collect::<Option<_>>().map(Self).ok_or_else(|| Failure::reply("no name of a field"))
    }

    /// Reads rows; `None` for Null.
    pub fn read_all(value: Value) -> Result<Option<Vec<Self>>, Failure> {
        match value {
            Value::Nil => Ok(None),
            Value::Array(rows) => {
                rows.into_iter().map(Self::read).collect::<Result<_, _>>().map(Some)
            }
            _ => Err(Failure::reply("no rows")),
        }
    }

    /// A row of these fields.
    pub fn of(fields: impl IntoIterator<Item = (&'static str, Value)>) -> Self {
        Self(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// A field.
    pub fn value(&self, name: &str) -> Result<&Value, Failure> {
        let found = self.0.iter().find(|(own, _)| own == name);
        found.map(|(_, value)| value).ok_or_else(|| Failure::reply(&format!("{name} is missing")))
    }

    /// A field as text for a terminal; empty for Null.
    pub fn text(&self, name: &str) -> Result<String, Failure> {
        let value = self.value(name)?;
        if *value == Value::Nil {
            return Ok(String::new());
        }
        let text = bytes(value).map(|bytes| shown(&bytes));
        text.ok_or_else(|| Failure::reply(&format!("{name} is no text")))
    }

    /// An integer field.
    pub fn integer(&self, name: &str) -> Result<i64, Failure> {
        match self.value(name)? {
            Value::Int(number) => Ok(*number),
            _ => Err(Failure::reply(&format!("{name} is no integer"))),
        }
    }

    /// All of it: text as text, integers as exact numbers.
    pub fn json(&self) -> Result<Map<String, Json>, Failure> {
        self.0.iter().map(|(name, value)| Ok((name.clone(), json(value)?))).collect()
    }

    /// The names and the integers of a map of integers.
    pub fn integers(&self) -> Result<Vec<(&str, i64)>, Failure> {
        self.0.iter().map(|(name, _)| Ok((name.as_str(), self.integer(name)?))).collect()
    }
}

/// The bytes of a string or of an integer.
pub fn bytes(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::BulkString(bytes) => Some(bytes.clone()),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => {
            Some(text.clone().into_bytes())
        }
        Value::Okay => Some(b"OK".to_vec()),
        Value::Int(number) => Some(number.to_string().into_bytes()),
        _ => None,
    }
}

/// A value as JSON.
pub fn json(value: &Value) -> Result<Json, Failure> {
    match value {
        Value::Nil => Ok(Json::Null),
        Value::Int(number) => Ok(Json::from(*number)),
        other => {
            let text = bytes(other).ok_or_else(|| Failure::reply("a field is no text"))?;
            Ok(Json::from(exact(&text)))
        }
    }
}
