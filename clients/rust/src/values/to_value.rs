use serde::ser::{self, Serialize};

use super::refusal::{Checked, Refusal, Segment};
use super::serialize::EXTENSION;
use super::{DEPTH_MAX, Map, Value};
use crate::error::Error;

/// Makes a value of whatever `serde` can serialize, as JSON formats do: structs become maps, enums are tagged from
/// outside, `None` and `()` are null. A `Vec<u8>` is a list of integers, as everywhere in `serde`: for bytes use
/// [`Value::Bytes`] or the crate `serde_bytes`.
///
/// # Errors
/// `InvalidArgument` (`VALUE_MALFORMED`) with the path of what can't be a value: an integer of more than 128 bits, what
/// is nested deeper than 512, or what its own `Serialize` refuses.
pub fn to_value<T: Serialize + ?Sized>(value: &T) -> Result<Value, Error> {
    Ok(checked_value(value)?)
}

pub(crate) fn checked_value<T: Serialize + ?Sized>(value: &T) -> Checked<Value> {
    value.serialize(ToValue { depth: 0 })
}

#[derive(Clone, Copy)]
struct ToValue {
    depth: usize,
}

impl ToValue {
    fn within(self) -> Checked<ToValue> {
        if self.depth < DEPTH_MAX {
            return Ok(ToValue { depth: self.depth + 1 });
        }
        Err(Refusal::new(format!("nested deeper than {DEPTH_MAX}")))
    }

    fn list(self, variant: Option<&'static str>) -> Checked<ListOf> {
        let inside = if variant.is_some() { self.within()?.within()? } else { self.within()? };
        Ok(ListOf { inside, values: Vec::new(), variant })
    }

    fn map(self, variant: Option<&'static str>) -> Checked<MapOf> {
        let inside = if variant.is_some() { self.within()?.within()? } else { self.within()? };
        Ok(MapOf { inside, map: Map::new(), key: None, variant })
    }
}

/// An enum's variant with what it holds.
fn tagged(variant: Option<&'static str>, value: Value) -> Value {
    match variant {
        Some(name) => Value::Map(Map::from_iter([(name.into(), value)])),
        None => value,
    }
}

/// The extension whose type and bytes these are.
fn extension_of(value: Value) -> Value {
    if let Value::List(parts) = &value
        && let [Value::Integer(kind), Value::Bytes(bytes)] = parts.as_slice()
        && let Ok(kind) = i8::try_from(*kind)
    {
        return Value::Extension(kind, bytes.clone());
    }
    value
}

macro_rules! plain {
    ($($method:ident($type:ty) => |$value:ident| $made:expr;)*) => {$(
        fn $method(self, $value: $type) -> Checked<Value> {
            Ok($made)
        }
    )*};
}

impl ser::Serializer for ToValue {
    type Ok = Value;
    type Error = Refusal;
    type SerializeSeq = ListOf;
    type SerializeTuple = ListOf;
    type SerializeTupleStruct = ListOf;
    type SerializeTupleVariant = ListOf;
    type SerializeMap = MapOf;
    type SerializeStruct = MapOf;
    type SerializeStructVariant = MapOf;

    plain! {
        serialize_bool(bool) => |value| Value::Bool(value);
        serialize_i8(i8) => |value| Value::Integer(value.into());
        serialize_i16(i16) => |value| Value::Integer(value.into());
        serialize_i32(i32) => |value| Value::Integer(value.into());
        serialize_i64(i64) => |value| Value::Integer(value.into());
        serialize_i128(i128) => |value| Value::Integer(value);
        serialize_u8(u8) => |value| Value::Integer(value.into());
        serialize_u16(u16) => |value| Value::Integer(value.into());
        serialize_u32(u32) => |value| Value::Integer(value.into());
        serialize_u64(u64) => |value| Value::Integer(value.into());
        serialize_f32(f32) => |value| Value::Float(value.into());
        serialize_f64(f64) => |value| Value::Float(value);
        serialize_char(char) => |value| Value::Text(value.into());
        serialize_str(&str) => |value| Value::Text(value.to_owned());
        serialize_bytes(&[u8]) => |value| Value::Bytes(value.to_vec());
        serialize_unit_struct(&'static str) => |_name| Value::Null;
    }

    fn serialize_u128(self, value: u128) -> Checked<Value> {
        let value = i128::try_from(value).map_err(|_| Refusal::new("an integer of more than 64 bits"))?;
        Ok(Value::Integer(value))
    }

    fn serialize_none(self) -> Checked<Value> {
        Ok(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Checked<Value> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Checked<Value> {
        Ok(Value::Null)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Checked<Value> {
        Ok(variant.into())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Checked<Value> {
        let made = value.serialize(self)?;
        Ok(if name == EXTENSION { extension_of(made) } else { made })
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Checked<Value> {
        let inside = self.within()?;
        let made = value.serialize(inside).map_err(|refusal| refusal.at(Segment::Name(variant.to_owned())))?;
        Ok(tagged(Some(variant), made))
    }

    fn serialize_seq(self, _: Option<usize>) -> Checked<ListOf> {
        self.list(None)
    }

    fn serialize_tuple(self, _: usize) -> Checked<ListOf> {
        self.list(None)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Checked<ListOf> {
        self.list(None)
    }

    fn serialize_tuple_variant(self, _: &'static str, _: u32, variant: &'static str, _: usize) -> Checked<ListOf> {
        self.list(Some(variant))
    }

    fn serialize_map(self, _: Option<usize>) -> Checked<MapOf> {
        self.map(None)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Checked<MapOf> {
        self.map(None)
    }

    fn serialize_struct_variant(self, _: &'static str, _: u32, variant: &'static str, _: usize) -> Checked<MapOf> {
        self.map(Some(variant))
    }
}

struct ListOf {
    inside: ToValue,
    values: Vec<Value>,
    variant: Option<&'static str>,
}

impl ListOf {
    fn add<T: Serialize + ?Sized>(&mut self, value: &T) -> Checked<()> {
        let index = self.values.len();
        let made = value.serialize(self.inside).map_err(|refusal| refusal.at(Segment::Index(index)))?;
        self.values.push(made);
        Ok(())
    }

    fn finish(self) -> Value {
        tagged(self.variant, Value::List(self.values))
    }
}

struct MapOf {
    inside: ToValue,
    map: Map,
    key: Option<Value>,
    variant: Option<&'static str>,
}

impl MapOf {
    fn add<T: Serialize + ?Sized>(&mut self, key: Value, value: &T) -> Checked<()> {
        let made = value.serialize(self.inside).map_err(|refusal| refusal.at(Segment::of_key(&key)))?;
        self.map.push(key, made);
        Ok(())
    }

    fn finish(self) -> Value {
        tagged(self.variant, Value::Map(self.map))
    }
}

macro_rules! lists {
    ($($trait:ident::$method:ident),*) => {$(
        impl ser::$trait for ListOf {
            type Ok = Value;
            type Error = Refusal;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Checked<()> {
                self.add(value)
            }

            fn end(self) -> Checked<Value> {
                Ok(self.finish())
            }
        }
    )*};
}

lists! {
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
}

macro_rules! structs {
    ($($trait:ident),*) => {$(
        impl ser::$trait for MapOf {
            type Ok = Value;
            type Error = Refusal;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Checked<()> {
                self.add(name.into(), value)
            }

            fn end(self) -> Checked<Value> {
                Ok(self.finish())
            }
        }
    )*};
}

structs! { SerializeStruct, SerializeStructVariant }

impl ser::SerializeMap for MapOf {
    type Ok = Value;
    type Error = Refusal;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Checked<()> {
        self.key = Some(key.serialize(self.inside)?);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Checked<()> {
        let key = self.key.take().ok_or_else(|| Refusal::new("a map's value without a key"))?;
        self.add(key, value)
    }

    fn end(self) -> Checked<Value> {
        Ok(self.finish())
    }
}
