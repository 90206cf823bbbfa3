use serde::Serialize;

use crate::error::Result;
use crate::proto::{self, Durability, Input, OnBusy};
use crate::values::{Encoding, channels_of, encode_at};

/// How to run a graph. Everything may be left as it is by default.
#[derive(Clone, Debug, Default)]
pub struct RunOptions {
    /// The graph's name. Default, when empty: the one the thread last ran.
    pub graph: String,
    /// The graph's content hash. Default: the name's latest.
    pub graph_hash: String,
    /// Start from this checkpoint in place of the head: a fork.
    pub checkpoint_id: String,
    /// The subgraph that `checkpoint_id` is of. Default: the outermost graph.
    pub namespace: String,
    /// Supersteps allowed in this call, at most 10,007. Default, when 0: 25.
    pub recursion_limit: u32,
    /// Nodes to stop before, in place of the graph's own; `*` means all.
    pub interrupt_before: Vec<String>,
    /// Nodes to stop after, in place of the graph's own; `*` means all.
    pub interrupt_after: Vec<String>,
    /// Kept as metadata of the run's checkpoints, as JSON, at most 64 KiB; [`RunOptions::metadata`] sets it.
    pub metadata_json: Vec<u8>,
    /// When progress becomes durable. Default: `Sync`, each superstep before the next begins.
    pub durability: Option<Durability>,
    /// What to do when a run holds the thread. Default: `Reject`, which is `Aborted` (`THREAD_BUSY`). Only of `run`.
    pub on_busy: Option<OnBusy>,
    /// Answer at once, with the status `Running` or `Queued`; the run goes on, also when its server goes away. Not of `step`.
    pub background: bool,
    /// Makes a retry return the first answer for 24 hours. Default, when empty: a new UUID for each call.
    pub request_id: String,
}

impl RunOptions {
    /// To run the latest graph of this name.
    pub fn graph(name: impl Into<String>) -> RunOptions {
        RunOptions { graph: name.into(), ..RunOptions::default() }
    }

    /// With these metadata: a map that JSON can hold.
    ///
    /// # Errors
    /// `InvalidArgument` (`VALUE_MALFORMED`) with the path of what JSON can't hold.
    pub fn metadata<T: Serialize + ?Sized>(self, metadata: &T) -> Result<RunOptions> {
        Ok(RunOptions { metadata_json: metadata_bytes(metadata)?, ..self })
    }

    /// As they go over the wire, without what is beside them there.
    pub(crate) fn into_wire(self) -> proto::RunOptions {
        proto::RunOptions {
            graph_name: self.graph,
            graph_hash: self.graph_hash,
            checkpoint_id: self.checkpoint_id,
            recursion_limit: self.recursion_limit,
            interrupt_before: self.interrupt_before,
            interrupt_after: self.interrupt_after,
            metadata: self.metadata_json,
            durability: self.durability.unwrap_or_default().into(),
            namespace: self.namespace,
        }
    }
}

/// An input: what serializes as null is none ("go on"), an empty map is an input all the same.
pub(crate) fn to_input<T: Serialize + ?Sized>(values: &T, encoding: Encoding) -> Result<Option<Input>> {
    Ok(channels_of(values, encoding)?.map(|values| Input { values }))
}

/// Metadata as JSON text.
pub(crate) fn metadata_bytes<T: Serialize + ?Sized>(metadata: &T) -> Result<Vec<u8>> {
    Ok(encode_at(&["metadata"], metadata, Encoding::Json)?.data)
}
