use serde::ser::{Error as _, Serialize, SerializeMap as _, Serializer};

use super::Value;

/// How an extension is told to serde, which has none: a newtype of this name around its type and bytes.
pub(crate) const EXTENSION: &str = "$cairn::Extension";

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Integer(value) => match (u64::try_from(*value), i64::try_from(*value)) {
                (Ok(value), _) => serializer.serialize_u64(value),
                (_, Ok(value)) => serializer.serialize_i64(value),
                _ => Err(S::Error::custom("an integer of more than 64 bits")),
            },
            Value::Float(value) => serializer.serialize_f64(*value),
            Value::Text(text) => serializer.serialize_str(text),
            Value::Bytes(bytes) => serializer.serialize_bytes(bytes),
            Value::List(values) => serializer.collect_seq(values),
            Value::Map(map) => {
                let mut out = serializer.serialize_map(Some(map.len()))?;
                map.iter().try_for_each(|(key, value)| out.serialize_entry(key, value))?;
                out.end()
            }
            Value::Extension(kind, bytes) => {
                serializer.serialize_newtype_struct(EXTENSION, &(*kind, Value::Bytes(bytes.clone())))
            }
        }
    }
}
