use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _, stream};
use serde::Serialize;

use crate::client::{Client, Responses};
use crate::error::Result;
use crate::method;
use crate::pages::Pages;
use crate::proto::{
    self, ExportThreadResponse, ImportThreadRequest, ImportThreadResponse, MetadataFilter, ThreadStatus,
};
use crate::run_options::metadata_bytes;
use crate::thread_info::ThreadInfo;
use crate::time::duration;
use crate::values::{Encoding, encode_at};

/// The most that one message of an import may carry.
const CHUNK_BYTES_MAX: usize = 1024 * 1024;

/// Which threads to list.
#[derive(Clone, Debug, Default)]
pub struct ThreadFilter {
    /// Only threads that are doing this.
    pub status: Option<ThreadStatus>,
    /// Only threads whose metadata have all of these at their top level. At most 16.
    pub metadata: BTreeMap<String, serde_json::Value>,
}

/// What a new thread is like.
#[derive(Clone, Debug, Default)]
pub struct CreateThreadOptions {
    /// Default, when empty: the server makes one.
    pub id: String,
    /// A JSON object of at most 64 KiB.
    pub metadata: Option<serde_json::Value>,
    /// How long it lives after its last change: from a second to 100 years. Default: for ever.
    pub ttl: Option<Duration>,
    /// Makes a retry return the first answer for 24 hours. Default: a new UUID for each call.
    pub request_id: String,
}

/// The threads of a space.
#[derive(Clone)]
pub struct Threads {
    client: Client,
}

impl Threads {
    pub(crate) fn new(client: Client) -> Threads {
        Threads { client }
    }

    /// The threads, the one created last first. May trail them by a moment.
    ///
    /// # Errors
    /// `InvalidArgument` for metadata that can't be encoded; those of each page's call come from [`Pages::next`].
    pub fn list(&self, filter: ThreadFilter) -> Result<Pages<ThreadInfo>> {
        let equals = |(key, value): (String, serde_json::Value)| {
            let equals_json = encoded_json(&["metadata", &key], &value)?;
            Ok(MetadataFilter { key, equals_json })
        };
        let filters = filter.metadata.into_iter().map(equals).collect::<Result<Vec<_>>>()?;
        let status = filter.status.unwrap_or_default().into();
        let client = self.client.clone();
        Ok(Pages::new(move |page_token| {
            let client = client.clone();
            let request =
                proto::ListThreadsRequest { status, filters: filters.clone(), page_token, ..Default::default() };
            async move {
                let page = client.call(&method::LIST_THREADS, request).await?;
                Ok((page.threads.into_iter().map(ThreadInfo::from).collect(), page.next_page_token))
            }
        }))
    }

    /// Creates a thread. A run with a new thread id creates one as well.
    ///
    /// # Errors
    /// `AlreadyExists` (`THREAD_EXISTS`).
    pub async fn create(&self, options: CreateThreadOptions) -> Result<ThreadInfo> {
        let request = proto::CreateThreadRequest {
            thread_id: options.id,
            metadata: options.metadata.map(|metadata| metadata_bytes(&metadata)).transpose()?.unwrap_or_default(),
            ttl: options.ttl.map(duration),
            request_id: options.request_id,
        };
        Ok(self.client.call(&method::CREATE_THREAD, request).await?.thread.unwrap_or_default().into())
    }

    /// A thread with its whole history as a file, in chunks. One that has not come to its end is no file.
    ///
    /// # Errors
    /// `NotFound` (`THREAD_NOT_FOUND`); `Aborted` (`THREAD_BUSY`) when older checkpoints are removed meanwhile.
    pub async fn export(&self, thread_id: &str) -> Result<Responses<ExportThreadResponse>> {
        let request = proto::ExportThreadRequest { thread_id: thread_id.to_owned() };
        self.client.stream(&method::EXPORT_THREAD, request).await
    }

    /// Makes a thread of what [`Threads::export`] gave, here or on another server: whole, or not at all. Without an id it has
    /// the one that it had. Is not tried again by itself. Returns the thread and how many records it has.
    ///
    /// # Errors
    /// `AlreadyExists` (`THREAD_EXISTS`), `InvalidArgument` for a file that is damaged or truncated, `FailedPrecondition`
    /// (`LAYOUT_TOO_NEW`) for one that a newer Cairn wrote.
    pub async fn import<S>(&self, thread_id: Option<&str>, chunks: S) -> Result<(ThreadInfo, u64)>
    where
        S: Stream<Item = Vec<u8>> + Send + 'static,
    {
        let head = ImportThreadRequest { thread_id: thread_id.unwrap_or_default().to_owned(), data: Vec::new() };
        let pieces = chunks.flat_map(|chunk| stream::iter(pieces(&chunk)));
        let requests = stream::iter([head]).chain(pieces);
        let made: ImportThreadResponse =
            self.client.upload_once("/cairn.v1.ThreadService/ImportThread", requests).await?;
        Ok((made.thread.unwrap_or_default().into(), made.records))
    }
}

fn pieces(chunk: &[u8]) -> Vec<ImportThreadRequest> {
    let piece = |data: &[u8]| ImportThreadRequest { thread_id: String::new(), data: data.to_vec() };
    chunk.chunks(CHUNK_BYTES_MAX).map(piece).collect()
}

fn encoded_json<T: Serialize>(path: &[&str], value: &T) -> Result<Vec<u8>> {
    Ok(encode_at(path, value, Encoding::Json)?.data)
}
