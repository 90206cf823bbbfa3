import { create } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { RunStatus } from "./gen/cairn/v1/event_pb.ts";
import { type RunInfo as RunInfoMessage, RunInfoSchema } from "./gen/cairn/v1/run_service_pb.ts";
import { lowerName } from "./names.ts";
import { type RunFailure, type RunStatusName, toFailure } from "./state.ts";

/** What the server knows of a run. */
export interface RunInfo {
  runId: string;
  threadId: string;
  /** Its graph; empty while it waits for its turn. */
  graphName: string;
  graphHash: string;
  /** How it stands: `queued`, `running`, or why it stopped. */
  status: RunStatusName;
  /** Why it failed. */
  error: RunFailure | undefined;
  startedAt: Date | undefined;
  stoppedAt: Date | undefined;
  /** The head that it left. */
  checkpointId: string;
  /** Names that its tasks wait for while no connected worker serves them. */
  waitsFor: string[];
}

/** Makes a run's info of its message. */
export function toRunInfo(message: RunInfoMessage | undefined): RunInfo {
  const run = message ?? create(RunInfoSchema);
  return {
    runId: run.runId,
    threadId: run.threadId,
    graphName: run.graphName,
    graphHash: run.graphHash,
    status: lowerName(RunStatus, run.status),
    error: toFailure(run.error),
    startedAt: run.startedAt && timestampDate(run.startedAt),
    stoppedAt: run.stoppedAt && timestampDate(run.stoppedAt),
    checkpointId: run.checkpointId,
    waitsFor: run.waitsFor,
  };
}
