use super::payload::in_chunks;
use crate::proto::work_request::Message;
use crate::proto::{Payload, TaskComplete, TaskFail, TaskInterrupt, TaskLease};

/// The longest message of an error, and the longest stack, in bytes.
const TEXT_BYTES_MAX: usize = 16 * 1024;
const KIND_BYTES_MAX: usize = 256;

/// How a task ended, encoded and ready to be told, and told again until it is settled.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum TaskResult {
    /// An encoded `NodeResult`.
    Complete(Vec<u8>),
    /// The question, as MessagePack.
    Interrupt(u32, Vec<u8>),
    /// As it goes over the wire, without its lease.
    Fail(TaskFail),
}

impl TaskResult {
    pub(super) fn fail(kind: &str, message: &str, stack: &str, not_retryable: bool) -> TaskResult {
        TaskResult::Fail(TaskFail {
            lease: None,
            kind: cut(kind, KIND_BYTES_MAX),
            message: cut(message, TEXT_BYTES_MAX),
            stack: cut(stack, TEXT_BYTES_MAX),
            not_retryable,
        })
    }

    /// Another result in its place, when it is more than the server takes.
    pub(super) fn bounded(self, bytes_max: u64) -> TaskResult {
        let (TaskResult::Complete(bytes) | TaskResult::Interrupt(_, bytes)) = &self else { return self };
        if bytes.len() as u64 <= bytes_max {
            return self;
        }
        let message = format!("the result has {} bytes; the server takes {bytes_max}", bytes.len());
        TaskResult::fail("ValueTooLarge", &message, "", true)
    }

    /// The messages that tell it.
    pub(super) fn messages(&self, lease: &TaskLease, chunk_bytes: usize) -> Vec<Message> {
        let lease = Some(lease.clone());
        match self {
            TaskResult::Fail(fail) => vec![Message::Fail(TaskFail { lease, ..fail.clone() })],
            TaskResult::Complete(bytes) => in_chunks(bytes, chunk_bytes, |result: Payload| {
                Message::Complete(TaskComplete { lease, result: Some(result) })
            }),
            TaskResult::Interrupt(index, bytes) => in_chunks(bytes, chunk_bytes, |question: Payload| {
                Message::Interrupt(TaskInterrupt { lease, index: *index, question: Some(question) })
            }),
        }
    }
}

/// The beginning of a text, to the last whole character.
fn cut(text: &str, bytes_max: usize) -> String {
    text[..text.floor_char_boundary(bytes_max)].to_owned()
}
