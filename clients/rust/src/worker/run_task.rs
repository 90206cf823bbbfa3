use prost::Message as _;
use tokio::sync::{mpsc, oneshot};

use super::handler::Handler;
use super::ledger::Key;
use super::node_context::NodeContext;
use super::node_error::NodeError;
use super::panic::catching;
use super::task_result::TaskResult;
use crate::proto::task_progress::What;
use crate::proto::{NodeInput, NodeResult, Task, TaskKind, TaskLease};

/// What tasks tell the session that they belong to.
pub(super) enum FromTask {
    /// Something while it runs.
    Progress(TaskLease, Option<What>),
    /// Its code has ended; without a result, because nobody wanted it any more.
    Ended(Key, Option<TaskResult>),
}

/// Runs one task to its end, or until it is cancelled.
pub(super) async fn run_task(
    key: Key,
    task: Task,
    input: Vec<u8>,
    handler: Option<Handler>,
    cancelled: oneshot::Receiver<()>,
    tell: mpsc::Sender<FromTask>,
) {
    let result = tokio::select! {
        biased;
        _ = cancelled => None,
        result = result_of(task, &input, handler, tell.clone()) => Some(result),
    };
    // Nobody hears it when the worker has gone.
    let _ = tell.send(FromTask::Ended(key, result)).await;
}

async fn result_of(task: Task, input: &[u8], handler: Option<Handler>, tell: mpsc::Sender<FromTask>) -> TaskResult {
    let Some(handler) = handler.filter(|handler| handler.kind == task.kind()) else {
        let what = if task.kind() == TaskKind::Decision { "decision" } else { "node" };
        return TaskResult::fail("NoHandler", &format!("this worker has no {what} {:?}", task.handler), "", true);
    };
    let input = match NodeInput::decode(input) {
        Ok(input) => input,
        Err(error) => return TaskResult::fail("DecodeError", &error.to_string(), "", true),
    };
    let (asks, mut questions) = mpsc::unbounded_channel();
    let context = NodeContext::new(task, input, tell, asks);
    tokio::select! {
        biased;
        Some((index, question)) = questions.recv() => TaskResult::Interrupt(index, question),
        returned = catching(&handler, context.clone()) => ended(returned, context.asked()),
    }
}

fn ended(returned: Result<NodeResult, NodeError>, asked: u32) -> TaskResult {
    match returned {
        Ok(result) => TaskResult::Complete(NodeResult { asked, ..result }.encode_to_vec()),
        Err(NodeError { kind, message, stack, not_retryable }) => {
            TaskResult::fail(&kind, &message, &stack, not_retryable)
        }
    }
}
