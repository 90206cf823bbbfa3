use std::collections::BTreeMap;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;

use super::node_error::NodeError;
use super::run_task::FromTask;
use crate::error::Error;
use crate::proto::node_input::View;
use crate::proto::task_progress::What;
use crate::proto::{NodeInput, NodeState, Task, TaskKind, TaskLease, TokenPiece, TypedValue};
use crate::time::moment;
use crate::values::{Encoding, Map, Value, decode_channel, decode_channels, encode_at, from_value};

/// The largest custom event, and piece of a message, in bytes.
const PROGRESS_BYTES_MAX: usize = 64 * 1024;

/// What a node is told, and may ask for. Cheap to clone.
#[derive(Clone)]
pub struct NodeContext {
    call: Arc<Call>,
}

struct Call {
    task: Task,
    lease: TaskLease,
    input: NodeInput,
    asked: AtomicU32,
    tell: mpsc::Sender<FromTask>,
    questions: mpsc::UnboundedSender<(u32, Vec<u8>)>,
}

impl NodeContext {
    pub(super) fn new(
        task: Task,
        input: NodeInput,
        tell: mpsc::Sender<FromTask>,
        questions: mpsc::UnboundedSender<(u32, Vec<u8>)>,
    ) -> NodeContext {
        let lease = task.lease.clone().unwrap_or_default();
        NodeContext { call: Arc::new(Call { task, lease, input, asked: AtomicU32::new(0), tell, questions }) }
    }

    /// The thread.
    #[must_use]
    pub fn thread_id(&self) -> &str {
        &self.call.lease.thread_id
    }

    /// The task.
    #[must_use]
    pub fn task_id(&self) -> &str {
        &self.call.lease.task_id
    }

    /// The run.
    #[must_use]
    pub fn run_id(&self) -> &str {
        &self.call.task.run_id
    }

    /// The node; of a decision, the one that the edge leaves from.
    #[must_use]
    pub fn node(&self) -> &str {
        &self.call.task.node
    }

    /// The namespace of the graph that the node is of; empty: the outermost.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.call.task.namespace
    }

    /// Which attempt it is, from 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.call.task.attempt
    }

    /// Nobody waits for a result after this moment; the node is then dropped where it awaits.
    #[must_use]
    pub fn deadline(&self) -> Option<SystemTime> {
        moment(self.call.task.deadline)
    }

    /// The graph's parameters for the code, a map; their numbers are floats, as in every `google.protobuf.Struct`.
    ///
    /// # Errors
    /// `InvalidArgument` (`VALUE_MALFORMED`) with the path of what does not fit.
    pub fn params<T: DeserializeOwned>(&self) -> Result<T, Error> {
        from_value(Value::Map(self.call.task.params.clone().map(params_of).unwrap_or_default()))
    }

    /// The whole state: into a struct with a field a channel, or a [`Value`]. Channels without a value are left out.
    ///
    /// # Errors
    /// `InvalidArgument` (`VALUE_MALFORMED`) with the path of what does not fit; when the node was run by a Send, which sees
    /// its argument only.
    pub fn state<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let channels = self.channels()?.iter().map(|(channel, data)| (channel.clone(), msgpack(data)));
        decode_channels(&channels.collect())
    }

    /// A channel's value. One without a value is null: an `Option` for those that may be missing.
    ///
    /// # Errors
    /// As [`NodeContext::state`].
    pub fn get<T: DeserializeOwned>(&self, channel: &str) -> Result<T, Error> {
        let value = self.channels()?.get(channel).map(|data| msgpack(data));
        decode_channel(channel, value.as_ref())
    }

    /// The argument of the Send that the node was run by.
    ///
    /// # Errors
    /// `InvalidArgument` (`VALUE_MALFORMED`) when it does not fit, or the node was run by an edge and sees the state.
    pub fn argument<T: DeserializeOwned>(&self) -> Result<T, Error> {
        match &self.call.input.view {
            Some(View::Argument(data)) => msgpack(data).decode(),
            _ => Err(Error::malformed(String::new(), "the node was not run by a Send: it sees the state")),
        }
    }

    /// Stops for an answer. The first time, the node is dropped here and the run stops; when the answer is there the node
    /// runs again from its beginning, and this returns it. Several calls are told apart by their order.
    ///
    /// # Errors
    /// For a question that can't be encoded, an answer that does not fit, and in a decision, which can't ask.
    pub async fn interrupt<A: DeserializeOwned>(&self, question: &(impl Serialize + ?Sized)) -> Result<A, NodeError> {
        if self.call.task.kind() == TaskKind::Decision {
            return Err(
                NodeError::new("InvalidInterrupt", "a conditional edge can't stop for an answer").not_retryable()
            );
        }
        let index = self.call.asked.fetch_add(1, Ordering::Relaxed);
        if let Some(answer) = self.call.input.answers.get(index as usize) {
            return Ok(msgpack(answer).decode()?);
        }
        let question = encode_at(&["interrupt"], question, Encoding::Msgpack);
        let question = question.map_err(|error| NodeError::unserializable(error.message()))?;
        // Whoever runs the node hears this, drops it, and ends the wait below with it.
        let _ = self.call.questions.send((index, question.data));
        pending().await
    }

    /// Tells readers of the thread's events something, at once and without keeping it.
    ///
    /// # Errors
    /// For what can't be encoded, or has more than 64 KiB.
    pub async fn emit<T: Serialize + ?Sized>(&self, value: &T) -> Result<(), Error> {
        let value = encode_at(&["emit"], value, Encoding::Msgpack)?;
        check_length(value.data.len())?;
        self.tell(Some(What::Custom(value.data))).await;
        Ok(())
    }

    /// Tells them a piece of a message that is on its way.
    ///
    /// # Errors
    /// For more than 64 KiB.
    pub async fn token(&self, message_id: &str, text: &str) -> Result<(), Error> {
        check_length(text.len())?;
        let piece = TokenPiece { message_id: message_id.to_owned(), text: text.to_owned() };
        self.tell(Some(What::Token(piece))).await;
        Ok(())
    }

    /// A sign of life for the idle timeout, as what the node tells is too.
    pub async fn alive(&self) {
        self.tell(None).await;
    }

    pub(super) fn asked(&self) -> u32 {
        self.call.asked.load(Ordering::Relaxed)
    }

    async fn tell(&self, what: Option<What>) {
        // Nobody hears it when the worker has gone.
        let _ = self.call.tell.send(FromTask::Progress(self.call.lease.clone(), what)).await;
    }

    fn channels(&self) -> Result<&BTreeMap<String, Vec<u8>>, Error> {
        match &self.call.input.view {
            Some(View::State(NodeState { channels })) => Ok(channels),
            _ => Err(Error::malformed(String::new(), "the node was run by a Send: it sees its argument")),
        }
    }
}

fn msgpack(data: &[u8]) -> TypedValue {
    TypedValue { r#type: "msgpack".to_owned(), data: data.to_vec() }
}

fn check_length(bytes: usize) -> Result<(), Error> {
    if bytes <= PROGRESS_BYTES_MAX {
        return Ok(());
    }
    let description = format!("what a node tells has at most {PROGRESS_BYTES_MAX} bytes, not {bytes}");
    Err(Error::invalid("", &description).with_reason("VALUE_TOO_LARGE"))
}

fn params_of(params: prost_types::Struct) -> Map {
    params.fields.into_iter().map(|(name, value)| (name.into(), param_of(value))).collect()
}

fn param_of(value: prost_types::Value) -> Value {
    use prost_types::value::Kind;
    match value.kind {
        None | Some(Kind::NullValue(_)) => Value::Null,
        Some(Kind::BoolValue(value)) => value.into(),
        Some(Kind::NumberValue(value)) => value.into(),
        Some(Kind::StringValue(text)) => text.into(),
        Some(Kind::ListValue(list)) => Value::List(list.values.into_iter().map(param_of).collect()),
        Some(Kind::StructValue(map)) => Value::Map(params_of(map)),
    }
}
