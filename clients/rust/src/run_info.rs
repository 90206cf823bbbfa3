use std::time::SystemTime;

use crate::proto::{self, RunStatus};
use crate::state::Failure;
use crate::time::moment;

/// What the server knows of a run.
#[derive(Clone, Debug)]
pub struct RunInfo {
    /// Its id.
    pub run_id: String,
    /// The thread that it drives.
    pub thread_id: String,
    /// Its graph; empty while it waits for its turn.
    pub graph_name: String,
    /// The graph's content hash.
    pub graph_hash: String,
    /// How it stands: `Queued`, `Running`, or why it stopped.
    pub status: RunStatus,
    /// Why it failed.
    pub error: Option<Failure>,
    /// When it began.
    pub started_at: Option<SystemTime>,
    /// When it stopped.
    pub stopped_at: Option<SystemTime>,
    /// The head that it left.
    pub checkpoint_id: String,
    /// Names of workers' handlers that it waits for, as nobody serves them.
    pub waits_for: Vec<String>,
}

impl From<proto::RunInfo> for RunInfo {
    fn from(run: proto::RunInfo) -> RunInfo {
        RunInfo {
            status: run.status(),
            run_id: run.run_id,
            thread_id: run.thread_id,
            graph_name: run.graph_name,
            graph_hash: run.graph_hash,
            error: run.error.map(Failure::from),
            started_at: moment(run.started_at),
            stopped_at: moment(run.stopped_at),
            checkpoint_id: run.checkpoint_id,
            waits_for: run.waits_for,
        }
    }
}
