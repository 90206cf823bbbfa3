//! JSON text.
use super::refusal::{Checked, Refusal, Segment};
use super::{DEPTH_MAX, Value};
use serde::Deserialize as _;

/// Encodes a value. Refuses what JSON can't hold: NaN, infinities, bytes, extensions, keys that are not text; and
/// integers beyond 64 bits, which other readers would round.
pub(crate) fn encode(value: &Value) -> Checked<Vec<u8>> {
    check_value(value, 0)?;
    serde_json::to_vec(value).map_err(|error| Refusal::new(error.to_string()))
}

fn check_value(value: &Value, depth: usize) -> Checked<()> {
    match value {
        Value::Null | Value::Bool(_) | Value::Text(_) => Ok(()),
        Value::Integer(value) => check_integer(*value),
        Value::Float(value) if value.is_finite() => Ok(()),
        Value::Float(value) => Err(Refusal::new(format!("JSON has no {value}: use MessagePack"))),
        Value::Bytes(_) | Value::Extension(..) => {
            Err(Refusal::new(format!("JSON does not hold {}: use MessagePack", value.kind())))
        }
        Value::List(_) | Value::Map(_) if depth >= DEPTH_MAX => Err(too_deep()),
        Value::List(values) => values
            .iter()
            .enumerate()
            .try_for_each(|(i, value)| check_value(value, depth + 1).map_err(|refusal| refusal.at(Segment::Index(i)))),
        Value::Map(map) => map.iter().try_for_each(|(key, value)| {
            if key.as_str().is_none() {
                return Err(Refusal::new(format!("JSON has no keys that are {}: use MessagePack", key.kind())));
            }
            check_value(value, depth + 1).map_err(|refusal| refusal.at(Segment::of_key(key)))
        }),
    }
}

fn check_integer(value: i128) -> Checked<()> {
    if value >= i64::MIN.into() && value <= u64::MAX.into() {
        return Ok(());
    }
    Err(Refusal::new("an integer of more than 64 bits"))
}

/// Decodes JSON text.
pub(crate) fn decode(bytes: &[u8]) -> Checked<Value> {
    let text = std::str::from_utf8(bytes).map_err(|_| Refusal::new("JSON that is not UTF-8"))?;
    check_text(bytes)?;
    let mut reader = serde_json::Deserializer::from_str(text);
    // The text has been found to be no deeper than DEPTH_MAX, which is more than the library's own limit.
    reader.disable_recursion_limit();
    let not_json = |error: serde_json::Error| Refusal::new(format!("not JSON: {error}"));
    let value = Value::deserialize(&mut reader).map_err(not_json)?;
    reader.end().map_err(not_json)?;
    Ok(value)
}

/// Refuses what `serde_json` would round silently, integers of more than 64 bits, and what is nested too deep.
fn check_text(bytes: &[u8]) -> Checked<()> {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at = end_of_text(bytes, at + 1),
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'-' | b'0'..=b'9' => {
                let rest = &bytes[at..];
                let length = rest.iter().position(|byte| !is_of_number(*byte)).unwrap_or(rest.len());
                check_number(&rest[..length])?;
                at += length - 1;
            }
            _ => {}
        }
        if depth > DEPTH_MAX {
            return Err(too_deep());
        }
        at += 1;
    }
    Ok(())
}

/// Where the quotation mark is that ends the text.
fn end_of_text(bytes: &[u8], mut at: usize) -> usize {
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    at
}

fn is_of_number(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E')
}

fn check_number(text: &[u8]) -> Checked<()> {
    if text.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E')) {
        return Ok(());
    }
    let digits = std::str::from_utf8(text).unwrap_or_default();
    // What does not parse is either no number, which the parser says better, or of more than 128 bits.
    check_integer(digits.parse().unwrap_or(if digits.len() > 20 { i128::MAX } else { 0 }))
}

fn too_deep() -> Refusal {
    Refusal::new(format!("nested deeper than {DEPTH_MAX}"))
}
