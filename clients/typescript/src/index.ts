export { defaultAddress } from "./channel.ts";
export {
  type CheckpointListQuery,
  type CheckpointQuery,
  CheckpointStore,
  type PutOptions,
  type ReadCheckpoint,
} from "./checkpoints/checkpoint-store.ts";
export { CairnClient, type Services } from "./client.ts";
export { Code, type CodeName, codeName } from "./code.ts";
export type { ConnectOptions, Pem, TlsOptions } from "./connect-options.ts";
export { type Environment, systemEnvironment } from "./environment.ts";
export { CairnClientError, type CairnClientErrorInit, type FieldViolation, type Reason } from "./error.ts";
export {
  type ChannelUpdate,
  type EventBody,
  type EventHead,
  type EventValue,
  type ThreadEvent,
  ValueRef,
} from "./event.ts";
export type { EventOptions, StreamModeName } from "./event-stream.ts";
export { fetchValues } from "./fetch-values.ts";
export type { GraphInfo, GraphInput, Graphs } from "./graphs.ts";
/** Every message, enum and service descriptor of `cairn.v1`. */
export * as proto from "./proto.ts";
export { backoffMs, defaultRetry, type RetryPolicy } from "./retry.ts";
export type { RunInfo } from "./run-info.ts";
export type { RunOptions } from "./run-options.ts";
export type { CallOptions, ServiceCalls } from "./service-calls.ts";
export {
  type Interrupt,
  type RunFailure,
  type RunOutcome,
  type RunStatusName,
  type StateValue,
  type TaskState,
  type ThreadState,
  toState,
} from "./state.ts";
export {
  AnswersById,
  type BulkUpdateOptions,
  byId,
  type NodeUpdate,
  type PruneOptions,
  type StateOptions,
  type Thread,
  type UpdateOptions,
} from "./thread.ts";
export type { ThreadInfo, ThreadStatusName } from "./thread-info.ts";
export type { MigrationProgress, MigrationStep, ThreadMigration } from "./thread-migration.ts";
export type { CreateThreadOptions, ImportThreadOptions, ListThreadsOptions, Threads } from "./threads.ts";
export { toClientError } from "./to-client-error.ts";
export { decodeJson, encodeJson } from "./values/json.ts";
export { Extension, Float, type PlainValue } from "./values/plain.ts";
export { decode, type Encoding, encode, OpaqueValue } from "./values/typed-value.ts";
export {
  Command,
  Interrupted,
  type NodeContext,
  type NodeFunction,
  type NodeReturn,
  type NodeState,
  type NodeValue,
  Overwrite,
  Send,
  type Target,
} from "./worker/node-function.ts";
export { Worker, type WorkerOptions } from "./worker/worker.ts";
