import type { Interrupt, RunFailure, RunOutcome, ThreadState } from "../../clients/typescript/src/index.ts";
import { jsonText } from "./json-text.ts";
import { aligned, moment, printable, style, styledStatus } from "./style.ts";

/** A state for programs; names as in the API. */
export function stateJson(state: ThreadState): Record<string, unknown> {
  return {
    thread_id: state.threadId,
    namespace: state.namespace,
    checkpoint_id: state.checkpointId,
    parent_id: state.parentId,
    step: state.step,
    source: state.source,
    values: state.values,
    next_nodes: state.next,
    tasks: state.tasks.map(({ id, node, path, finished, error, interruptIds }) => ({
      id,
      node,
      path,
      finished,
      error: failureJson(error),
      interrupt_ids: interruptIds,
    })),
    interrupts: state.interrupts.map(interruptJson),
    created_at: state.createdAt,
    run_id: state.runId,
    graph_name: state.graphName,
    graph_hash: state.graphHash,
    metadata: state.metadata,
  };
}

/** An outcome for programs. */
export function outcomeJson(outcome: RunOutcome): Record<string, unknown> {
  return {
    run_id: outcome.runId,
    status: outcome.status,
    error: failureJson(outcome.error),
    interrupts: outcome.interrupts.map(interruptJson),
    last_event_number: outcome.lastEventNumber,
    state: stateJson(outcome.state),
  };
}

/** A failure for programs. */
export function failureJson(error: RunFailure | undefined): Record<string, unknown> | undefined {
  if (error === undefined) return undefined;
  const { reason, message, node, channel, taskId } = error;
  return { reason, message, node, channel, task_id: taskId };
}

function interruptJson({ id, node, taskId, value }: Interrupt): Record<string, unknown> {
  return { id, node, task_id: taskId, value };
}

/** A state for people. */
export function stateText(state: ThreadState): string {
  const head = [
    ["thread", printable(state.threadId)],
    ["checkpoint", state.checkpointId || "none"],
    ["", [`step ${state.step}`, state.source, moment(state.createdAt)].filter((part) => part !== "").join(" · ")],
    ["graph", state.graphName === "" ? "" : `${state.graphName}@${state.graphHash.slice(0, 12)}`],
    ["next", state.next.join(", ") || "nothing"],
  ].filter(([, value]) => value !== "");
  return [
    aligned(head.map(([name = "", value = ""]) => [style("dim", name), value])),
    section(
      "values",
      Object.entries(state.values).map(([name, value]) => [printable(name), jsonText(value)]),
    ),
    section(
      "failed",
      state.tasks.flatMap(({ node, error }) => (error ? [[node, failureText(error)]] : [])),
    ),
    questions(state),
  ]
    .filter((part) => part !== "")
    .join("\n");
}

/** An outcome for people: how it ended, where the thread stands, how to go on. */
export function outcomeText(outcome: RunOutcome): string {
  const { status, state, error } = outcome;
  const head = `${styledStatus(status)}${error ? `: ${failureText(error)}` : ""}`;
  return [head, stateText(state), hint(outcome)].filter((part) => part !== "").join("\n");
}

function hint({ status, state }: RunOutcome): string {
  const thread = shellWord(state.threadId);
  if (status === "paused") return style("dim", `go on with: cairn run ${thread}`);
  if (status === "failed") return style("dim", `try again from the last checkpoint with: cairn run ${thread}`);
  return "";
}

/** A failure in words. */
export function failureText({ reason, message, node, channel }: RunFailure): string {
  const where = [node && `node ${node}`, channel && `channel ${channel}`].filter((part) => part !== "").join(", ");
  return printable(`${message} (${[reason, where].filter((part) => part !== "").join(", ")})`);
}

function questions({ interrupts, threadId }: ThreadState): string {
  if (interrupts.length === 0) return "";
  const rows = interrupts.map(({ id, node, value }) => [style("yellow", id), node, jsonText(value)]);
  const thread = shellWord(threadId);
  const how =
    interrupts.length === 1
      ? `cairn resume ${thread} --answer JSON`
      : `cairn resume ${thread} --answers '{"ID": JSON, …}'`;
  return `${section("waits for an answer", rows)}\n${style("dim", `answer with: ${how}`)}`;
}

function section(title: string, rows: string[][]): string {
  return rows.length === 0 ? "" : `${style("dim", title)}\n${aligned(rows, "  ")}`;
}

/** A word that a shell takes as it is. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
