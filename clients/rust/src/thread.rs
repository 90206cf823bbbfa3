use std::collections::BTreeMap;

use serde::Serialize;

use crate::client::Client;
use crate::error::Result;
use crate::events::{EventOptions, Events};
use crate::method;
use crate::pages::Pages;
use crate::proto::{self, resume_request::Answer};
use crate::run_options::{RunOptions, to_input};
use crate::state::{Outcome, State};
use crate::values::encode_at;

/// Where an update of the state goes, and as whom.
#[derive(Clone, Debug, Default)]
pub struct UpdateOptions {
    /// The node to write as: what follows it runs next. Default, when empty: the one that wrote last.
    pub as_node: String,
    /// The checkpoint to update. Default: the head. An older one makes a fork.
    pub checkpoint_id: String,
    /// The graph's name. Default: the one the thread last ran.
    pub graph: String,
    /// The subgraph whose state to update. Default: the outermost graph's.
    pub namespace: String,
    /// Refuse the update (`Aborted`, `HEAD_MISMATCH`) unless this is the head's id.
    pub expected_head: String,
    /// Forks a checkpoint that another framework has written into `graph`: which of its channels each channel of the graph
    /// begins with. Default: none, and the checkpoint is the graph's own.
    pub channel_mapping: BTreeMap<String, String>,
    /// Makes a retry return the first answer for 24 hours. Default: a new UUID for each call.
    pub request_id: String,
}

/// What to write to the state, as which node.
#[derive(Clone, Debug, Default)]
pub struct NodeUpdate<T> {
    /// A map by channel.
    pub values: T,
    /// Default, when empty: the node that wrote last.
    pub as_node: String,
}

/// One thread of work. Calls that drive it answer `Aborted` (`THREAD_BUSY`) while another run holds it, `NotFound` for a
/// graph, checkpoint, node or channel that isn't there, and `FailedPrecondition` when its state does not allow them.
#[derive(Clone)]
pub struct Thread {
    id: String,
    client: Client,
}

impl Thread {
    pub(crate) fn new(id: String, client: Client) -> Thread {
        Thread { id, client }
    }

    /// The thread's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Runs until the next stop: done, a question, a breakpoint or a failure. With an input, a map by channel, begins a new
    /// turn; with `&()` goes on where the thread stands. A failure or a question is an outcome, not an error. With
    /// `background` returns at once, `Running` or `Queued`; [`Thread::wait_for_run`] and the events tell how it goes on.
    ///
    /// # Errors
    /// See [`Thread`].
    pub async fn run<I: Serialize + ?Sized>(&self, input: &I, options: RunOptions) -> Result<Outcome> {
        let request = proto::RunRequest {
            thread_id: self.id.clone(),
            input: to_input(input, self.client.encoding())?,
            background: options.background,
            on_busy: options.on_busy.unwrap_or_default().into(),
            request_id: options.request_id.clone(),
            options: Some(options.into_wire()),
        };
        Ok(self.client.call(&method::RUN, request).await?.outcome.unwrap_or_default().into())
    }

    /// Runs one superstep, after applying the input if there is one. `Done` when nothing was due, else `Paused`.
    ///
    /// # Errors
    /// See [`Thread`].
    pub async fn step<I: Serialize + ?Sized>(&self, input: &I, options: RunOptions) -> Result<Outcome> {
        let request = proto::RunStepRequest {
            thread_id: self.id.clone(),
            input: to_input(input, self.client.encoding())?,
            request_id: options.request_id.clone(),
            options: Some(options.into_wire()),
        };
        Ok(self.client.call(&method::RUN_STEP, request).await?.outcome.unwrap_or_default().into())
    }

    /// Answers the only open question, and runs until the next stop.
    ///
    /// # Errors
    /// `FailedPrecondition`: `NOTHING_TO_RESUME`, or `AMBIGUOUS_RESUME` when several are open. See [`Thread`].
    pub async fn resume<A: Serialize + ?Sized>(&self, answer: &A, options: RunOptions) -> Result<Outcome> {
        let answer = encode_at(&["answer"], answer, self.client.encoding())?;
        self.resume_with(Answer::Value(answer), options).await
    }

    /// Answers questions by their interrupts' ids, and runs until the next stop.
    ///
    /// # Errors
    /// `FailedPrecondition`: `NOTHING_TO_RESUME`, `INTERRUPT_NOT_FOUND`. See [`Thread`].
    pub async fn resume_by_id<A: Serialize>(
        &self,
        answers: impl IntoIterator<Item = (String, A)>,
        options: RunOptions,
    ) -> Result<Outcome> {
        let encoded = answers.into_iter().map(|(id, answer)| {
            let value = encode_at(&["answers", &id], &answer, self.client.encoding())?;
            Ok((id, value))
        });
        let by_id = encoded.collect::<Result<BTreeMap<_, _>>>()?;
        self.resume_with(Answer::Answers(proto::AnswersById { by_id }), options).await
    }

    async fn resume_with(&self, answer: Answer, options: RunOptions) -> Result<Outcome> {
        let request = proto::ResumeRequest {
            thread_id: self.id.clone(),
            answer: Some(answer),
            background: options.background,
            request_id: options.request_id.clone(),
            options: Some(options.into_wire()),
        };
        Ok(self.client.call(&method::RESUME, request).await?.outcome.unwrap_or_default().into())
    }

    /// Writes to the state as a node would have, and saves a checkpoint. Returns the state as it is now.
    ///
    /// # Errors
    /// See [`Thread`].
    pub async fn update_state<V: Serialize + ?Sized>(&self, values: &V, options: UpdateOptions) -> Result<State> {
        let request = proto::UpdateStateRequest {
            thread_id: self.id.clone(),
            checkpoint_id: options.checkpoint_id,
            values: to_input(values, self.client.encoding())?,
            as_node: options.as_node,
            graph_name: options.graph,
            expected_head: options.expected_head,
            request_id: options.request_id,
            namespace: options.namespace,
            channel_mapping: options.channel_mapping,
        };
        Ok(self.client.call(&method::UPDATE_STATE, request).await?.state.unwrap_or_default().into())
    }

    /// Applies several supersteps of updates, each of which saves a checkpoint. Returns the state as it is now.
    ///
    /// # Errors
    /// `Aborted` (`HEAD_MISMATCH`) when another writer comes in between; what was applied before stays. See [`Thread`].
    pub async fn bulk_update_state<V: Serialize>(
        &self,
        supersteps: impl IntoIterator<Item = Vec<NodeUpdate<V>>>,
        graph: &str,
    ) -> Result<State> {
        let mut wire = Vec::new();
        for updates in supersteps {
            let updates = updates.into_iter().map(|NodeUpdate { values, as_node }| {
                Ok(proto::StateUpdate { values: to_input(&values, self.client.encoding())?, as_node })
            });
            wire.push(proto::BulkSuperstep { updates: updates.collect::<Result<_>>()? });
        }
        let request = proto::BulkUpdateStateRequest {
            thread_id: self.id.clone(),
            supersteps: wire,
            graph_name: graph.to_owned(),
            ..Default::default()
        };
        Ok(self.client.call(&method::BULK_UPDATE_STATE, request).await?.state.unwrap_or_default().into())
    }

    /// Makes a checkpoint of the past the starting point of what comes next, changed by `values` unless they are `&()`. The
    /// new checkpoint is the head; everything that came after the old one stays in the history. A run without an input goes
    /// on from it.
    ///
    /// # Errors
    /// See [`Thread`].
    pub async fn fork<V: Serialize + ?Sized>(&self, checkpoint_id: &str, values: &V) -> Result<State> {
        let options = UpdateOptions { checkpoint_id: checkpoint_id.to_owned(), ..UpdateOptions::default() };
        self.update_state(values, options).await
    }

    /// Reads the state at the head.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn state(&self) -> Result<State> {
        self.state_of("", "").await
    }

    /// Reads the state at a checkpoint. Empty: the head; of a namespace, empty: the root graph's.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn state_of(&self, namespace: &str, checkpoint_id: &str) -> Result<State> {
        let request = proto::GetStateRequest {
            thread_id: self.id.clone(),
            namespace: namespace.to_owned(),
            checkpoint_id: checkpoint_id.to_owned(),
        };
        Ok(self.client.call(&method::GET_STATE, request).await?.state.unwrap_or_default().into())
    }

    /// The states of the root graph's checkpoints, newest first.
    #[must_use]
    pub fn history(&self) -> Pages<State> {
        self.history_of("")
    }

    /// The states of a namespace's checkpoints, newest first.
    #[must_use]
    pub fn history_of(&self, namespace: &str) -> Pages<State> {
        let Thread { id, client } = self.clone();
        let namespace = namespace.to_owned();
        Pages::new(move |page_token| {
            let client = client.clone();
            let (thread_id, namespace) = (id.clone(), namespace.clone());
            let request = proto::GetStateHistoryRequest { thread_id, namespace, page_token, page_size: 0 };
            async move {
                let page = client.call(&method::GET_STATE_HISTORY, request).await?;
                Ok((page.states.into_iter().map(State::from).collect(), page.next_page_token))
            }
        })
    }

    /// The thread's events, in order, each once. A broken connection is resumed where it broke.
    #[must_use]
    pub fn events(&self, options: EventOptions) -> Events {
        Events::new(self.clone(), options)
    }
}
