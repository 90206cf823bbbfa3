use std::time::Duration;

use serde::{Serialize, Serializer};

use super::node_error::NodeError;
use crate::proto::{NodeResult, NodeTarget, NodeUpdate};
use crate::time::duration;
use crate::values::{Encoding, Map, Value, encode_at, to_value};

/// What a node returns: anything that serializes as a map of updates by channel, or as null for none, or a [`Command`].
pub trait IntoCommand {
    /// Makes a command of it.
    fn into_command(self) -> Command;
}

impl<T: Serialize> IntoCommand for T {
    fn into_command(self) -> Command {
        Command::new().updates(&self)
    }
}

impl IntoCommand for Command {
    fn into_command(self) -> Command {
        self
    }
}

/// Updates, and where to go besides the edges. A value that can't be encoded fails the task, with its path.
#[derive(Debug, Default)]
pub struct Command {
    updates: Vec<NodeUpdate>,
    goto: Vec<NodeTarget>,
    to_parent: bool,
    refused: Option<NodeError>,
}

impl Command {
    /// One that does nothing yet.
    #[must_use]
    pub fn new() -> Command {
        Command::default()
    }

    /// Writes to a channel.
    #[must_use]
    pub fn update<T: Serialize + ?Sized>(self, channel: &str, value: &T) -> Command {
        self.write(channel, value, false)
    }

    /// Replaces a channel's value, whatever its reducer.
    #[must_use]
    pub fn overwrite<T: Serialize + ?Sized>(self, channel: &str, value: &T) -> Command {
        self.write(channel, value, true)
    }

    /// Writes to several channels: what serializes as a map by channel, or as null for none.
    #[must_use]
    pub fn updates<T: Serialize + ?Sized>(mut self, values: &T) -> Command {
        match to_value(values) {
            Ok(Value::Null) => self,
            Ok(Value::Map(map)) => map.iter().fold(self, |command, (key, value)| match key.as_str() {
                Some(channel) => command.update(channel, value),
                None => command.refuse(NodeError::unserializable("a channel's name is text")),
            }),
            Ok(other) => {
                let message = format!("a node returns updates by channel, a Command or nothing, not {}", other.kind());
                self.refused.get_or_insert(NodeError::unserializable(message));
                self
            }
            Err(error) => self.refuse(NodeError::unserializable(error.message())),
        }
    }

    /// Goes to a node besides the edges; to several, when called again. `__end__` is one, too.
    #[must_use]
    pub fn goto(self, node: impl Into<String>) -> Command {
        self.target(Target::node(node))
    }

    /// Runs a node in the next superstep with an argument of its own; several, when called again.
    #[must_use]
    pub fn send<T: Serialize + ?Sized>(self, node: impl Into<String>, argument: &T) -> Command {
        self.target(Target::send(node, argument))
    }

    /// Goes to a target.
    #[must_use]
    pub fn target(mut self, target: Target) -> Command {
        match target.into_wire() {
            Ok(target) => {
                self.goto.push(target);
                self
            }
            Err(refused) => self.refuse(refused),
        }
    }

    /// Makes the updates and targets those of the enclosing graph: this graph ends.
    #[must_use]
    pub fn to_parent(mut self) -> Command {
        self.to_parent = true;
        self
    }

    fn write<T: Serialize + ?Sized>(mut self, channel: &str, value: &T, overwrite: bool) -> Command {
        match encode_at(&[channel], value, Encoding::Msgpack) {
            Ok(value) => {
                self.updates.push(NodeUpdate { channel: channel.to_owned(), value: value.data, overwrite });
                self
            }
            Err(error) => self.refuse(NodeError::unserializable(error.message())),
        }
    }

    fn refuse(mut self, refused: NodeError) -> Command {
        self.refused.get_or_insert(refused);
        self
    }

    pub(super) fn into_result(self) -> Result<NodeResult, NodeError> {
        let Command { updates, goto, to_parent, refused } = self;
        match refused {
            Some(refused) => Err(refused),
            None => Ok(NodeResult { updates, goto, to_parent, ..NodeResult::default() }),
        }
    }
}

/// Where to go: a node, or a Send of one with an argument of its own. What a decision returns, too.
#[derive(Debug)]
pub struct Target {
    node: String,
    argument: Option<Result<Value, NodeError>>,
    timeout: Option<Duration>,
}

impl Target {
    /// A node; `__end__` is one, too.
    pub fn node(node: impl Into<String>) -> Target {
        Target { node: node.into(), argument: None, timeout: None }
    }

    /// A Send: runs the node in the next superstep with an argument of its own.
    pub fn send<T: Serialize + ?Sized>(node: impl Into<String>, argument: &T) -> Target {
        let argument = to_value(argument).map_err(|error| NodeError::unserializable(error.message()));
        Target { node: node.into(), argument: Some(argument), timeout: None }
    }

    /// How long a Send's task may take, in place of what the graph says.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Target {
        Target { timeout: Some(timeout), ..self }
    }

    fn into_wire(self) -> Result<NodeTarget, NodeError> {
        let Target { node, argument, timeout } = self;
        let encoded = |value: Value| {
            let encoded = encode_at(&["goto", &node], &value, Encoding::Msgpack);
            encoded.map(|value| value.data).map_err(|error| NodeError::unserializable(error.message()))
        };
        let argument = argument.map(|argument| argument.and_then(encoded)).transpose()?;
        Ok(NodeTarget { node, argument, timeout: timeout.map(duration) })
    }
}

impl Serialize for Target {
    /// As decisions are written: the node's name, or `{"node": name, "arg": value}` for a Send.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.argument {
            None => serializer.serialize_str(&self.node),
            Some(Err(refused)) => Err(serde::ser::Error::custom(&refused.message)),
            Some(Ok(argument)) => {
                let entries = [("node".into(), self.node.as_str().into()), ("arg".into(), argument.clone())];
                Value::Map(Map::from_iter(entries)).serialize(serializer)
            }
        }
    }
}
