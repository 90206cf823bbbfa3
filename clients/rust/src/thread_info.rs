use std::time::{Duration, SystemTime};

use crate::proto::{self, ThreadStatus};
use crate::time::{length, moment};

/// What the server knows of a thread.
#[derive(Clone, Debug)]
pub struct ThreadInfo {
    /// Its id.
    pub id: String,
    /// What it is doing. `Interrupted`: a question waits for an answer, or a breakpoint was reached.
    pub status: ThreadStatus,
    /// The user's metadata, as JSON text; empty when it has none.
    pub metadata: Vec<u8>,
    /// When it was created.
    pub created_at: Option<SystemTime>,
    /// When it last changed.
    pub updated_at: Option<SystemTime>,
    /// Graph of its newest checkpoint; empty for a thread that no run has touched.
    pub graph_name: String,
    /// Its head; empty when there is none.
    pub head_checkpoint_id: String,
    /// The head's superstep.
    pub head_step: i64,
    /// The run that is going, or the last one.
    pub run_id: String,
    /// Number of its last event.
    pub last_event_number: u64,
    /// How long it lives after its last change; `None`: for ever.
    pub ttl: Option<Duration>,
}

impl From<proto::Thread> for ThreadInfo {
    fn from(thread: proto::Thread) -> ThreadInfo {
        ThreadInfo {
            status: thread.status(),
            id: thread.id,
            metadata: thread.metadata,
            created_at: moment(thread.created_at),
            updated_at: moment(thread.updated_at),
            graph_name: thread.graph_name,
            head_checkpoint_id: thread.head_checkpoint_id,
            head_step: thread.head_step,
            run_id: thread.run_id,
            last_event_number: thread.last_event_number,
            ttl: length(thread.ttl),
        }
    }
}
