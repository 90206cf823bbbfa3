use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::fetch::fetch_values;
use super::held::HeldValues;
use super::put_values::PutValues;
use crate::client::Client;
use crate::error::{Error, Result};
use crate::method;
use crate::pages::Pages;
use crate::proto::value::Source;
use crate::proto::{
    Checkpoint, CheckpointEntry, CheckpointWrites, ExpectedHead, GetCheckpointRequest, ListCheckpointsRequest,
    OnConflict, PendingWrite, PutCheckpointRequest, PutCheckpointResponse, PutWritesRequest, TypedValue, ValueEntry,
};

/// How a checkpoint is put.
#[derive(Clone, Debug, Default)]
pub struct PutOptions {
    /// Writes of tasks that are saved with it, before it.
    pub writes: Vec<CheckpointWrites>,
    /// What to do when a checkpoint of this id exists. Default: `Replace`.
    pub on_conflict: Option<OnConflict>,
    /// Refuse the put (`Aborted`, `HEAD_MISMATCH`) unless this is the head.
    pub expected_head: Option<ExpectedHead>,
    /// Makes a retry return the first answer for 24 hours. Default: a new UUID for each call.
    pub request_id: String,
}

/// A checkpoint as it was read, with the values that it and its writes refer to.
#[derive(Clone, Debug)]
pub struct ReadCheckpoint {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// Its pending writes, sorted by (`task_path`, `task_id`, `idx`).
    pub writes: Vec<PendingWrite>,
    /// By reference: what each `Value` of the two names.
    pub values: BTreeMap<String, TypedValue>,
}

impl ReadCheckpoint {
    /// A channel's value; `None` when it has none.
    #[must_use]
    pub fn channel(&self, name: &str) -> Option<&TypedValue> {
        match self.checkpoint.channel_values.get(name)?.source.as_ref()? {
            Source::Ref(name) => self.values.get(name),
            Source::Inline(value) => Some(value),
            Source::Splice(_) => None,
        }
    }
}

/// Puts and reads checkpoints, for framework adapters. What server and client both hold is not sent again: a put sends what
/// changed in each channel's value since this client last put or read it, a read asks for what it does not hold. Values of
/// any size up to the server's limit pass, in chunks where they are large. What is held is bounded and checked by checksum.
#[derive(Clone)]
pub struct CheckpointStore {
    client: Client,
    held: Arc<Mutex<HeldValues>>,
}

impl CheckpointStore {
    pub(crate) fn new(client: Client, held_bytes_max: usize) -> CheckpointStore {
        CheckpointStore { client, held: Arc::new(Mutex::new(HeldValues::new(held_bytes_max))) }
    }

    /// Saves a checkpoint, whose values are inline or references.
    ///
    /// # Errors
    /// What `PutCheckpoint` answers; a base that the server does not have any more is no error: the values are then sent
    /// whole.
    pub async fn put(&self, checkpoint: Checkpoint, options: PutOptions) -> Result<PutCheckpointResponse> {
        let response = match self.put_once(&checkpoint, &options).await {
            Err(error) if self.is_base_missing(&error, &checkpoint.thread_id) => {
                self.put_once(&checkpoint, &options).await?
            }
            answered => answered?,
        };
        let mut held = locked(&self.held);
        for (channel, value) in &checkpoint.channel_values {
            if let (Some(Source::Inline(value)), Some(name)) = (&value.source, response.value_refs.get(channel)) {
                held.set_channel(&checkpoint.thread_id, &checkpoint.namespace, channel, name, value);
            }
        }
        Ok(response)
    }

    async fn put_once(&self, checkpoint: &Checkpoint, options: &PutOptions) -> Result<PutCheckpointResponse> {
        let values = self.values_for(&checkpoint.thread_id);
        let mut sent = checkpoint.clone();
        sent.channel_values = values.channels(&checkpoint.namespace, &checkpoint.channel_values).await?;
        let mut writes = Vec::with_capacity(options.writes.len());
        for group in &options.writes {
            writes.push(values.writes(group).await?);
        }
        let request = PutCheckpointRequest {
            checkpoint: Some(sent),
            writes,
            on_conflict: options.on_conflict.unwrap_or_default().into(),
            expected_head: options.expected_head.clone(),
            request_id: options.request_id.clone(),
        };
        self.client.call(&method::PUT_CHECKPOINT, request).await
    }

    /// Saves writes of a task against a checkpoint.
    ///
    /// # Errors
    /// What `PutWrites` answers.
    pub async fn put_writes(&self, thread_id: &str, writes: CheckpointWrites) -> Result<()> {
        match self.put_writes_once(thread_id, &writes).await {
            Err(error) if self.is_base_missing(&error, thread_id) => self.put_writes_once(thread_id, &writes).await,
            answered => answered,
        }
    }

    async fn put_writes_once(&self, thread_id: &str, writes: &CheckpointWrites) -> Result<()> {
        let writes = Some(self.values_for(thread_id).writes(writes).await?);
        let request = PutWritesRequest { thread_id: thread_id.to_owned(), writes, ..Default::default() };
        self.client.call(&method::PUT_WRITES, request).await.map(drop)
    }

    /// Reads a checkpoint of a namespace (empty: the root graph's) with all its values; without an id the latest.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get(&self, thread_id: &str, namespace: &str, checkpoint_id: Option<&str>) -> Result<ReadCheckpoint> {
        let request = GetCheckpointRequest {
            thread_id: thread_id.to_owned(),
            namespace: namespace.to_owned(),
            checkpoint_id: checkpoint_id.map(ToOwned::to_owned),
            held_refs: locked(&self.held).refs(thread_id),
            ..Default::default()
        };
        let response = self.client.call(&method::GET_CHECKPOINT, request).await?;
        let values = self.resolve(thread_id, response.values).await?;
        let read = to_read(response.entry, values);
        self.remember(&read);
        Ok(read)
    }

    /// Lists checkpoints of a thread, newest first, with all their values. Of the request, the pages' own fields and
    /// `held_refs` are filled in.
    #[must_use]
    pub fn list(&self, thread_id: &str, query: ListCheckpointsRequest) -> Pages<ReadCheckpoint> {
        let (store, thread_id) = (self.clone(), thread_id.to_owned());
        Pages::new(move |page_token| {
            let (store, thread_id) = (store.clone(), thread_id.clone());
            let mut request = query.clone();
            async move {
                request.thread_id = Some(thread_id.clone());
                request.page_token = page_token;
                request.held_refs = locked(&store.held).refs(&thread_id);
                let mut page = store.client.call(&method::LIST_CHECKPOINTS, request).await?;
                let table = page.tables.remove(&thread_id).unwrap_or_default();
                let values = store.resolve(&thread_id, table.values).await?;
                let read = page.entries.into_iter().map(|entry| to_read(Some(entry), values.clone()));
                Ok((read.collect(), page.next_page_token))
            }
        })
    }

    fn values_for<'a>(&'a self, thread_id: &'a str) -> PutValues<'a> {
        PutValues { client: &self.client, thread_id, held: &self.held }
    }

    /// Whether the server did not hold what was thought; it is then forgotten here.
    fn is_base_missing(&self, error: &Error, thread_id: &str) -> bool {
        let missing = ["VALUE_NOT_FOUND", "VALUE_CHECKSUM"].contains(&error.reason());
        if missing {
            locked(&self.held).forget(thread_id);
        }
        missing
    }

    /// The values of a table: those that came, those that are held, and those that were too much for one message.
    async fn resolve(&self, thread_id: &str, entries: Vec<ValueEntry>) -> Result<BTreeMap<String, TypedValue>> {
        let mut values = BTreeMap::new();
        let mut missing = Vec::new();
        for entry in entries {
            match locked(&self.held).resolve(thread_id, &entry) {
                Some(value) => drop(values.insert(entry.r#ref, value)),
                None => missing.push(entry.r#ref),
            }
        }
        if !missing.is_empty() {
            values.extend(fetch_values(&self.client, thread_id, missing).await?);
        }
        Ok(values)
    }

    /// The next put is likely to change what has just been read.
    fn remember(&self, read: &ReadCheckpoint) {
        let Checkpoint { thread_id, namespace, channel_values, .. } = &read.checkpoint;
        let mut held = locked(&self.held);
        for (channel, value) in channel_values {
            if let Some(Source::Ref(name)) = &value.source
                && let Some(value) = read.values.get(name)
            {
                held.set_channel(thread_id, namespace, channel, name, value);
            }
        }
    }
}

/// What is held stays true whatever panics while it is looked at.
pub(super) fn locked(held: &Mutex<HeldValues>) -> MutexGuard<'_, HeldValues> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

fn to_read(entry: Option<CheckpointEntry>, values: BTreeMap<String, TypedValue>) -> ReadCheckpoint {
    let CheckpointEntry { checkpoint, writes } = entry.unwrap_or_default();
    ReadCheckpoint { checkpoint: checkpoint.unwrap_or_default(), writes, values }
}
