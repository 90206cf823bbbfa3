use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use prost::Message;
use tokio::time::{Instant, sleep, timeout_at};
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::metadata::MetadataMap;
use tonic::transport::Channel;
use tonic::{Request, Status};
use tonic_prost::ProstCodec;
use uuid::Uuid;

use crate::checkpoints::CheckpointStore;
use crate::connect::{self, ConnectOptions};
use crate::error::{Error, Result};
use crate::graphs::Graphs;
use crate::method::{Method, Repeats, StreamMethod, Takes};
use crate::retry::RetryPolicy;
use crate::thread::Thread;
use crate::threads::Threads;
use crate::values::Encoding;
use crate::worker::Worker;

/// A connection to one space of a Cairn server. Cheap to clone, and safe to share.
///
/// Every call has a deadline. Calls that change nothing, and changes that carry a `request_id` (which the client adds by
/// itself), are retried when the server can't be reached. Dropping a call's future cancels the call; a run that has begun
/// goes on without its caller.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    deadline: Option<Duration>,
    encoding: Encoding,
}

struct Shared {
    channel: Channel,
    identity: MetadataMap,
    options: ConnectOptions,
}

impl Client {
    /// Makes a client, of an address or of [`ConnectOptions`]. Nothing is sent yet: the first call connects, and says
    /// `Unavailable` if nobody is there. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// `InvalidArgument` for options that are wrong or contradict each other, with the field.
    pub fn connect(options: impl Into<ConnectOptions>) -> Result<Client> {
        let options = options.into();
        let shared =
            Shared { channel: connect::open_channel(&options)?, identity: connect::identity(&options)?, options };
        Ok(Client { shared: Arc::new(shared), deadline: None, encoding: Encoding::default() })
    }

    /// This client with another deadline for every call, all attempts together, and for every stream in all.
    #[must_use]
    pub fn with_deadline(&self, deadline: Duration) -> Client {
        Client { deadline: Some(deadline), ..self.clone() }
    }

    /// This client with another encoding of the values that it sends. Default: MessagePack.
    #[must_use]
    pub fn with_encoding(&self, encoding: Encoding) -> Client {
        Client { encoding, ..self.clone() }
    }

    /// Registering and looking at graphs.
    #[must_use]
    pub fn graphs(&self) -> Graphs {
        Graphs::new(self.clone())
    }

    /// Finding, creating and moving threads.
    #[must_use]
    pub fn threads(&self) -> Threads {
        Threads::new(self.clone())
    }

    /// A thread by its id. It need not exist: a run creates it.
    pub fn thread(&self, id: impl Into<String>) -> Thread {
        Thread::new(id.into(), self.clone())
    }

    /// A store for putting and reading checkpoints, sending only what changed since it last did: keep it.
    #[must_use]
    pub fn checkpoint_store(&self) -> CheckpointStore {
        CheckpointStore::new(self.clone(), self.shared.options.held_bytes_max)
    }

    /// A worker of this name, unique in the space: a process that runs nodes of graphs.
    pub fn worker(&self, id: impl Into<String>) -> Worker {
        Worker::new(id.into(), self.clone())
    }

    /// Makes a call as it is on the wire, with the deadline and the retries that suit it.
    ///
    /// # Errors
    /// What the RPC's documentation in the protos says.
    pub async fn call<Q, A>(&self, method: &Method<Q, A>, mut request: Q) -> Result<A>
    where
        Q: Message + Clone + 'static,
        A: Message + Default + 'static,
    {
        if let Repeats::ByRequestId(request_id) = method.repeats {
            let id = request_id(&mut request);
            if id.is_empty() {
                *id = Uuid::new_v4().to_string();
            }
        }
        let deadline = Instant::now() + self.deadline_of(method.takes);
        let attempts_max = match method.repeats {
            Repeats::Never => 1,
            Repeats::Always | Repeats::ByRequestId(_) => self.retry_policy().attempts_max,
        };
        self.retrying(deadline, attempts_max, || self.attempt(method.path, request.clone(), deadline)).await
    }

    /// Begins a call that answers with a stream, as it is on the wire. It is not resumed when it breaks.
    ///
    /// # Errors
    /// What the RPC's documentation in the protos says.
    pub async fn stream<Q, A>(&self, method: &StreamMethod<Q, A>, request: Q) -> Result<Responses<A>>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        let deadline = Instant::now() + self.deadline_of(Takes::Run);
        let request = self.request(request, Some(deadline));
        let responses = timeout_at(deadline, async {
            let (mut grpc, path) = self.ready(method.path).await?;
            grpc.server_streaming(request, path, ProstCodec::<Q, A>::default()).await
        });
        let responses = responses.await.map_err(|_| Error::deadline())??.into_inner();
        Ok(Responses { responses, deadline })
    }

    /// Sends a stream, and again from its beginning when the connection breaks.
    pub(crate) async fn upload<Q, A, S>(&self, path: &'static str, requests: impl Fn() -> S) -> Result<A>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
        S: Stream<Item = Q> + Send + 'static,
    {
        let deadline = Instant::now() + self.deadline_of(Takes::Run);
        let attempts_max = self.retry_policy().attempts_max;
        self.retrying(deadline, attempts_max, || self.upload_attempt(path, requests(), deadline)).await
    }

    /// Sends a stream that can't be gone through again.
    pub(crate) async fn upload_once<Q, A, S>(&self, path: &'static str, requests: S) -> Result<A>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
        S: Stream<Item = Q> + Send + 'static,
    {
        let deadline = Instant::now() + self.deadline_of(Takes::Run);
        let attempt = self.upload_attempt(path, requests, deadline);
        timeout_at(deadline, attempt).await.map_err(|_| Error::deadline())?
    }

    async fn upload_attempt<Q, A, S>(&self, path: &'static str, requests: S, deadline: Instant) -> Result<A>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
        S: Stream<Item = Q> + Send + 'static,
    {
        let request = self.request(requests, Some(deadline));
        let (mut grpc, path) = self.ready(path).await?;
        Ok(grpc.client_streaming(request, path, ProstCodec::<Q, A>::default()).await?.into_inner())
    }

    /// Opens a stream in both directions, without a deadline.
    pub(crate) async fn converse<Q, A>(
        &self,
        path: &'static str,
        requests: impl Stream<Item = Q> + Send + 'static,
    ) -> Result<tonic::Streaming<A>>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        let request = self.request(requests, None);
        let (mut grpc, path) = self.ready(path).await?;
        Ok(grpc.streaming(request, path, ProstCodec::<Q, A>::default()).await?.into_inner())
    }

    /// This client over a connection of its own.
    pub(crate) fn reconnected(&self) -> Result<Client> {
        Client::connect(self.shared.options.clone())
    }

    pub(crate) fn retry_policy(&self) -> &RetryPolicy {
        &self.shared.options.retry
    }

    pub(crate) fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// The deadline that the caller named for streams in all.
    pub(crate) fn stream_deadline(&self) -> Option<Duration> {
        self.deadline
    }

    pub(crate) fn run_deadline(&self) -> Duration {
        self.deadline_of(Takes::Run)
    }

    fn deadline_of(&self, takes: Takes) -> Duration {
        let options = &self.shared.options;
        self.deadline.unwrap_or(if takes == Takes::Run { options.run_deadline } else { options.deadline })
    }

    async fn retrying<A, F>(&self, deadline: Instant, attempts_max: u32, attempt: impl Fn() -> F) -> Result<A>
    where
        F: Future<Output = Result<A>>,
    {
        let mut attempts = 1;
        loop {
            let error = match timeout_at(deadline, attempt()).await {
                Err(_) => return Err(Error::deadline()),
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => error,
            };
            let wait = self.retry_policy().backoff(attempts);
            if attempts >= attempts_max || !error.is_connection_loss() || Instant::now() + wait >= deadline {
                return Err(error);
            }
            sleep(wait).await;
            attempts += 1;
        }
    }

    async fn attempt<Q, A>(&self, path: &'static str, request: Q, deadline: Instant) -> Result<A>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        let request = self.request(request, Some(deadline));
        let (mut grpc, path) = self.ready(path).await?;
        Ok(grpc.unary(request, path, ProstCodec::<Q, A>::default()).await?.into_inner())
    }

    async fn ready(&self, path: &'static str) -> Result<(Grpc<Channel>, PathAndQuery), Status> {
        let bytes_max = self.shared.options.message_bytes_max;
        let mut grpc = Grpc::new(self.shared.channel.clone())
            .max_decoding_message_size(bytes_max)
            .max_encoding_message_size(bytes_max);
        grpc.ready().await.map_err(|error| Status::from_error(error.into()))?;
        Ok((grpc, PathAndQuery::from_static(path)))
    }

    fn request<M>(&self, message: M, deadline: Option<Instant>) -> Request<M> {
        let mut request = Request::new(message);
        *request.metadata_mut() = self.shared.identity.clone();
        if let Some(deadline) = deadline {
            request.set_timeout(deadline.saturating_duration_since(Instant::now()));
        }
        request
    }
}

/// What a call answers in a stream. Dropping it cancels the call.
pub struct Responses<A> {
    responses: tonic::Streaming<A>,
    deadline: Instant,
}

impl<A> Responses<A> {
    /// The next response; `None` at the end.
    ///
    /// # Errors
    /// What the RPC's documentation says, and `DeadlineExceeded`.
    pub async fn next(&mut self) -> Result<Option<A>> {
        match timeout_at(self.deadline, self.responses.message()).await {
            Ok(next) => Ok(next?),
            Err(_) => Err(Error::deadline()),
        }
    }
}
