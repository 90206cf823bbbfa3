// Saves threads step by step through the TypeScript client, as savers.py does with LangGraph's savers.
import { randomBytes, randomUUID } from "node:crypto";
import { create, toBinary } from "@bufbuild/protobuf";
import { type CairnClient, CheckpointStore, proto } from "../../clients/typescript/src/index.ts";
import { median } from "./rounds.ts";
import type { StorageFigures } from "./storage-figures.ts";

const MESSAGE_BYTES = 1024;
const [THREADS, CALLERS, THREAD_STEPS] = [32, 8, 20];

const json = (value: unknown) => {
  const data = new TextEncoder().encode(JSON.stringify(value));
  return { source: { case: "inline" as const, value: { type: "json", data } } };
};

export async function saveWithCairn(
  client: CairnClient,
  steps: number,
  stored: () => Promise<number>,
): Promise<StorageFigures> {
  const { checkpoints, sent } = counting(client);
  await saveThread(new CheckpointStore(checkpoints), `warm-up-${randomUUID()}`, 10);
  const thread = `thread-${randomUUID()}`;
  const [before, sentBefore] = [await stored(), sent.bytes];
  const latencies = await saveThread(new CheckpointStore(checkpoints), thread, steps);
  const bytes = ((await stored()) - before) / steps;
  const sentBytes = (sent.bytes - sentBefore) / steps;
  // Readers that hold nothing, as LangGraph's savers hold nothing.
  const get = () => new CheckpointStore(checkpoints).get(thread);
  const page = async () => {
    const list = new CheckpointStore(checkpoints).list(thread, { pageSize: 10 });
    for (let i = 0; i < 10; i++) await list.next();
    await list.return(undefined);
  };
  const tenth = Math.max(1, Math.floor(steps / 10));
  return {
    putFirst: median(latencies.slice(0, tenth)),
    putLast: median(latencies.slice(-tenth)),
    getLatest: await medianMs(get),
    page: await medianMs(page),
    bytes,
    sent: sentBytes,
    perSecond: await fleet(new CheckpointStore(checkpoints), thread),
  };
}

/** Saves a thread; the latencies of its puts. */
export async function saveThread(store: CheckpointStore, threadId: string, steps: number): Promise<number[]> {
  const latencies: number[] = [];
  const messages: unknown[] = [];
  let parentId: string | undefined;
  for (let step = 0; step < steps; step++) {
    const message = { role: "user", content: randomBytes(MESSAGE_BYTES / 2).toString("hex") };
    messages.push(message);
    if (parentId !== undefined) {
      const taskId = randomUUID();
      const writes = [
        { taskId, idx: 0, channel: "messages", value: json([message]) },
        { taskId, idx: 1, channel: "n", value: json(step) },
      ];
      await store.putWrites(threadId, { checkpointId: parentId, writes });
    }
    const version = { number: { case: "int64Value" as const, value: BigInt(step + 1) } };
    const first = { number: { case: "int64Value" as const, value: 1n } };
    const checkpoint = {
      threadId,
      id: randomUUID(),
      parentId,
      step: BigInt(step),
      source: "loop",
      channelValues: { messages: json(messages), n: json(step), system: json("You are kind. ".repeat(40)) },
      channelVersions: { versions: { messages: version, n: version, system: first } },
      versionsSeen: { nodes: { agent: { versions: { messages: version } } } },
      metadata: new TextEncoder().encode(JSON.stringify({ source: "loop", step, parents: {} })),
    };
    const began = performance.now();
    await store.put(checkpoint);
    latencies.push(performance.now() - began);
    parentId = checkpoint.id;
  }
  return latencies;
}

async function fleet(store: CheckpointStore, prefix: string): Promise<number> {
  const waiting = Array.from({ length: THREADS }, (_, i) => `${prefix}-${i}`);
  const began = performance.now();
  const caller = async (): Promise<void> => {
    for (let thread = waiting.pop(); thread !== undefined; thread = waiting.pop()) {
      await saveThread(store, thread, THREAD_STEPS);
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  return (THREADS * THREAD_STEPS * 1000) / (performance.now() - began);
}

async function medianMs(act: () => Promise<unknown>, times = 9): Promise<number> {
  const taken: number[] = [];
  for (let i = 0; i < times; i++) {
    const began = performance.now();
    await act();
    taken.push(performance.now() - began);
  }
  return median(taken);
}

/** The client's calls, which count what they send. */
function counting({ checkpoints }: CairnClient) {
  const sent = { bytes: 0 };
  const counted: typeof checkpoints = {
    ...checkpoints,
    putCheckpoint(request, options) {
      const schema = proto.PutCheckpointRequestSchema;
      sent.bytes += toBinary(schema, create(schema, request)).length;
      return checkpoints.putCheckpoint(request, options);
    },
    putWrites(request, options) {
      const schema = proto.PutWritesRequestSchema;
      sent.bytes += toBinary(schema, create(schema, request)).length;
      return checkpoints.putWrites(request, options);
    },
  };
  return { checkpoints: counted, sent };
}
