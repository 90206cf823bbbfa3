use std::collections::BTreeMap;

use tonic::Code;

use crate::client::Client;
use crate::error::{Error, Result};
use crate::method;
use crate::proto::get_values_response::Part;
use crate::proto::{GetValuesRequest, TypedValue, ValueEntry};

/// What is reserved at once of what an entry promises.
const RESERVED_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Downloads values of a thread by reference, each checked by its checksum.
pub(crate) async fn fetch_values(
    client: &Client,
    thread_id: &str,
    refs: Vec<String>,
) -> Result<BTreeMap<String, TypedValue>> {
    let request = GetValuesRequest { thread_id: thread_id.to_owned(), refs };
    let mut parts = client.stream(&method::GET_VALUES, request).await?;
    let mut values = BTreeMap::new();
    let mut current: Option<(ValueEntry, Vec<u8>)> = None;
    while let Some(response) = parts.next().await? {
        match (response.part, &mut current) {
            (Some(Part::Entry(entry)), _) => {
                finish(&mut values, current.take())?;
                let reserved = entry.size_bytes.min(RESERVED_BYTES_MAX);
                current = Some((entry, Vec::with_capacity(reserved.try_into().unwrap_or_default())));
            }
            (Some(Part::Chunk(chunk)), Some((entry, data))) => {
                if data.len() as u64 + chunk.len() as u64 > entry.size_bytes {
                    return Err(damaged(&entry.r#ref));
                }
                data.extend_from_slice(&chunk);
            }
            _ => {}
        }
    }
    finish(&mut values, current)?;
    Ok(values)
}

fn finish(values: &mut BTreeMap<String, TypedValue>, current: Option<(ValueEntry, Vec<u8>)>) -> Result<()> {
    let Some((entry, data)) = current else { return Ok(()) };
    if data.len() as u64 != entry.size_bytes || crc32fast::hash(&data) != entry.crc32 {
        return Err(damaged(&entry.r#ref));
    }
    let r#type = entry.value.unwrap_or_default().r#type;
    values.insert(entry.r#ref, TypedValue { r#type, data });
    Ok(())
}

fn damaged(name: &str) -> Error {
    Error::new(Code::DataLoss, format!("value {name:?} did not arrive as it was sent")).with_reason("VALUE_CHECKSUM")
}
