use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::from_value::checked_from;
use super::refusal::{Checked, Refusal, Segment};
use super::to_value::checked_value;
use super::{Map, Value, json, msgpack};
use crate::error::Error;
use crate::proto::{TypedValue, value};

/// How values are encoded. Cairn's engine computes in MessagePack, which also holds bytes and NaN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// MessagePack.
    #[default]
    Msgpack,
    /// JSON.
    Json,
}

impl TypedValue {
    /// Encodes what `serde` can serialize.
    ///
    /// # Errors
    /// `InvalidArgument` (`VALUE_MALFORMED`) with the path of what the encoding does not hold.
    pub fn encode<T: Serialize + ?Sized>(value: &T, encoding: Encoding) -> Result<TypedValue, Error> {
        Ok(encoded(value, encoding)?)
    }

    /// Decodes to what `serde` can deserialize: to a [`Value`] without loss.
    ///
    /// # Errors
    /// `InvalidArgument` (`VALUE_MALFORMED`) when the bytes are not what the type says, when the value does not fit, or
    /// when only its framework can decode it (`pickle`, say): its `type` and `data` are there as they are.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, Error> {
        Ok(checked_from(self.value()?)?)
    }

    fn value(&self) -> Checked<Value> {
        match self.r#type.as_str() {
            "null" => Ok(Value::Null),
            "msgpack" => msgpack::decode(&self.data),
            "json" => json::decode(&self.data),
            "bytes" => Ok(Value::Bytes(self.data.clone())),
            other => Err(Refusal::new(format!("a value of type {other:?}, which only its framework decodes"))),
        }
    }
}

fn encoded<T: Serialize + ?Sized>(value: &T, encoding: Encoding) -> Checked<TypedValue> {
    let value = checked_value(value)?;
    let (name, data) = match encoding {
        Encoding::Msgpack => ("msgpack", msgpack::encode(&value)?),
        Encoding::Json => ("json", json::encode(&value)?),
    };
    Ok(TypedValue { r#type: name.to_owned(), data })
}

/// Encodes a value that stands somewhere: its refusal names the place.
pub(crate) fn encode_at<T: Serialize + ?Sized>(
    path: &[&str],
    value: &T,
    encoding: Encoding,
) -> Result<TypedValue, Error> {
    let placed = |refusal: Refusal| {
        path.iter().rev().fold(refusal, |refusal, name| refusal.at(Segment::Name((*name).to_owned())))
    };
    Ok(encoded(value, encoding).map_err(placed)?)
}

/// Encodes what serializes as a map with text keys as values by channel; `None` for what serializes as null.
pub(crate) fn channels_of<T: Serialize + ?Sized>(
    values: &T,
    encoding: Encoding,
) -> Result<Option<BTreeMap<String, crate::proto::Value>>, Error> {
    let map = match checked_value(values)? {
        Value::Null => return Ok(None),
        Value::Map(map) => map,
        other => return Err(Refusal::new(format!("channels by name are wanted, not {}", other.kind())).into()),
    };
    let mut channels = BTreeMap::new();
    for (key, value) in map {
        let Value::Text(channel) = key else {
            return Err(Refusal::new(format!("a channel's name is text, not {}", key.kind())).into());
        };
        let source = value::Source::Inline(encode_at(&[&channel], &value, encoding)?);
        channels.insert(channel, crate::proto::Value { source: Some(source) });
    }
    Ok(Some(channels))
}

/// A channel's value; null when it has none.
pub(crate) fn decode_channel<T: DeserializeOwned>(channel: &str, value: Option<&TypedValue>) -> Result<T, Error> {
    let placed = |refusal: Refusal| refusal.at(Segment::Name(channel.to_owned()));
    let value = value.map_or(Ok(Value::Null), TypedValue::value).map_err(placed)?;
    Ok(checked_from(value).map_err(placed)?)
}

/// Values by channel as one map.
pub(crate) fn decode_channels<T: DeserializeOwned>(values: &BTreeMap<String, TypedValue>) -> Result<T, Error> {
    let mut map = Map::new();
    for (channel, value) in values {
        map.push(channel.as_str().into(), decode_channel(channel, Some(value))?);
    }
    Ok(checked_from(Value::Map(map))?)
}
