// What clients do while servers die: every kind of act that makes something durable, each under a request id.
import { setTimeout as sleep } from "node:timers/promises";
import { crc32 } from "node:zlib";
import {
  type CairnClient,
  CairnClientError,
  type RunOutcome,
  type Thread,
} from "../../clients/typescript/src/index.ts";
import { noise } from "../support/noise.ts";

export const FLOW = "flow";
export const KEPT = "kept";
export const GONE = "gone";
export const PRUNED = "pruned";
export const UPLOADED = "uploaded";
export const COPIED = "copied";
export const MOVED = "moved";
export const OTHER_SPACE = "other";

/** What the calls answered, by step. */
export type Answers = Map<string, unknown>;

export interface Step {
  name: string;
  call(client: CairnClient, answers: Answers): Promise<unknown>;
  /** It takes away what earlier steps made. */
  removes?: boolean;
  /** Made again it tells something else: how much there was left to do. */
  unrepeatable?: boolean;
  /** The thread that it creates, whose events are followed from here on. */
  creates?: string;
}

const json = (value: unknown) => ({ type: "json", data: Buffer.from(JSON.stringify(value)) });
const inline = (value: unknown) => ({ source: { case: "inline" as const, value: json(value) } });

function graphText(folder: string): string {
  const node = (name: string) => ({ module: { function: name, params: { folder } } });
  return JSON.stringify({
    name: "flow",
    channels: { items: "last_value", large: "last_value", log: "append", count: "add" },
    nodes: { plan: node("plan"), work: node("work"), approve: node("approve"), finish: node("finish") },
    edges: ["START -> plan", "work -> approve", "approve -> finish"],
  });
}

const flow = (client: CairnClient): Thread => client.thread(FLOW);
const asked = (answers: Answers): string => (answers.get("run") as RunOutcome).state.checkpointId;
const forked = (answers: Answers): string => (answers.get("fork") as RunOutcome).runId;

const LARGE_BYTES = 300_000;

/** A checkpoint of an adapter's: a small value, and one that is written in parts. */
function put(threadId: string, id: string, requestId: string, word: string): Step {
  const large = { source: { case: "inline" as const, value: { type: "bytes", data: noise(LARGE_BYTES, word) } } };
  const channelValues = { small: inline(word), large };
  const checkpoint = { id, threadId, step: 1n, source: "loop", channelValues };
  const name = `put ${requestId}`;
  return { name, call: ({ checkpoints }) => checkpoints.putCheckpoint({ checkpoint, requestId }) };
}

/** A value that is uploaded ahead of the put that names it, and one that no put names. */
async function putUploaded({ checkpoints }: CairnClient): Promise<unknown> {
  const data = noise(LARGE_BYTES, "uploaded");
  const header = { threadId: UPLOADED, type: "bytes", sizeBytes: BigInt(data.length), crc32: crc32(data) };
  const upload = [
    { part: { case: "header" as const, value: header } },
    { part: { case: "chunk" as const, value: data } },
  ];
  const { refs } = await checkpoints.putValues([...upload, ...upload]);
  const channelValues = { large: { source: { case: "ref" as const, value: refs[0] ?? "" } } };
  const checkpoint = { id: "a", threadId: UPLOADED, channelValues };
  return (await checkpoints.putCheckpoint({ checkpoint, requestId: "put-uploaded" })).seq;
}

/** Nothing is remembered of an import but the thread: whoever lost its server asks again, or finds it there. */
async function move({ services, threads }: CairnClient): Promise<unknown> {
  for (let attempt = 1; ; attempt++) {
    try {
      return (await threads.import(threads.export(COPIED), { threadId: MOVED })).thread.headCheckpointId;
    } catch (thrown) {
      if (thrown instanceof CairnClientError && thrown.reason === "THREAD_EXISTS") break;
      if (attempt === 1_000) throw thrown;
    }
    await sleep(50);
  }
  return (await services.threads.getThread({ threadId: MOVED })).thread?.headCheckpointId;
}

/** Nothing is remembered of a migration: whoever lost its server asks again. */
async function migrate(client: CairnClient): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      for await (const _ of client.admin.migrateStore({}));
      return;
    } catch (thrown) {
      if (attempt === 1_000) throw thrown;
    }
    await sleep(50);
  }
}

/** The steps, in order. `other` is a client of another space. */
export function story(folder: string, other: CairnClient): Step[] {
  const pending = { taskId: "t", taskPath: "", idx: 0, channel: "small", value: inline("pending") };
  return [
    { name: "register", call: ({ graphs }) => graphs.register(graphText(folder)), unrepeatable: true },
    {
      name: "create",
      call: ({ threads }) => threads.create({ id: FLOW, metadata: { of: "story" }, requestId: "create" }),
      creates: FLOW,
    },
    { name: "run", call: (c) => flow(c).run({ items: ["one", "two", "three"] }, { graph: "flow", requestId: "run" }) },
    { name: "resume", call: (c) => flow(c).resume("yes", { requestId: "resume" }) },
    { name: "update", call: (c) => flow(c).updateState({ count: 10 }, { asNode: "approve", requestId: "update" }) },
    { name: "step", call: (c) => flow(c).step(undefined, { requestId: "step" }) },
    { name: "fork", call: (c, a) => flow(c).resume("no", { checkpointId: asked(a), requestId: "fork" }) },
    { ...put(KEPT, "a", "put-a", "first"), creates: KEPT },
    put(KEPT, "b", "put-b", "second"),
    // Replaces an older one: that record is rewritten.
    put(KEPT, "a", "put-a-again", "third"),
    {
      name: "writes",
      call: ({ checkpoints }) =>
        checkpoints.putWrites({
          threadId: KEPT,
          writes: { namespace: "", checkpointId: "b", writes: [pending] },
          requestId: "writes",
        }),
    },
    put(GONE, "a", "put-gone", "gone"),
    {
      name: "delete thread",
      call: ({ services }) => services.threads.deleteThread({ threadId: GONE, requestId: "delete" }),
      removes: true,
    },
    { name: "upload", call: putUploaded, unrepeatable: true },
    {
      name: "copy",
      call: async ({ services }) => {
        const request = { threadId: KEPT, newThreadId: COPIED, requestId: "copy" };
        return (await services.threads.copyThread(request)).thread?.headCheckpointId;
      },
    },
    { name: "move", call: move, unrepeatable: true },
    put(PRUNED, "a", "put-pruned-a", "old"),
    put(PRUNED, "b", "put-pruned-b", "new"),
    {
      name: "prune",
      call: ({ services }) => services.threads.pruneThreads({ threadIds: [PRUNED], keep: 1, requestId: "prune" }),
      removes: true,
    },
    {
      name: "delete run",
      call: ({ checkpoints }, answers) =>
        checkpoints.deleteRuns({ runIds: [forked(answers)], requestId: "delete-run" }),
      removes: true,
      unrepeatable: true,
    },
    { name: "register elsewhere", call: () => other.graphs.register(graphText(folder)), unrepeatable: true },
    { name: "migrate", call: migrate, unrepeatable: true },
    { name: "delete space", call: () => other.admin.deleteSpace({ space: OTHER_SPACE }), unrepeatable: true },
  ];
}
