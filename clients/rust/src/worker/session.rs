use std::collections::BTreeMap;
use std::future::Future;
use std::pin::{Pin, pin};
use std::time::Duration;

use futures_util::stream;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tonic::{Code, Streaming};
use uuid::Uuid;

use super::handler::Handler;
use super::ledger::Ledger;
use super::payload::Coming;
use super::run_task::{FromTask, run_task};
use crate::client::Client;
use crate::error::{Error, Result};
use crate::proto::work_request::Message as Tells;
use crate::proto::work_response::Message as Told;
use crate::proto::{ServerDraining, WorkRequest, WorkResponse, WorkerHello, WorkerWelcome};
use crate::retry::jittered;
use crate::time::length;

const PATH: &str = "/cairn.v1.WorkerService/Work";
const PROTOCOL_VERSION: u32 = 1;
/// Messages that are on their way to the connection, and what tasks have told and nobody has heard yet.
const CHANNEL_MESSAGES_MAX: usize = 64;
/// A server that does not say is told of life this often.
const HEARTBEAT_DEFAULT: Duration = Duration::from_secs(10);
/// A server that takes a stream and says nothing is left after this.
const WELCOME_WITHIN: Duration = Duration::from_secs(30);
/// How long a server has to end the stream of a worker that is done.
const FAREWELL_WITHIN: Duration = Duration::from_secs(2);

/// One life of a worker's process: it outlives its streams.
pub(super) struct Session {
    client: Client,
    hello: WorkerHello,
    handlers: BTreeMap<String, Handler>,
    ledger: Ledger,
    /// Where nodes run.
    nodes: Handle,
    tell: mpsc::Sender<FromTask>,
    from_tasks: mpsc::Receiver<FromTask>,
    /// Told to take no more tasks; or closed, when nobody waits for the worker any more.
    stop: oneshot::Receiver<()>,
    is_stopping: bool,
    is_abandoned: bool,
    coming: Option<Coming>,
    failures: u32,
    reconnect_after: Duration,
}

impl Session {
    pub(super) fn new(
        client: Client,
        worker_id: String,
        slots: u32,
        handlers: BTreeMap<String, Handler>,
        nodes: Handle,
        stop: oneshot::Receiver<()>,
    ) -> Session {
        let hello = WorkerHello {
            protocol_version: PROTOCOL_VERSION,
            worker_id,
            session_id: Uuid::new_v4().to_string(),
            nodes: handlers.keys().cloned().collect(),
            slots,
            held: Vec::new(),
            sdk: format!("cairn-rust/{} {}", env!("CARGO_PKG_VERSION"), std::env::consts::OS),
            pid: std::process::id().into(),
        };
        let (tell, from_tasks) = mpsc::channel(CHANNEL_MESSAGES_MAX);
        Session {
            client,
            hello,
            handlers,
            ledger: Ledger::new(slots as usize),
            nodes,
            tell,
            from_tasks,
            stop,
            is_stopping: false,
            is_abandoned: false,
            coming: None,
            failures: 0,
            reconnect_after: Duration::ZERO,
        }
    }

    /// Serves over as many streams as it takes, until it is told to stop and all has been told.
    pub(super) async fn run(mut self) -> Result<()> {
        while !self.is_over() {
            let Err(error) = self.serve().await else { return Ok(()) };
            self.ledger.disconnect();
            if self.is_over() {
                return Ok(());
            }
            if !is_worth_another(&error) {
                return Err(error);
            }
            self.failures += 1;
            let pause = jittered(self.reconnect_after) + self.client.retry_policy().backoff(self.failures);
            self.reconnect_after = Duration::ZERO;
            self.meanwhile(sleep(pause)).await;
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.is_abandoned || self.ledger.is_done()
    }

    /// One stream, from its Hello to its end. Ends well only when the worker is over.
    async fn serve(&mut self) -> Result<()> {
        self.coming = None;
        let (out, mut outgoing) = mpsc::channel::<WorkRequest>(CHANNEL_MESSAGES_MAX);
        let hello = WorkerHello { held: self.ledger.leases(), ..self.hello.clone() };
        let lost = || Error::new(Code::Unavailable, "the server ended the stream");
        let hello = WorkRequest { message: Some(Tells::Hello(hello)), credit: 0 };
        out.send(hello).await.map_err(|_| lost())?;
        let client = self.client.clone();
        let opening = async move {
            let requests = stream::poll_fn(move |cx| outgoing.poll_recv(cx));
            let mut responses: Streaming<WorkResponse> = client.converse(PATH, requests).await?;
            let first = responses.message().await?.and_then(|response| response.message);
            let Some(Told::Welcome(welcome)) = first else { return Err(lost()) };
            Ok((responses, welcome))
        };
        let Some(opened) = self.meanwhile(timeout(WELCOME_WITHIN, opening)).await else { return Ok(()) };
        let (mut responses, welcome) = opened.map_err(|_| Error::deadline())??;
        self.converse(&out, &mut responses, welcome).await?;
        drop(out);
        // Dropped at once, the stream would look broken to the server.
        let _ = timeout(FAREWELL_WITHIN, responses.message()).await;
        Ok(())
    }

    async fn converse(
        &mut self,
        out: &mpsc::Sender<WorkRequest>,
        responses: &mut Streaming<WorkResponse>,
        welcome: WorkerWelcome,
    ) -> Result<()> {
        let heartbeat = length(welcome.heartbeat).filter(|every| !every.is_zero()).unwrap_or(HEARTBEAT_DEFAULT);
        // Twice as often as is due, so that a timer that is late is no missing sign of life.
        let mut beats = interval(heartbeat / 2);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.failures = 0;
        self.ledger.begin(welcome);
        while !self.is_over() {
            tokio::select! {
                response = responses.message() => match response? {
                    Some(response) => self.hear(response),
                    None => return Err(Error::new(Code::Unavailable, "the server ended the stream")),
                },
                permit = out.reserve(), if self.ledger.has_outgoing() => {
                    let permit = permit.map_err(|_| Error::new(Code::Unavailable, "the stream broke"))?;
                    if let Some(message) = self.ledger.next_outgoing() {
                        permit.send(message);
                    }
                }
                Some(told) = self.from_tasks.recv(), if self.ledger.has_room() => self.ledger.hear(told),
                _ = beats.tick() => self.ledger.beat(),
                told = &mut self.stop, if !self.is_stopping => self.hear_stop(told.is_ok()),
            }
        }
        Ok(())
    }

    /// Waits for something while tasks go on. `None` when the worker is over before.
    async fn meanwhile<T>(&mut self, something: impl Future<Output = T>) -> Option<T> {
        let mut something: Pin<&mut _> = pin!(something);
        while !self.is_over() {
            tokio::select! {
                happened = &mut something => return Some(happened),
                Some(told) = self.from_tasks.recv() => self.ledger.hear(told),
                told = &mut self.stop, if !self.is_stopping => self.hear_stop(told.is_ok()),
            }
        }
        None
    }

    fn hear_stop(&mut self, in_order: bool) {
        self.is_stopping = true;
        self.is_abandoned = !in_order;
        self.ledger.drain();
    }

    fn hear(&mut self, WorkResponse { message, acked }: WorkResponse) {
        for lease in &acked {
            self.ledger.forget(Some(lease));
        }
        match message {
            Some(Told::Task(task)) => self.coming = Some(Coming::new(task)),
            Some(Told::Chunk(chunk)) => {
                if let Some(coming) = &mut self.coming {
                    coming.add(&chunk.data);
                }
            }
            Some(Told::Cancel(cancel)) => self.ledger.forget(cancel.lease.as_ref()),
            Some(Told::Evict(evict)) => self.ledger.forget(evict.lease.as_ref()),
            Some(Told::Draining(ServerDraining { reconnect_after })) => {
                self.reconnect_after = length(reconnect_after).unwrap_or_default();
            }
            // A second Welcome says nothing new, and what a newer server adds may be ignored.
            Some(Told::Welcome(_)) | None => {}
        }
        if let Some(coming) = self.coming.take_if(|coming| coming.is_whole()) {
            self.start(coming);
        }
    }

    fn start(&mut self, coming: Coming) {
        let (task, input) = coming.finish();
        if let Some(start) = self.ledger.take(&task) {
            let handler = self.handlers.get(&task.handler).cloned();
            let tell = self.tell.clone();
            drop(self.nodes.spawn(run_task(start.key, task, input, handler, start.cancelled, tell)));
        }
    }
}

/// What this worker would not meet again on every stream: lost connections, names that become free when leases are over,
/// servers that are full or have a fault of their own.
fn is_worth_another(error: &Error) -> bool {
    let lasting = [
        Code::InvalidArgument,
        Code::Unauthenticated,
        Code::PermissionDenied,
        Code::FailedPrecondition,
        Code::Unimplemented,
    ];
    !lasting.contains(&error.code()) && error.reason() != "WORKER_REPLACED"
}
