//! MessagePack, in its shortest form.
use rmp::Marker;
use rmp::decode::{RmpRead, read_marker};
use rmp::encode as write;

use super::refusal::{Checked, Refusal, Segment};
use super::{DEPTH_MAX, Map, Value};

/// What is read at once of what a length promises, so that a length that is not true allocates little.
const RESERVED_MAX: usize = 4096;

/// Encodes a value. Refuses integers beyond 64 bits and what is nested too deep.
pub(crate) fn encode(value: &Value) -> Checked<Vec<u8>> {
    let mut bytes = Vec::new();
    write_value(&mut bytes, value, 0)?;
    Ok(bytes)
}

fn write_value(out: &mut Vec<u8>, value: &Value, depth: usize) -> Checked<()> {
    match value {
        Value::Null => wrote(write::write_nil(out)),
        Value::Bool(value) => wrote(write::write_bool(out, *value)),
        Value::Integer(value) => write_integer(out, *value),
        Value::Float(value) => wrote(write::write_f64(out, *value)),
        Value::Text(text) => wrote(write::write_str(out, text)),
        Value::Bytes(bytes) => wrote(write::write_bin(out, bytes)),
        Value::Extension(kind, bytes) => write_extension(out, *kind, bytes),
        Value::List(values) => write_list(out, values, depth),
        Value::Map(map) => write_map(out, map, depth),
    }
}

fn write_extension(out: &mut Vec<u8>, kind: i8, bytes: &[u8]) -> Checked<()> {
    wrote(write::write_ext_meta(out, length(bytes.len())?, kind))?;
    out.extend_from_slice(bytes);
    Ok(())
}

fn write_list(out: &mut Vec<u8>, values: &[Value], depth: usize) -> Checked<()> {
    enter(depth)?;
    wrote(write::write_array_len(out, length(values.len())?))?;
    for (i, value) in values.iter().enumerate() {
        write_value(out, value, depth + 1).map_err(|refusal| refusal.at(Segment::Index(i)))?;
    }
    Ok(())
}

fn write_map(out: &mut Vec<u8>, map: &Map, depth: usize) -> Checked<()> {
    enter(depth)?;
    wrote(write::write_map_len(out, length(map.len())?))?;
    for (key, value) in map {
        write_value(out, key, depth + 1)?;
        write_value(out, value, depth + 1).map_err(|refusal| refusal.at(Segment::of_key(key)))?;
    }
    Ok(())
}

fn write_integer(out: &mut Vec<u8>, value: i128) -> Checked<()> {
    if let Ok(value) = u64::try_from(value) {
        return wrote(write::write_uint(out, value));
    }
    let value = i64::try_from(value).map_err(|_| Refusal::new("an integer of more than 64 bits"))?;
    wrote(write::write_sint(out, value))
}

fn length(count: usize) -> Checked<u32> {
    u32::try_from(count).map_err(|_| Refusal::new("longer than MessagePack can hold"))
}

fn wrote<T, E: std::error::Error>(result: Result<T, E>) -> Checked<()> {
    result.map(drop).map_err(|error| Refusal::new(error.to_string()))
}

/// Decodes exactly one value.
pub(crate) fn decode(bytes: &[u8]) -> Checked<Value> {
    let mut rest = bytes;
    let value = read_value(&mut rest, 0)?;
    if rest.is_empty() {
        return Ok(value);
    }
    Err(Refusal::new(format!("bytes after the end of the value, at byte {}", bytes.len() - rest.len())))
}

fn read_value(from: &mut &[u8], depth: usize) -> Checked<Value> {
    let marker = read_marker(from).map_err(|_| ended())?;
    match marker {
        Marker::FixArray(_) | Marker::Array16 | Marker::Array32 => read_list(from, marker, depth),
        Marker::FixMap(_) | Marker::Map16 | Marker::Map32 => read_map(from, marker, depth),
        _ => read_scalar(from, marker),
    }
}

/// Apart from what calls itself, whose frames are to be small.
fn read_scalar(from: &mut &[u8], marker: Marker) -> Checked<Value> {
    Ok(match marker {
        Marker::Null => Value::Null,
        Marker::True => Value::Bool(true),
        Marker::False => Value::Bool(false),
        Marker::FixPos(value) => Value::Integer(value.into()),
        Marker::FixNeg(value) => Value::Integer(value.into()),
        Marker::U8 => Value::Integer(from.read_data_u8().map_err(|_| ended())?.into()),
        Marker::U16 => Value::Integer(from.read_data_u16().map_err(|_| ended())?.into()),
        Marker::U32 => Value::Integer(from.read_data_u32().map_err(|_| ended())?.into()),
        Marker::U64 => Value::Integer(from.read_data_u64().map_err(|_| ended())?.into()),
        Marker::I8 => Value::Integer(from.read_data_i8().map_err(|_| ended())?.into()),
        Marker::I16 => Value::Integer(from.read_data_i16().map_err(|_| ended())?.into()),
        Marker::I32 => Value::Integer(from.read_data_i32().map_err(|_| ended())?.into()),
        Marker::I64 => Value::Integer(from.read_data_i64().map_err(|_| ended())?.into()),
        Marker::F32 => Value::Float(from.read_data_f32().map_err(|_| ended())?.into()),
        Marker::F64 => Value::Float(from.read_data_f64().map_err(|_| ended())?),
        Marker::Reserved => return Err(Refusal::new("0xc1, which MessagePack never uses")),
        Marker::FixStr(_) | Marker::Str8 | Marker::Str16 | Marker::Str32 => read_text(from, marker)?,
        Marker::Bin8 | Marker::Bin16 | Marker::Bin32 => {
            let length = read_length(from, marker)?;
            Value::Bytes(take(from, length)?.to_vec())
        }
        _ => {
            let length = read_length(from, marker)?;
            let kind = from.read_data_i8().map_err(|_| ended())?;
            Value::Extension(kind, take(from, length)?.to_vec())
        }
    })
}

fn read_text(from: &mut &[u8], marker: Marker) -> Checked<Value> {
    let length = read_length(from, marker)?;
    let text = std::str::from_utf8(take(from, length)?).map_err(|_| Refusal::new("text that is not UTF-8"))?;
    Ok(Value::Text(text.to_owned()))
}

fn read_list(from: &mut &[u8], marker: Marker, depth: usize) -> Checked<Value> {
    let count = read_length(from, marker)?;
    enter(depth)?;
    let mut values = Vec::with_capacity(count.min(RESERVED_MAX));
    for i in 0..count {
        values.push(read_value(from, depth + 1).map_err(|refusal| refusal.at(Segment::Index(i)))?);
    }
    Ok(Value::List(values))
}

fn read_map(from: &mut &[u8], marker: Marker, depth: usize) -> Checked<Value> {
    let count = read_length(from, marker)?;
    enter(depth)?;
    let mut map = Map::new();
    for _ in 0..count {
        let key = read_value(from, depth + 1)?;
        let value = read_value(from, depth + 1).map_err(|refusal| refusal.at(Segment::of_key(&key)))?;
        map.push(key, value);
    }
    Ok(Value::Map(map))
}

fn read_length(from: &mut &[u8], marker: Marker) -> Checked<usize> {
    let length = match marker {
        Marker::FixStr(count) | Marker::FixArray(count) | Marker::FixMap(count) => Ok(count.into()),
        Marker::Str8 | Marker::Bin8 | Marker::Ext8 => from.read_data_u8().map(Into::into),
        Marker::Str16 | Marker::Bin16 | Marker::Ext16 | Marker::Array16 | Marker::Map16 => {
            from.read_data_u16().map(Into::into)
        }
        Marker::FixExt1 => Ok(1),
        Marker::FixExt2 => Ok(2),
        Marker::FixExt4 => Ok(4),
        Marker::FixExt8 => Ok(8),
        Marker::FixExt16 => Ok(16),
        _ => from.read_data_u32(),
    };
    Ok(length.map_err(|_| ended())? as usize)
}

fn take<'a>(from: &mut &'a [u8], length: usize) -> Checked<&'a [u8]> {
    from.split_off(..length).ok_or_else(ended)
}

fn enter(depth: usize) -> Checked<()> {
    if depth < DEPTH_MAX { Ok(()) } else { Err(Refusal::new(format!("nested deeper than {DEPTH_MAX}"))) }
}

fn ended() -> Refusal {
    Refusal::new("MessagePack ends too early")
}
