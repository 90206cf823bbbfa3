//! Every RPC that a client calls, with what may be done with it: `client.call(&method::GET_THREAD, request)`.
use std::marker::PhantomData;

use crate::proto;

/// A unary RPC: its path, how long it may take, and whether it may be repeated.
pub struct Method<Request, Response> {
    pub(crate) path: &'static str,
    pub(crate) takes: Takes,
    pub(crate) repeats: Repeats<Request>,
    response: PhantomData<fn() -> Response>,
}

/// An RPC whose response is a stream.
pub struct StreamMethod<Request, Response> {
    pub(crate) path: &'static str,
    types: PhantomData<fn(Request) -> Response>,
}

/// Which of the client's deadlines a call has when its caller names none.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    Moment,
    Run,
}

/// Whether a call may be repeated when nobody knows whether the server has seen it.
pub(crate) enum Repeats<Request> {
    /// It changes nothing, or what it changes is the same the second time.
    Always,
    /// It carries this `request_id`, for which the server gives its first answer again.
    ByRequestId(fn(&mut Request) -> &mut String),
    /// The second time, it would be refused or done again.
    Never,
}

macro_rules! methods {
    ($($name:ident: $service:literal $method:literal $request:ident => $response:ident, $takes:ident $($repeats:ident)?;)*) => {$(
        #[doc = concat!("`", $service, ".", $method, "`")]
        pub const $name: Method<proto::$request, proto::$response> = Method {
            path: concat!("/cairn.v1.", $service, "/", $method),
            takes: Takes::$takes,
            repeats: methods!(@repeats $($repeats)?),
            response: PhantomData,
        };
    )*};
    (@repeats) => { Repeats::Always };
    (@repeats never) => { Repeats::Never };
    (@repeats by_request_id) => { Repeats::ByRequestId(|request| &mut request.request_id) };
}

methods! {
    RUN_STEP: "RunService" "RunStep" RunStepRequest => RunStepResponse, Run by_request_id;
    RUN: "RunService" "Run" RunRequest => RunResponse, Run by_request_id;
    RESUME: "RunService" "Resume" ResumeRequest => ResumeResponse, Run by_request_id;
    UPDATE_STATE: "RunService" "UpdateState" UpdateStateRequest => UpdateStateResponse, Moment by_request_id;
    BULK_UPDATE_STATE: "RunService" "BulkUpdateState" BulkUpdateStateRequest => BulkUpdateStateResponse, Moment by_request_id;
    GET_STATE: "RunService" "GetState" GetStateRequest => GetStateResponse, Moment;
    GET_STATE_HISTORY: "RunService" "GetStateHistory" GetStateHistoryRequest => GetStateHistoryResponse, Moment;
    GET_RUN: "RunService" "GetRun" GetRunRequest => GetRunResponse, Moment;
    LIST_RUNS: "RunService" "ListRuns" ListRunsRequest => ListRunsResponse, Moment;
    CANCEL_RUN: "RunService" "CancelRun" CancelRunRequest => CancelRunResponse, Moment;

    CREATE_THREAD: "ThreadService" "CreateThread" CreateThreadRequest => CreateThreadResponse, Moment by_request_id;
    GET_THREAD: "ThreadService" "GetThread" GetThreadRequest => GetThreadResponse, Moment;
    LIST_THREADS: "ThreadService" "ListThreads" ListThreadsRequest => ListThreadsResponse, Moment;
    UPDATE_THREAD: "ThreadService" "UpdateThread" UpdateThreadRequest => UpdateThreadResponse, Moment by_request_id;
    COPY_THREAD: "ThreadService" "CopyThread" CopyThreadRequest => CopyThreadResponse, Run by_request_id;
    DELETE_THREAD: "ThreadService" "DeleteThread" DeleteThreadRequest => DeleteThreadResponse, Moment by_request_id;
    PRUNE_THREADS: "ThreadService" "PruneThreads" PruneThreadsRequest => PruneThreadsResponse, Run by_request_id;

    REGISTER_GRAPH: "GraphService" "RegisterGraph" RegisterGraphRequest => RegisterGraphResponse, Moment;
    GET_GRAPH: "GraphService" "GetGraph" GetGraphRequest => GetGraphResponse, Moment;
    LIST_GRAPHS: "GraphService" "ListGraphs" ListGraphsRequest => ListGraphsResponse, Moment;
    VALIDATE_GRAPH: "GraphService" "ValidateGraph" ValidateGraphRequest => ValidateGraphResponse, Moment;
    DRAW_GRAPH: "GraphService" "DrawGraph" DrawGraphRequest => DrawGraphResponse, Moment;

    PUT_CHECKPOINT: "CheckpointService" "PutCheckpoint" PutCheckpointRequest => PutCheckpointResponse, Moment by_request_id;
    PUT_WRITES: "CheckpointService" "PutWrites" PutWritesRequest => PutWritesResponse, Moment by_request_id;
    CLEAR_WRITES: "CheckpointService" "ClearWrites" ClearWritesRequest => ClearWritesResponse, Moment by_request_id;
    GET_CHECKPOINT: "CheckpointService" "GetCheckpoint" GetCheckpointRequest => GetCheckpointResponse, Moment;
    BATCH_GET_CHECKPOINTS: "CheckpointService" "BatchGetCheckpoints" BatchGetCheckpointsRequest => BatchGetCheckpointsResponse, Moment;
    FIND_CHECKPOINT: "CheckpointService" "FindCheckpoint" FindCheckpointRequest => FindCheckpointResponse, Moment;
    LIST_CHECKPOINTS: "CheckpointService" "ListCheckpoints" ListCheckpointsRequest => ListCheckpointsResponse, Moment;
    GET_CHANNEL_HISTORY: "CheckpointService" "GetChannelHistory" GetChannelHistoryRequest => GetChannelHistoryResponse, Moment;
    DELETE_RUNS: "CheckpointService" "DeleteRuns" DeleteRunsRequest => DeleteRunsResponse, Moment by_request_id;

    LIST_SPACES: "AdminService" "ListSpaces" ListSpacesRequest => ListSpacesResponse, Moment;
    DELETE_SPACE: "AdminService" "DeleteSpace" DeleteSpaceRequest => DeleteSpaceResponse, Moment;
    BACKUP_STORE: "AdminService" "BackupStore" BackupStoreRequest => BackupStoreResponse, Run never;
    GET_STATUS: "AdminService" "GetStatus" GetStatusRequest => GetStatusResponse, Moment;

    LIST_WORKERS: "WorkerService" "ListWorkers" ListWorkersRequest => ListWorkersResponse, Moment;
}

macro_rules! stream_methods {
    ($($name:ident: $service:literal $method:literal $request:ident => $response:ident;)*) => {$(
        #[doc = concat!("`", $service, ".", $method, "`")]
        pub const $name: StreamMethod<proto::$request, proto::$response> = StreamMethod {
            path: concat!("/cairn.v1.", $service, "/", $method),
            types: PhantomData,
        };
    )*};
}

stream_methods! {
    STREAM_EVENTS: "RunService" "StreamEvents" StreamEventsRequest => StreamEventsResponse;
    WATCH_THREADS: "ThreadService" "WatchThreads" WatchThreadsRequest => WatchThreadsResponse;
    EXPORT_THREAD: "ThreadService" "ExportThread" ExportThreadRequest => ExportThreadResponse;
    MIGRATE_THREADS: "GraphService" "MigrateThreads" MigrateThreadsRequest => MigrateThreadsResponse;
    MIGRATE_STORE: "AdminService" "MigrateStore" MigrateStoreRequest => MigrateStoreResponse;
    CHECK_STORE: "AdminService" "CheckStore" CheckStoreRequest => CheckStoreResponse;
    GET_VALUES: "CheckpointService" "GetValues" GetValuesRequest => GetValuesResponse;
}
