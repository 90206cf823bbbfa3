use std::collections::BTreeMap;
use std::sync::Mutex;

use futures_util::stream;

use super::held::{HELD_BYTES_MIN, HeldValues};
use super::splice::splice_of;
use crate::client::Client;
use crate::error::Result;
use crate::proto::put_values_request::Part;
use crate::proto::value::Source;
use crate::proto::{CheckpointWrites, PutValuesRequest, PutValuesResponse, TypedValue, UploadHeader, Value};

/// Larger values are uploaded in chunks, ahead of the put that names them; and what a chunk carries.
const CHUNK_BYTES: usize = 1024 * 1024;

/// Makes the values of one put as short as they can be sent.
pub(super) struct PutValues<'a> {
    pub(super) client: &'a Client,
    pub(super) thread_id: &'a str,
    pub(super) held: &'a Mutex<HeldValues>,
}

impl PutValues<'_> {
    pub(super) async fn channels(
        &self,
        namespace: &str,
        values: &BTreeMap<String, Value>,
    ) -> Result<BTreeMap<String, Value>> {
        let mut sent = BTreeMap::new();
        for (channel, value) in values {
            sent.insert(channel.clone(), self.shortened(namespace, channel, value).await?);
        }
        Ok(sent)
    }

    pub(super) async fn writes(&self, group: &CheckpointWrites) -> Result<CheckpointWrites> {
        let mut sent = group.clone();
        for write in &mut sent.writes {
            if let Some(value) = &write.value {
                write.value = Some(self.shortened(&group.namespace, &write.channel, value).await?);
            }
        }
        Ok(sent)
    }

    async fn shortened(&self, namespace: &str, channel: &str, value: &Value) -> Result<Value> {
        let Some(Source::Inline(typed)) = &value.source else { return Ok(value.clone()) };
        if typed.data.len() < HELD_BYTES_MIN {
            return Ok(value.clone());
        }
        let held = super::store::locked(self.held).of_channel(self.thread_id, namespace, channel);
        if let Some(held) = held.filter(|held| held.value.r#type == typed.r#type) {
            if held.value.data == typed.data {
                return Ok(Value { source: Some(Source::Ref(held.name)) });
            }
            if let Some(splice) = splice_of(&held.name, &held.value.data, &typed.data) {
                return Ok(Value { source: Some(Source::Splice(splice)) });
            }
        }
        if typed.data.len() < CHUNK_BYTES {
            return Ok(value.clone());
        }
        Ok(Value { source: Some(Source::Ref(self.upload(typed).await?)) })
    }

    /// Uploads a value in chunks; the reference can be named once, in a put to the same thread, within an hour.
    async fn upload(&self, value: &TypedValue) -> Result<String> {
        let header = UploadHeader {
            thread_id: self.thread_id.to_owned(),
            r#type: value.r#type.clone(),
            size_bytes: value.data.len() as u64,
            crc32: crc32fast::hash(&value.data),
        };
        let chunks = value.data.chunks(CHUNK_BYTES).map(|chunk| Part::Chunk(chunk.to_vec()));
        let parts = std::iter::once(Part::Header(header)).chain(chunks);
        let requests = parts.map(|part| PutValuesRequest { part: Some(part) }).collect::<Vec<_>>();
        let path = "/cairn.v1.CheckpointService/PutValues";
        let stored: PutValuesResponse = self.client.upload(path, || stream::iter(requests.clone())).await?;
        Ok(stored.refs.into_iter().next().unwrap_or_default())
    }
}
