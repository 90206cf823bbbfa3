use tokio::time::{Instant, sleep};
use tonic::Code;

use super::cursor::Cursor;
use super::event::{Event, values_of};
use super::value_table::ValueTable;
use crate::client::Responses;
use crate::error::{Error, Result};
use crate::method;
use crate::proto::event::Body;
use crate::proto::{StreamEventsRequest, StreamEventsResponse, StreamMode};
use crate::thread::Thread;

/// Which events, and until when.
#[derive(Clone, Debug, Default)]
pub struct EventOptions {
    /// Events with a greater number; 0: from the oldest kept. Default: from now on.
    pub after: Option<u64>,
    /// Views. Default: everything. Starts and stops of runs are in every view.
    pub modes: Vec<StreamMode>,
    /// Only this namespace (empty is the root graph) and, with `depth`, those below it. Default: all.
    pub namespace: Option<String>,
    /// Levels below `namespace`, or below the root graph. Default: 0 with `namespace`, else all.
    pub depth: Option<u32>,
    /// End when the log's present end is reached.
    pub until_now: bool,
    /// End after this run stops.
    pub until_run_stops: Option<String>,
    /// End after any run stops.
    pub until_stop: bool,
    /// Leave references in place of the values that events refer to.
    pub without_values: bool,
}

/// Follows a thread's events over as many streams as it takes: remembers the last event given, asks for what comes after it
/// when a stream breaks, and drops what a server sends twice. Ends by itself only when told to. Dropping it ends the stream.
pub struct Events {
    thread: Thread,
    options: EventOptions,
    cursor: Option<Cursor>,
    stream: Option<(Responses<StreamEventsResponse>, ValueTable)>,
    /// An event that has come and whose values are being looked up: kept here, so that a dropped `next` does not lose it.
    received: Option<Event>,
    failures: u32,
    ends_at: Option<Instant>,
    ended: bool,
}

impl Events {
    pub(crate) fn new(thread: Thread, options: EventOptions) -> Events {
        let ends_at = thread.client().stream_deadline().map(|deadline| Instant::now() + deadline);
        Events { thread, options, cursor: None, stream: None, received: None, failures: 0, ends_at, ended: false }
    }

    /// The next event; `None` after the last. May be dropped and called again without losing one.
    ///
    /// # Errors
    /// `NotFound` for a thread that does not exist; `OutOfRange` for an `after` that is pruned (`EVENTS_PRUNED`) or not
    /// reached yet (`EVENTS_AHEAD`); what a connection answers that broke `streams_max` times in a row;
    /// `DeadlineExceeded` when the client has a deadline. After an error there are no more events.
    pub async fn next(&mut self) -> Result<Option<Event>> {
        while !self.ended {
            match self.advance().await {
                Ok(Some(event)) => {
                    self.failures = 0;
                    self.ended = self.is_last(&event);
                    return Ok(Some(event));
                }
                // A stream that ended well without reason to is one that its server closed: the next server has more.
                Ok(None) if !self.options.until_now => {
                    self.recover(Error::new(Code::Unavailable, "the server ended the stream")).await?;
                }
                Ok(None) => self.ended = true,
                Err(error) => self.recover(error).await?,
            }
        }
        Ok(None)
    }

    /// The next event of the present stream, opened if there is none.
    async fn advance(&mut self) -> Result<Option<Event>> {
        loop {
            if self.stream.is_none() {
                self.stream = Some((self.open().await?, ValueTable::new()));
            }
            let (Some((responses, table)), Some(cursor)) = (&mut self.stream, &mut self.cursor) else { continue };
            if self.received.is_none() {
                let Some(response) = responses.next().await? else { return Ok(None) };
                table.receive(response.values);
                self.received = response.event.map(Event::from);
            }
            let Some(event) = &mut self.received else { continue };
            if let Some(body) = event.body.as_mut().filter(|_| !self.options.without_values) {
                table.resolve(values_of(body), self.thread.client(), self.thread.id()).await?;
            }
            let Some(event) = self.received.take() else { continue };
            if cursor.accept(event.number, event.ephemeral.as_ref()) {
                return Ok(Some(event));
            }
        }
    }

    async fn open(&mut self) -> Result<Responses<StreamEventsResponse>> {
        let after = match &self.cursor {
            Some(cursor) => cursor.after(),
            None => self.start().await?,
        };
        let request = StreamEventsRequest {
            thread_id: self.thread.id().to_owned(),
            after: Some(after),
            modes: self.options.modes.iter().map(|mode| i32::from(*mode)).collect(),
            namespace: self.options.namespace.clone(),
            until_now: self.options.until_now,
            until_run_stops: self.options.until_run_stops.clone().unwrap_or_default(),
            include_values: !self.options.without_values,
            depth: self.options.depth,
        };
        let left = self.ends_at.map(|ends_at| ends_at.saturating_duration_since(Instant::now()));
        let client = self.thread.client();
        let client = left.map_or_else(|| client.clone(), |left| client.with_deadline(left.min(client.run_deadline())));
        client.stream(&method::STREAM_EVENTS, request).await
    }

    /// "From now on" as a number, so that what happens while a first stream breaks isn't lost.
    async fn start(&mut self) -> Result<u64> {
        let after = match self.options.after {
            Some(after) => after,
            None => self.thread.info().await?.last_event_number,
        };
        self.cursor = Some(Cursor::new(after));
        Ok(after)
    }

    /// Waits before the next stream; or gives up.
    async fn recover(&mut self, error: Error) -> Result<()> {
        self.stream = None;
        self.received = None;
        let over = self.ends_at.is_some_and(|ends_at| Instant::now() >= ends_at);
        // Each stream has a deadline of its own, so that no call is for ever; a quiet thread just takes another.
        if error.code() == Code::DeadlineExceeded && self.cursor.is_some() && !over {
            return Ok(());
        }
        self.failures += 1;
        let policy = self.thread.client().retry_policy();
        let wait = policy.backoff(self.failures);
        let too_late = self.ends_at.is_some_and(|ends_at| Instant::now() + wait >= ends_at);
        if !error.is_connection_loss() || self.failures >= policy.streams_max || too_late {
            self.ended = true;
            return Err(error);
        }
        sleep(wait).await;
        Ok(())
    }

    fn is_last(&self, event: &Event) -> bool {
        let stopped = matches!(event.body, Some(Body::RunStopped(_)));
        let of_run = self.options.until_run_stops.as_ref().is_some_and(|run_id| *run_id == event.run_id);
        stopped && (self.options.until_stop || of_run)
    }
}
