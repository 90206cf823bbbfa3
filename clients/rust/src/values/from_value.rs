use serde::de::value::SeqDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer, MapAccess,
    SeqAccess, Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::refusal::{Checked, Refusal, Segment};
use super::serialize::EXTENSION;
use super::{Map, Value};
use crate::error::Error;

/// Makes a value into whatever `serde` can deserialize; the opposite of [`to_value`](super::to_value). Bytes are also
/// taken where a list is wanted, so that a `Vec<u8>` reads them.
///
/// # Errors
/// `InvalidArgument` (`VALUE_MALFORMED`) with the path of what does not fit.
pub fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, Error> {
    Ok(checked_from(value)?)
}

pub(crate) fn checked_from<T: DeserializeOwned>(value: Value) -> Checked<T> {
    T::deserialize(FromValue(value))
}

struct FromValue(Value);

macro_rules! integer {
    ($value:expr, $visitor:expr) => {
        match (i64::try_from($value), u64::try_from($value)) {
            (Ok(value), _) => $visitor.visit_i64(value),
            (_, Ok(value)) => $visitor.visit_u64(value),
            _ => $visitor.visit_i128($value),
        }
    };
}

impl<'de> Deserializer<'de> for FromValue {
    type Error = Refusal;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Checked<V::Value> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(value),
            Value::Integer(value) => integer!(value, visitor),
            Value::Float(value) => visitor.visit_f64(value),
            Value::Text(text) => visitor.visit_string(text),
            Value::Bytes(bytes) => visitor.visit_byte_buf(bytes),
            Value::List(values) => visitor.visit_seq(Elements { rest: values.into_iter(), index: 0 }),
            Value::Map(map) => visitor.visit_map(Entries { rest: map.into_iter(), value: None }),
            Value::Extension(kind, bytes) => {
                let parts = vec![Value::Integer(kind.into()), Value::Bytes(bytes)];
                visitor.visit_newtype_struct(FromValue(Value::List(parts)))
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Checked<V::Value> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Checked<V::Value> {
        match self.0 {
            Value::Bytes(bytes) => visitor.visit_seq(SeqDeserializer::new(bytes.into_iter())),
            other => FromValue(other).deserialize_any(visitor),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Checked<V::Value> {
        if name == EXTENSION { self.deserialize_any(visitor) } else { visitor.visit_newtype_struct(self) }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Checked<V::Value> {
        match self.0 {
            Value::Text(variant) => visitor.visit_enum(variant.into_deserializer()),
            Value::Map(map) if map.len() == 1 => visitor.visit_enum(Variant(map)),
            other => Err(Refusal::invalid_type(Unexpected::Other(other.kind()), &"an enum's variant")),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct tuple
        tuple_struct map struct identifier ignored_any
    }
}

struct Elements {
    rest: std::vec::IntoIter<Value>,
    index: usize,
}

impl<'de> SeqAccess<'de> for Elements {
    type Error = Refusal;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Checked<Option<S::Value>> {
        let Some(value) = self.rest.next() else { return Ok(None) };
        let index = self.index;
        self.index += 1;
        seed.deserialize(FromValue(value)).map(Some).map_err(|refusal| refusal.at(Segment::Index(index)))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

struct Entries {
    rest: std::vec::IntoIter<(Value, Value)>,
    value: Option<(Segment, Value)>,
}

impl<'de> MapAccess<'de> for Entries {
    type Error = Refusal;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Checked<Option<S::Value>> {
        let Some((key, value)) = self.rest.next() else { return Ok(None) };
        self.value = Some((Segment::of_key(&key), value));
        seed.deserialize(FromValue(key)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Checked<S::Value> {
        let (segment, value) = self.value.take().ok_or_else(|| Refusal::new("a map's value before its key"))?;
        seed.deserialize(FromValue(value)).map_err(|refusal| refusal.at(segment))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

/// A map of one entry: a variant's name and what it holds.
struct Variant(Map);

impl<'de> EnumAccess<'de> for Variant {
    type Error = Refusal;
    type Variant = Content;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Checked<(S::Value, Content)> {
        let (name, value) = self.0.into_iter().next().unwrap_or_default();
        let segment = Segment::of_key(&name);
        Ok((seed.deserialize(FromValue(name))?, Content(segment, value)))
    }
}

struct Content(Segment, Value);

impl<'de> VariantAccess<'de> for Content {
    type Error = Refusal;

    fn unit_variant(self) -> Checked<()> {
        de::Deserialize::deserialize(FromValue(self.1)).map_err(|refusal: Refusal| refusal.at(self.0))
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Checked<S::Value> {
        seed.deserialize(FromValue(self.1)).map_err(|refusal| refusal.at(self.0))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Checked<V::Value> {
        FromValue(self.1).deserialize_any(visitor).map_err(|refusal| refusal.at(self.0))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Checked<V::Value> {
        FromValue(self.1).deserialize_any(visitor).map_err(|refusal| refusal.at(self.0))
    }
}
