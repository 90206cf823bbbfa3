import type { RunInfo } from "../../clients/typescript/src/index.ts";
import { failureJson, failureText } from "./print-state.ts";
import { styledStatus } from "./style.ts";

/** A run for programs; names as in the API. */
export function runJson(run: RunInfo): Record<string, unknown> {
  return {
    run_id: run.runId,
    thread_id: run.threadId,
    graph_name: run.graphName,
    graph_hash: run.graphHash,
    status: run.status,
    error: failureJson(run.error),
    started_at: run.startedAt,
    stopped_at: run.stoppedAt,
    checkpoint_id: run.checkpointId,
    waits_for: run.waitsFor,
  };
}

/** A run for people: how it stands, and why. */
export function runText({ runId, status, error }: RunInfo): string {
  return `${runId} ${styledStatus(status)}${error ? `: ${failureText(error)}` : ""}`;
}
