use super::Map;

/// A value of a thread's state, without loss.
///
/// | in Rust | in MessagePack and JSON |
/// |---|---|
/// | `Integer` | an integer; the wire takes −2^63 to 2^64 − 1 and others are refused, never rounded |
/// | `Float` | a 64-bit float, also when it is whole: `1.0` is not `1`, and `-0.0` stays. NaN and infinities only in MessagePack |
/// | `Text` | text: any that UTF-8 can hold, NUL included |
/// | `Bytes`, `Extension` | bytes, and MessagePack's typed bytes. Only in MessagePack |
/// | `List`, `Map` | list and map, in their order. Keys that are not text only in MessagePack |
///
/// Whatever implements `serde`'s traits converts by [`to_value`](super::to_value) and [`from_value`](super::from_value),
/// and a `Value` may be a field of such a type.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// No value.
    #[default]
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Integer(i128),
    /// A floating point number.
    Float(f64),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// Values in order.
    List(Vec<Value>),
    /// Values by key.
    Map(Map),
    /// A MessagePack extension: its type, −128 to 127, and its bytes, kept as they are.
    Extension(i8, Vec<u8>),
}

impl Value {
    /// A map's member of this name; `None` when it has none, or is no map.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        match self {
            Value::Map(map) => map.get(name),
            _ => None,
        }
    }

    /// The text, if it is text.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether there is no value.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// What it is, in words.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "a truth value",
            Value::Integer(_) => "an integer",
            Value::Float(_) => "a float",
            Value::Text(_) => "text",
            Value::Bytes(_) => "bytes",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
            Value::Extension(..) => "a MessagePack extension",
        }
    }
}

macro_rules! from {
    ($($type:ty => |$from:ident| $value:expr;)*) => {$(
        impl From<$type> for Value {
            fn from($from: $type) -> Value {
                $value
            }
        }
    )*};
}

from! {
    bool => |from| Value::Bool(from);
    i32 => |from| Value::Integer(from.into());
    u32 => |from| Value::Integer(from.into());
    i64 => |from| Value::Integer(from.into());
    u64 => |from| Value::Integer(from.into());
    f64 => |from| Value::Float(from);
    &str => |from| Value::Text(from.to_owned());
    String => |from| Value::Text(from);
    Vec<u8> => |from| Value::Bytes(from);
    Vec<Value> => |from| Value::List(from);
    Map => |from| Value::Map(from);
}
