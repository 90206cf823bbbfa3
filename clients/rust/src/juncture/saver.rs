use async_trait::async_trait;
use juncture_core::RunnableConfig;
use juncture_core::checkpoint::{
    Checkpoint, CheckpointError, CheckpointFilter, CheckpointMetadata, CheckpointNamespace, CheckpointSaver,
    CheckpointTuple, PendingWrite,
};

use super::from_proto::to_tuple;
use super::to_proto::{Place, to_proto, to_writes};
use crate::checkpoints::{CheckpointStore, PutOptions, ReadCheckpoint};
use crate::client::Client;
use crate::error::{Error, Result};
use crate::proto::{CheckpointWrites, ListCheckpointsRequest, OnConflict};

/// How many checkpoints a page of a list has, which comes with all their values.
const PAGE_SIZE: i32 = 20;

/// juncture's checkpoints on a Cairn server: whole, and each step stored as what it changed.
///
/// ```ignore
/// let saver = CairnSaver::new(&Client::connect("127.0.0.1:50051")?);
/// let graph = graph.compile_with_checkpointer(Some(Arc::new(saver)))?;
/// ```
///
/// The config's `thread_id` is the thread; its `checkpoint_ns`, or none, the namespace; its `checkpoint_id`, in a put, the
/// checkpoint that the new one follows. An id that is put again replaces its checkpoint, keeps its parent and is the latest.
/// Writes may come before the first checkpoint. Lists are newest first and without a limit unless the filter has one; its
/// `before` ends that list and `after` begins it, at a checkpoint that is left out, as juncture's own savers have it; one that
/// the list does not come to is ignored.
#[derive(Clone)]
pub struct CairnSaver {
    store: CheckpointStore,
}

impl CairnSaver {
    /// A saver in the client's space.
    #[must_use]
    pub fn new(client: &Client) -> CairnSaver {
        CairnSaver { store: client.checkpoint_store() }
    }

    async fn find(&self, config: &RunnableConfig, id: Option<&str>) -> Result<Option<ReadCheckpoint>, CheckpointError> {
        match self.store.get(thread_of(config)?, &namespace_of(config), id).await {
            Ok(read) => Ok(Some(read)),
            Err(error) if error.code() == tonic::Code::NotFound => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }
}

#[async_trait]
impl CheckpointSaver for CairnSaver {
    async fn get_tuple(&self, config: &RunnableConfig) -> Result<Option<CheckpointTuple>, CheckpointError> {
        let found = self.find(config, config.checkpoint_id.as_deref()).await?;
        found.map(|read| to_tuple(config, read)).transpose()
    }

    async fn list(
        &self,
        config: &RunnableConfig,
        filter: Option<CheckpointFilter>,
    ) -> Result<Vec<CheckpointTuple>, CheckpointError> {
        let filter = filter.unwrap_or_default();
        let query = ListCheckpointsRequest {
            namespace: Some(namespace_of(config)),
            page_size: filter.limit.and_then(|limit| i32::try_from(limit).ok()).unwrap_or(PAGE_SIZE).min(PAGE_SIZE),
            ..ListCheckpointsRequest::default()
        };
        let mut pages = self.store.list(thread_of(config)?, query);
        let limit = filter.limit.unwrap_or(usize::MAX);
        let mut after = filter.after.as_deref();
        let mut all = Vec::new();
        while all.len() < limit || after.is_some() {
            let Some(read) = pages.next().await.map_err(failed)? else { break };
            let tuple = to_tuple(config, read)?;
            let id = Some(tuple.checkpoint.id.as_str());
            if !matches(&filter, &tuple.metadata) {
                continue;
            }
            if id == filter.before.as_deref() {
                break;
            }
            if id == after {
                after = None;
                all.clear();
            } else {
                all.push(tuple);
            }
        }
        all.truncate(limit);
        Ok(all)
    }

    async fn put(
        &self,
        config: &RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
    ) -> Result<RunnableConfig, CheckpointError> {
        let id = checkpoint.id.clone();
        let mut parent_id = config.checkpoint_id.clone().filter(|parent| *parent != id);
        if parent_id.is_none() {
            // It may be an update in place, which says nothing of where the checkpoint stands.
            let before = self.find(config, Some(&id)).await?;
            parent_id = before.and_then(|read| read.checkpoint.parent_id);
        }
        let place = Place { thread_id: thread_of(config)?.to_owned(), namespace: namespace_of(config), parent_id };
        let options = PutOptions { on_conflict: Some(OnConflict::ReplaceAndTouch), ..PutOptions::default() };
        self.store.put(to_proto(place, checkpoint, &metadata)?, options).await.map_err(failed)?;
        Ok(RunnableConfig { checkpoint_id: Some(id), ..config.clone() })
    }

    async fn put_writes(
        &self,
        config: &RunnableConfig,
        writes: Vec<PendingWrite>,
        task_id: &str,
    ) -> Result<(), CheckpointError> {
        if writes.is_empty() {
            return Ok(());
        }
        let writes = CheckpointWrites {
            namespace: namespace_of(config),
            // Of the first superstep, before there is a checkpoint.
            checkpoint_id: config.checkpoint_id.clone().unwrap_or_default(),
            writes: to_writes(task_id, writes)?,
        };
        self.store.put_writes(thread_of(config)?, writes).await.map_err(failed)
    }
}

fn matches(filter: &CheckpointFilter, metadata: &CheckpointMetadata) -> bool {
    filter.source.as_ref().is_none_or(|source| *source == metadata.source)
        && filter.step_gte.is_none_or(|least| metadata.step >= least)
        && filter.step_lte.is_none_or(|most| metadata.step <= most)
}

fn thread_of(config: &RunnableConfig) -> Result<&str, CheckpointError> {
    let thread_id = config.thread_id.as_deref().filter(|id| !id.is_empty());
    thread_id.ok_or_else(|| CheckpointError::Other("config.thread_id: a checkpoint belongs to a thread".to_owned()))
}

fn namespace_of(config: &RunnableConfig) -> String {
    config.checkpoint_ns.as_ref().map(CheckpointNamespace::as_str).unwrap_or_default()
}

fn failed(error: Error) -> CheckpointError {
    CheckpointError::Storage(Box::new(error))
}
