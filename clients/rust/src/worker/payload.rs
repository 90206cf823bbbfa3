//! Values too large for one message of a worker's stream.
use crate::proto::work_request::Message;
use crate::proto::{Payload, PayloadChunk, Task};

/// A message with the first piece of a payload, and the rest behind it.
pub(super) fn in_chunks(bytes: &[u8], chunk_bytes: usize, first: impl FnOnce(Payload) -> Message) -> Vec<Message> {
    let mut pieces = bytes.chunks(chunk_bytes.max(1)).map(<[u8]>::to_vec);
    let data = pieces.next().unwrap_or_default();
    let payload = Payload { data, size_bytes: bytes.len() as u64 };
    let rest = pieces.map(|data| Message::Chunk(PayloadChunk { data }));
    std::iter::once(first(payload)).chain(rest).collect()
}

/// A task whose input is still coming.
pub(super) struct Coming {
    task: Task,
    input: Vec<u8>,
    size_bytes: u64,
}

impl Coming {
    pub(super) fn new(mut task: Task) -> Coming {
        let Payload { data, size_bytes } = task.input.take().unwrap_or_default();
        Coming { task, input: data, size_bytes }
    }

    pub(super) fn add(&mut self, chunk: &[u8]) {
        self.input.extend_from_slice(chunk);
    }

    pub(super) fn is_whole(&self) -> bool {
        self.input.len() as u64 >= self.size_bytes
    }

    pub(super) fn finish(self) -> (Task, Vec<u8>) {
        (self.task, self.input)
    }
}
