use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::de::DeserializeOwned;

use crate::error::Result;
use crate::proto::{self, ErrorReason, RunStatus, TypedValue};
use crate::time::moment;
use crate::values::{decode_channel, decode_channels};

/// Why a run or a task failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The kind of failure, as the proto's `ErrorReason` names it: `NODE_FAILED`, `RECURSION_LIMIT`.
    pub reason: String,
    /// What happened, in words.
    pub message: String,
    /// The node at fault; empty where there is none.
    pub node: String,
    /// The channel at fault; empty where there is none.
    pub channel: String,
    /// The task at fault; empty where there is none.
    pub task_id: String,
    /// What the node's own code calls the error, as `TypeError`; empty for failures of others.
    pub kind: String,
    /// The stack as the node's language prints it; empty for failures of others.
    pub stack: String,
}

/// A question that waits for an answer.
#[derive(Clone, Debug)]
pub struct Interrupt {
    /// The id to answer by.
    pub id: String,
    /// The node that asks.
    pub node: String,
    /// Its task.
    pub task_id: String,
    /// The namespace of the graph that the node is of; empty for the outermost.
    pub namespace: String,
    /// What it asks.
    pub value: TypedValue,
}

/// A task of the next superstep.
#[derive(Clone, Debug)]
pub struct TaskState {
    /// Its id.
    pub id: String,
    /// Its node.
    pub node: String,
    /// Where it stands among its siblings.
    pub path: String,
    /// Its result is saved and will be used without running it again.
    pub finished: bool,
    /// How it failed.
    pub error: Option<Failure>,
    /// Ids of its open interrupts.
    pub interrupt_ids: Vec<String>,
}

/// The state of a thread at a checkpoint.
#[derive(Clone, Debug)]
pub struct State {
    /// The thread.
    pub thread_id: String,
    /// Empty for the root graph.
    pub namespace: String,
    /// The checkpoint.
    pub checkpoint_id: String,
    /// The checkpoint before it; empty at the root of the history.
    pub parent_id: String,
    /// The superstep: −1 for the input, then 0, 1, 2…
    pub step: i64,
    /// How the checkpoint came to be: `input`, `loop`, `update`, `fork`.
    pub source: String,
    /// Encoded values by channel; [`State::get`] and [`State::decode`] decode them.
    pub values: BTreeMap<String, TypedValue>,
    /// Nodes still to run; empty when the thread is done.
    pub next: Vec<String>,
    /// The tasks of the next superstep, finished ones included.
    pub tasks: Vec<TaskState>,
    /// The open questions.
    pub interrupts: Vec<Interrupt>,
    /// When the checkpoint was saved.
    pub created_at: Option<SystemTime>,
    /// The run that saved it; empty when none did.
    pub run_id: String,
    /// The graph's name.
    pub graph_name: String,
    /// The graph's content hash.
    pub graph_hash: String,
    /// The checkpoint's metadata, as JSON text; empty when it has none.
    pub metadata: Vec<u8>,
}

/// Where a thread stands after a run, a step or an answer.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The run.
    pub run_id: String,
    /// Why the run stopped. A failed run is `Failed`, one that asks is `Interrupted`: neither is an error.
    pub status: RunStatus,
    /// What went wrong, when it failed.
    pub error: Option<Failure>,
    /// The state at the thread's head, with the open questions.
    pub state: State,
    /// Number of the thread's last event.
    pub last_event_number: u64,
}

impl State {
    /// A channel's value. One without a value is null: an `Option` for those that may be missing.
    ///
    /// # Errors
    /// `InvalidArgument` (`VALUE_MALFORMED`) when it does not fit.
    pub fn get<T: DeserializeOwned>(&self, channel: &str) -> Result<T> {
        decode_channel(channel, self.values.get(channel))
    }

    /// All channels' values as one map: into a struct with a field a channel, or a
    /// [`Value`](crate::Value).
    ///
    /// # Errors
    /// `InvalidArgument` (`VALUE_MALFORMED`) with the path of what does not fit.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T> {
        decode_channels(&self.values)
    }
}

impl From<proto::RunError> for Failure {
    fn from(error: proto::RunError) -> Failure {
        let reason = ErrorReason::try_from(error.reason).map_or_else(
            |_| error.reason.to_string(),
            |reason| reason.as_str_name().trim_start_matches("ERROR_REASON_").to_owned(),
        );
        Failure {
            reason,
            message: error.message,
            node: error.node,
            channel: error.channel,
            task_id: error.task_id,
            kind: error.kind,
            stack: error.stack,
        }
    }
}

impl From<proto::StateSnapshot> for State {
    fn from(state: proto::StateSnapshot) -> State {
        State {
            thread_id: state.thread_id,
            namespace: state.namespace,
            checkpoint_id: state.checkpoint_id,
            parent_id: state.parent_id,
            step: state.step,
            source: state.source,
            values: state.values,
            next: state.next_nodes,
            tasks: state.tasks.into_iter().map(TaskState::from).collect(),
            interrupts: state.interrupts.into_iter().map(Interrupt::from).collect(),
            created_at: moment(state.created_at),
            run_id: state.run_id,
            graph_name: state.graph_name,
            graph_hash: state.graph_hash,
            metadata: state.metadata,
        }
    }
}

impl From<proto::TaskState> for TaskState {
    fn from(task: proto::TaskState) -> TaskState {
        TaskState {
            id: task.id,
            node: task.node,
            path: task.path,
            finished: task.finished,
            error: task.error.map(Failure::from),
            interrupt_ids: task.interrupt_ids,
        }
    }
}

impl From<proto::PendingInterrupt> for Interrupt {
    fn from(interrupt: proto::PendingInterrupt) -> Interrupt {
        Interrupt {
            id: interrupt.id,
            node: interrupt.node,
            task_id: interrupt.task_id,
            namespace: interrupt.namespace,
            value: interrupt.value.unwrap_or_else(|| TypedValue { r#type: "null".to_owned(), data: Vec::new() }),
        }
    }
}

impl From<proto::RunOutcome> for Outcome {
    fn from(outcome: proto::RunOutcome) -> Outcome {
        Outcome {
            status: outcome.status(),
            run_id: outcome.run_id,
            error: outcome.error.map(Failure::from),
            // Absence is legal on the wire: an empty state then.
            state: outcome.state.unwrap_or_default().into(),
            last_event_number: outcome.last_event_number,
        }
    }
}
