use std::fmt::{self, Display};

use super::Value;
use crate::error::Error;

/// A step from a value to one within it.
#[derive(Clone, Debug)]
pub(crate) enum Segment {
    Index(usize),
    Name(String),
}

impl Segment {
    /// The step to the value of a map's key.
    pub(crate) fn of_key(key: &Value) -> Segment {
        Segment::Name(key.as_str().map_or_else(|| format!("{key:?}"), ToOwned::to_owned))
    }
}

/// Why a value can't be encoded or decoded. The path grows from the inside out, as the error is handed up.
#[derive(Debug)]
pub(crate) struct Refusal {
    path: Vec<Segment>,
    description: String,
}

pub(crate) type Checked<T> = Result<T, Refusal>;

impl Refusal {
    pub(crate) fn new(description: impl Into<String>) -> Refusal {
        Refusal { path: Vec::new(), description: description.into() }
    }

    /// Says within what it stands.
    pub(crate) fn at(mut self, segment: Segment) -> Refusal {
        self.path.push(segment);
        self
    }

    /// The path as `items[2].when`; empty for the whole value.
    fn field(&self) -> String {
        let mut text = String::new();
        for segment in self.path.iter().rev() {
            let step = match segment {
                Segment::Index(index) => format!("[{index}]"),
                Segment::Name(name) if !is_identifier(name) => format!("[{name:?}]"),
                Segment::Name(name) if text.is_empty() => name.clone(),
                Segment::Name(name) => format!(".{name}"),
            };
            text.push_str(&step);
        }
        text
    }
}

fn is_identifier(name: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$';
    name.chars().all(word) && name.starts_with(|c: char| !c.is_ascii_digit())
}

impl Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field().as_str() {
            "" => f.write_str(&self.description),
            field => write!(f, "{field}: {}", self.description),
        }
    }
}

impl std::error::Error for Refusal {}

impl serde::ser::Error for Refusal {
    fn custom<T: Display>(message: T) -> Refusal {
        Refusal::new(message.to_string())
    }
}

impl serde::de::Error for Refusal {
    fn custom<T: Display>(message: T) -> Refusal {
        Refusal::new(message.to_string())
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Error {
        Error::malformed(refusal.field(), &refusal.description)
    }
}
