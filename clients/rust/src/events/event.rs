use std::time::SystemTime;

use crate::error::{Error, Result};
use crate::proto::event::Body;
use crate::proto::{self, EphemeralPosition, Value, value};
use crate::time::moment;
use serde::de::DeserializeOwned;

/// Something that happened in a thread.
#[derive(Clone, Debug)]
pub struct Event {
    /// Increases along the thread, with gaps. Of an ephemeral event, that of the durable event before it.
    pub number: u64,
    /// Set on events that may be lost: tokens, progress. Their place after the durable event before them.
    pub ephemeral: Option<EphemeralPosition>,
    /// Empty for the root graph.
    pub namespace: String,
    /// Empty for changes made without a run.
    pub run_id: String,
    /// When it happened.
    pub at: Option<SystemTime>,
    /// What happened, with its values at hand: [`Value::decode`](crate::proto::Value::decode). `None`: something that only a
    /// newer client knows.
    pub body: Option<Body>,
}

impl From<proto::Event> for Event {
    fn from(event: proto::Event) -> Event {
        Event {
            number: event.number,
            ephemeral: event.ephemeral,
            namespace: event.namespace,
            run_id: event.run_id,
            at: moment(event.at),
            body: event.body,
        }
    }
}

/// Every value that an event refers to.
pub(super) fn values_of(body: &mut Body) -> Vec<&mut Value> {
    match body {
        Body::TaskFinished(task) => task.updates.iter_mut().filter_map(|update| update.value.as_mut()).collect(),
        Body::InterruptRaised(raised) => {
            raised.interrupt.iter_mut().filter_map(|interrupt| interrupt.value.as_mut()).collect()
        }
        Body::CheckpointSaved(saved) => saved.values.values_mut().collect(),
        Body::Custom(custom) => custom.value.iter_mut().collect(),
        _ => Vec::new(),
    }
}

impl Value {
    /// Decodes a value that is inline, as those of [`Event`]s are unless they were not asked for.
    ///
    /// # Errors
    /// `InvalidArgument` (`VALUE_MALFORMED`) when it does not fit, or only its reference is here.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T> {
        match &self.source {
            Some(value::Source::Inline(value)) => value.decode(),
            _ => Err(Error::malformed(String::new(), "a value of which only the reference is here")),
        }
    }
}
