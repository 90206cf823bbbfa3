use std::collections::BTreeMap;
use std::future::{Future, pending};
use std::pin::pin;
use std::thread;

use serde::Serialize;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tonic::Code;

use super::command::IntoCommand;
use super::handler::Handler;
use super::node_context::NodeContext;
use super::node_error::NodeError;
use super::session::Session;
use crate::client::Client;
use crate::error::{Error, Result};

/// How many tasks run at a time unless it is told otherwise.
const SLOTS_DEFAULT: u32 = 8;

/// A process that runs nodes of graphs. A connection that breaks is made again, with the tasks that are at work and the
/// results that the server has not acknowledged.
///
/// Nodes run as tasks of the runtime that [`Worker::run`] is called in; the connection has a thread of its own, so that a
/// node that blocks a thread does not end the signs of life. Work that blocks for long still belongs in
/// `tokio::task::spawn_blocking`: a cancelled node is dropped where it next awaits.
pub struct Worker {
    client: Client,
    id: String,
    slots: u32,
    handlers: BTreeMap<String, Handler>,
}

impl Worker {
    pub(crate) fn new(id: String, client: Client) -> Worker {
        Worker { client, id, slots: SLOTS_DEFAULT, handlers: BTreeMap::new() }
    }

    /// How many tasks run at a time, 1 to 1,000. Default 8.
    #[must_use]
    pub fn slots(self, slots: u32) -> Worker {
        Worker { slots, ..self }
    }

    /// Code for a node, by the name that graphs use for it: the node's own, or its `handler`. It returns updates by channel
    /// (whatever serializes as a map, or `()`), or a [`Command`](super::Command). A panic is a failure of the kind `panic`.
    #[must_use]
    pub fn node<F, Fut, R>(mut self, name: impl Into<String>, code: F) -> Worker
    where
        F: Fn(NodeContext) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, NodeError>> + Send + 'static,
        R: IntoCommand,
    {
        self.handlers.insert(name.into(), Handler::node(code));
        self
    }

    /// Code that decides for a conditional edge, by the edge's `handler`: it returns what serializes as a node's name, a truth
    /// value or another key of the edge's routes, or a list of names or of [`Target`](super::Target)s.
    #[must_use]
    pub fn decision<F, Fut, R>(mut self, name: impl Into<String>, code: F) -> Worker
    where
        F: Fn(NodeContext) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, NodeError>> + Send + 'static,
        R: Serialize,
    {
        self.handlers.insert(name.into(), Handler::decision(code));
        self
    }

    /// Serves until the future is dropped, which drops the nodes that are at work with it.
    ///
    /// # Errors
    /// What another attempt would meet again: a token or space that is refused, `INVALID_FIELD`, `PROTOCOL_VERSION`,
    /// `WORKER_REPLACED`. All else is tried again for ever: a connection that breaks, another worker of this name whose
    /// leases are not over.
    pub async fn run(self) -> Result<()> {
        self.run_until(pending()).await
    }

    /// Serves until `stop` is there; takes no more tasks then, and ends when those at work have been told.
    ///
    /// # Errors
    /// As [`Worker::run`].
    pub async fn run_until(self, stop: impl Future<Output = ()>) -> Result<()> {
        let Worker { client, id, slots, handlers } = self;
        let nodes = Handle::current();
        let (tell_stop, stopped) = oneshot::channel();
        let (tell_end, mut ended) = oneshot::channel();
        let serve = move || {
            let outcome = Builder::new_current_thread().enable_all().build().map_err(unstarted).and_then(|runtime| {
                runtime.block_on(async {
                    // A connection belongs to the runtime that made it.
                    let client = client.reconnected()?;
                    Session::new(client, id, slots, handlers, nodes, stopped).run().await
                })
            });
            // Nobody hears it when `run_until` was dropped.
            let _ = tell_end.send(outcome);
        };
        thread::Builder::new().name("cairn-worker".to_owned()).spawn(serve).map_err(unstarted)?;
        let mut stop = pin!(stop);
        let mut tell_stop = Some(tell_stop);
        loop {
            tokio::select! {
                outcome = &mut ended => return outcome.unwrap_or_else(|_| Err(unstarted("its thread ended"))),
                () = &mut stop, if tell_stop.is_some() => {
                    // A session that has ended by itself tells so.
                    let _ = tell_stop.take().map(|tell| tell.send(()));
                }
            }
        }
    }
}

fn unstarted(error: impl std::fmt::Display) -> Error {
    Error::new(Code::Internal, format!("the worker's thread: {error}"))
}
