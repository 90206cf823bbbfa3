import { create } from "@bufbuild/protobuf";
import type { CompiledGraph } from "../engine/graph.ts";
import { CairnError } from "../errors.ts";
import { type Checkpoint, Origin } from "../gen/cairn/v1/checkpoint_pb.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import {
  type MigrateThreadsRequest,
  type MigrateThreadsResponse,
  MigrateThreadsResponseSchema,
  type ThreadMigration,
  ThreadMigration_Outcome,
  ThreadMigrationSchema,
} from "../gen/cairn/v1/graph_service_pb.ts";
import { Code } from "../gen/google/rpc/code_pb.ts";
import { limits } from "../limits.ts";
import type { Draft, ThreadKey, ThreadTail } from "../store/store.ts";
import { EMPTY_METADATA } from "../store/thread-record.ts";
import { carryOver } from "./carry-over.ts";
import { EventMaker } from "./event-bodies.ts";
import { findIn, type Loaded } from "./load.ts";
import { loadChildrenForRun } from "./load-children.ts";
import { loadForRun } from "./load-for-run.ts";
import type { RunParts } from "./parts.ts";
import type { Runner } from "./runner.ts";

interface Parts {
  parts: RunParts;
  runner: Pick<Runner, "refuseBusy">;
}

/** Migrates the threads of a graph one after the other, or only tries to, and tells of those that were at another version. */
export async function* migrateThreads(
  { parts, runner }: Parts,
  space: string,
  { name, dryRun }: Pick<MigrateThreadsRequest, "name" | "dryRun">,
  signal: AbortSignal,
): AsyncGenerator<MigrateThreadsResponse> {
  const { store } = parts;
  const graph = await parts.graphs.get(space, name, "");
  let examined = 0n;
  let pageToken = "";
  do {
    const page = await store.listThreads(space, { filters: [], pageSize: limits.pageSizeDefault, pageToken });
    for (const { id, graphName } of page.threads) {
      if (signal.aborted) return;
      examined++;
      if (graphName !== name) continue;
      const thread = await migrateThread({ parts, runner }, { space, thread: id }, graph, dryRun);
      if (thread !== undefined) yield create(MigrateThreadsResponseSchema, { examined, thread });
    }
    yield create(MigrateThreadsResponseSchema, { examined });
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
}

/** Undefined for a thread that is at the graph's version, or none of its own. */
async function migrateThread(
  parts: Parts,
  key: ThreadKey,
  graph: CompiledGraph,
  dryRun: boolean,
): Promise<ThreadMigration | undefined> {
  const { store } = parts.parts;
  const thread = await store.tail(key);
  const id = thread.tail.headCheckpointId;
  const head = id === "" ? undefined : await store.getCheckpoint(key, "", { id }, { view: "refs" });
  if (head === undefined || !isOlder(head.checkpoint, graph)) return undefined;
  const told = create(ThreadMigrationSchema, {
    threadId: key.thread,
    from: head.checkpoint.schemaVersion ?? 0,
    to: graph.spec.schemaVersion,
    checkpointId: id,
  });
  try {
    if (dryRun) await load(parts, key, graph, thread, told);
    else await save(parts, key, graph, told);
    // Somebody else has been faster.
    return told.steps.length === 0 ? undefined : told;
  } catch (thrown) {
    if (!(thrown instanceof CairnError) || !isOfOneThread(thrown)) throw thrown;
    told.outcome =
      thrown.reason === ErrorReason.THREAD_BUSY ? ThreadMigration_Outcome.BUSY : ThreadMigration_Outcome.REFUSED;
    told.reason = thrown.reasonName;
    told.message = thrown.message;
    return told;
  }
}

function isOlder({ origin, graphName, schemaVersion = 0 }: Checkpoint, { name, spec }: CompiledGraph): boolean {
  return origin === Origin.NATIVE && graphName === name && schemaVersion !== spec.schemaVersion;
}

/** Migrates a thread in memory, its subgraphs too: what is refused there would stop the next run. */
async function load(
  { parts, runner }: Parts,
  key: ThreadKey,
  graph: CompiledGraph,
  thread: ThreadTail,
  told: ThreadMigration,
): Promise<Loaded> {
  runner.refuseBusy(key, thread);
  const loaded = await loadForRun(parts, graph, key, "", await findIn(parts, key, thread, ""));
  await loadChildrenForRun(parts, key, loaded);
  refuseMissed(loaded);
  told.outcome = ThreadMigration_Outcome.MIGRATED;
  told.steps = (loaded.migrated?.steps ?? []).map(({ from, to, renamedChannels, dropped, set, renamedNodes }) => ({
    $typeName: "cairn.v1.StateChanges",
    from,
    to,
    renamedChannels,
    droppedChannels: dropped,
    setChannels: set,
    renamedNodes,
  }));
  return loaded;
}

function refuseMissed({ migrated, children }: Loaded): void {
  if (migrated?.missed !== undefined) throw migrated.missed;
  for (const child of children.values()) refuseMissed(child);
}

async function save(parts: Parts, key: ThreadKey, graph: CompiledGraph, told: ThreadMigration): Promise<void> {
  const { store, minter, environment } = parts.parts;
  await store.update(key, async (thread): Promise<Draft | undefined> => {
    if (!thread.exists) return undefined;
    const loaded = await load(parts, key, graph, thread, told);
    const carried = carryOver(loaded, {
      id: minter.mint(),
      threadId: key.thread,
      runId: "",
      nowMs: environment.clock.nowMs(),
      metadata: EMPTY_METADATA,
    });
    if (carried === undefined) return undefined;
    const { checkpoint } = carried;
    told.newCheckpointId = checkpoint.id;
    return { ...carried, hasFreshId: true, events: [new EventMaker("", "").checkpointSaved(checkpoint)] };
  });
}

/** What is wrong with one thread does not keep the others from being migrated. */
const ofOneThread = new Set<Code>([
  Code.ABORTED,
  Code.FAILED_PRECONDITION,
  Code.NOT_FOUND,
  Code.RESOURCE_EXHAUSTED,
  Code.DATA_LOSS,
  Code.INVALID_ARGUMENT,
]);

function isOfOneThread({ code, reason }: CairnError): boolean {
  return ofOneThread.has(code) && reason !== ErrorReason.STORE_FULL;
}
