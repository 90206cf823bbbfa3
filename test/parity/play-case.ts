import {
  byId,
  type CairnClient,
  CairnClientError,
  type RunOutcome,
  type Thread,
} from "../../clients/typescript/src/index.ts";
import type { Call, Case, Expected, Snapshot } from "./case.ts";
import { graphFile, nodeName } from "./graph-of.ts";
import type { Player } from "./player.ts";

/** Runs a case's script on a thread of its own and says what each call did. `between` happens between two calls. */
export async function playCase(
  client: CairnClient,
  player: Player,
  subject: Case,
  id: string,
  between?: () => Promise<void>,
): Promise<Expected[]> {
  const name = `case-${id}`;
  await client.graphs.register(graphFile(name, subject, player.urlOf(id)));
  const thread = client.thread(name);
  const isSubgraph = (node: string): boolean => subject.graph.nodes[node]?.graph !== undefined;
  const script = { thread, graph: name, isSubgraph, checkpointId: undefined };
  const results: Expected[] = [];
  for (const [i, call] of subject.script.entries()) {
    if (i > 0) await between?.();
    results.push(await playCall(script, player, id, call));
  }
  return results;
}

/** Where a script's calls go. */
interface Script {
  readonly thread: Thread;
  readonly graph: string;
  isSubgraph(node: string): boolean;
  /**
   * The checkpoint that the next call starts from; undefined for the head. As in the recording, a fork stays chosen
   * when its call is refused before it runs anything (an update, an answer to an unknown question), and is let go
   * of by the next call that gets further.
   */
  checkpointId: string | undefined;
}

async function playCall(script: Script, player: Player, id: string, call: Call): Promise<Expected> {
  const { thread } = script;
  const { ran } = player.counters(id);
  ran.clear();
  const before = await lastEvent(thread);
  const error = await make(script, call);
  const updated =
    call.update_state === undefined ? { updated: await updatedSince(thread, before, script.isSubgraph) } : {};
  const counts = Object.fromEntries([...ran].sort(([a], [b]) => (a < b ? -1 : 1)));
  const record: Expected = { ...updated, ...(error === undefined ? {} : { error }), ran: counts };
  if (call.fork === undefined) Object.assign(record, await standing(thread));
  return record;
}

/** Makes the call. Gives the name of its error, if it had one. */
async function make(script: Script, call: Call): Promise<string | undefined> {
  const { thread, graph } = script;
  try {
    if (call.fork !== undefined) script.checkpointId = (await history(thread))[call.fork]?.checkpointId;
    if (call.update_state !== undefined) {
      const { values, as_node: asNode } = call.update_state;
      const { checkpointId } = script;
      await thread.updateState(values, { graph, checkpointId, asNode: asNode && nodeName(asNode) });
      script.checkpointId = undefined;
      return undefined;
    }
    const outcome = await run(script, call);
    return outcome.error && errorName(outcome.error.reason);
  } catch (thrown) {
    if (!(thrown instanceof CairnClientError)) throw thrown;
    return call.update_state !== undefined && thrown.reason === "INVALID_FIELD"
      ? "INVALID_UPDATE"
      : errorName(thrown.reason);
  }
}

async function run(script: Script, call: Call): Promise<RunOutcome> {
  const { thread, graph, checkpointId } = script;
  const options = { graph, recursionLimit: call.recursion_limit ?? 25, checkpointId };
  const answer =
    call.resume && ("value" in call.resume ? call.resume.value : await answers(script, call.resume.by_value));
  script.checkpointId = undefined;
  if (call.resume !== undefined) return thread.resume(answer, options);
  return thread.run(call.invoke, options);
}

async function answers(
  { thread, checkpointId }: Script,
  byValue: [unknown, unknown][],
): Promise<ReturnType<typeof byId>> {
  const { interrupts } = await thread.state({ checkpointId });
  const ids = new Map(interrupts.map((asked) => [key(asked.value), asked.id]));
  return byId(Object.fromEntries(byValue.map(([value, answer]) => [ids.get(key(value)) ?? "nobody", answer])));
}

/** Errors under the names that the format has for them. */
function errorName(reason: string): string {
  const updates = ["AMBIGUOUS_UPDATE", "NODE_NOT_FOUND", "CHANNEL_NOT_FOUND"];
  return updates.includes(reason) ? "INVALID_UPDATE" : reason;
}

async function standing(thread: Thread): Promise<Pick<Expected, "state" | "history">> {
  const [state, states] = await Promise.all([
    thread.state().catch((thrown: unknown) => {
      if (thrown instanceof CairnClientError && thrown.codeName === "NOT_FOUND") return undefined;
      throw thrown;
    }),
    history(thread),
  ]);
  if (state === undefined) {
    return { state: { step: null, source: null, values: {}, next: [], interrupts: [], failed: [] }, history: [] };
  }
  const interrupts = state.interrupts.map(({ value }) => plain(value)).sort((a, b) => (key(a) < key(b) ? -1 : 1));
  const failed = state.tasks.filter(({ error }) => error !== undefined).map(({ node }) => node);
  return { state: { ...snapshot(state), interrupts, failed: failed.sort() }, history: states.map(snapshot) };
}

type State = Awaited<ReturnType<Thread["state"]>>;

function snapshot({ step, source, values, next }: State): Snapshot {
  return { step, source, values: plain(values), next: [...next].sort() };
}

async function history(thread: Thread): Promise<State[]> {
  try {
    const states: State[] = [];
    for await (const state of thread.history()) states.push(state);
    return states;
  } catch (thrown) {
    if (thrown instanceof CairnClientError && thrown.codeName === "NOT_FOUND") return [];
    throw thrown;
  }
}

async function lastEvent(thread: Thread): Promise<bigint> {
  let last = 0n;
  try {
    for await (const { number } of thread.events({ after: 0n, untilNow: true, values: false })) last = number;
  } catch (thrown) {
    if (!(thrown instanceof CairnClientError && thrown.codeName === "NOT_FOUND")) throw thrown;
  }
  return last;
}

/**
 * Nodes whose results counted in the call: those that ran, and those whose saved results were used. LangGraph's stream
 * ends with the first failure; a subgraph that finishes after it is saved and not told.
 */
async function updatedSince(thread: Thread, after: bigint, slow: (node: string) => boolean): Promise<string[]> {
  const nodes: string[] = [];
  let failed = false;
  try {
    for await (const event of thread.events({ after, untilNow: true, values: false })) {
      const { body, namespace } = event.raw;
      if (namespace !== "") continue;
      if (body.case === "runStarted") nodes.push(...body.value.reusedTasks.map(({ node }) => node));
      if (body.case === "taskFinished" && !(failed && slow(body.value.node))) nodes.push(body.value.node);
      failed ||= body.case === "taskFailed";
    }
  } catch (thrown) {
    if (!(thrown instanceof CairnClientError && thrown.codeName === "NOT_FOUND")) throw thrown;
  }
  return nodes.filter((node) => node !== "__start__").sort();
}

/** Through JSON and back, so that only what JSON can tell apart is compared. */
function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, v) =>
      typeof v === "bigint" ? Number(v) : typeof v?.value === "number" && v.constructor?.name === "Float" ? v.value : v,
    ),
  );
}

export function key(value: unknown): string {
  return JSON.stringify(plain(value), (_, v) =>
    v !== null && typeof v === "object" && !Array.isArray(v)
      ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1)))
      : v,
  );
}
