// What a fixture's store holds: something of every kind of record that there is.
import { createHash } from "node:crypto";
import { CairnClient } from "../../../clients/typescript/src/index.ts";
import { Origin } from "../../../src/gen/cairn/v1/checkpoint_pb.ts";
import { startServer } from "../../../src/server/start.ts";
import type { Environment } from "../../../src/system/environment.ts";
import { wideVersions } from "../store/wide-versions.ts";

const desk = {
  name: "desk",
  channels: { who: "last_value", approved: "last_value", log: "append", notes: "append" },
  nodes: {
    draft: { expression: { update: { log: '["Dear " + state.who]' } } },
    research: {
      subgraph: {
        inline: {
          channels: { who: "last_value", notes: "append" },
          nodes: {
            look: { expression: { update: { notes: '["looked for " + state.who]' } } },
            ask: { ask: { question: "state.notes", into: "notes" } },
          },
          edges: ["START -> look", "look -> ask"],
        },
      },
    },
    check: { ask: { question: "state.log", into: "approved" } },
    send: { expression: { update: { log: '["sent"]' } } },
  },
  edges: ["START -> draft", "draft -> research", "research -> check", "send -> END"],
  branches: [{ from: "check", cel: "state.approved", routes: { true: "send", false: "END" } }],
};

const loop = {
  name: "loop",
  channels: { count: "add" },
  nodes: { up: { expression: { update: { count: "1" } } } },
  edges: ["START -> up"],
  branches: [{ from: "up", cel: "state.count < 5", routes: { true: "up", false: "END" } }],
};

const json = (value: unknown) => ({ type: "json", data: Buffer.from(JSON.stringify(value)) });
const inline = (value: unknown) => ({ source: { case: "inline" as const, value: json(value) } });

/** The request ids whose answers are still known. */
export const REQUESTS: [thread: string, id: string][] = [
  ["native", "create"],
  ["native", "run"],
  ["background", "run"],
  ["langgraph", "put 2"],
  ["gone", "delete"],
];

/** Fills the store in a folder through a server of this build. */
export async function tellStory(folder: string, environment: Environment): Promise<void> {
  const server = await startServer({ store: { folder }, listen: "127.0.0.1:0", logLevel: "error" }, environment);
  const client = CairnClient.connect({ address: server.address });
  try {
    await client.graphs.register(JSON.stringify({ ...desk, nodes: { ...desk.nodes, send: desk.nodes.draft } }));
    await client.graphs.register(JSON.stringify(desk));
    await client.graphs.register(JSON.stringify(loop));
    await nativeThread(client);
    await backgroundThread(client);
    await langgraphThread(client);
    await editedThread(client);
    await wideThread(client);
    await deletedThread(client);
  } finally {
    client.close();
    await server.stop();
  }
}

/** A subgraph, questions, an answer, a fork of which the run is deleted, an update. */
async function nativeThread(client: CairnClient): Promise<void> {
  const thread = client.thread("native");
  await client.threads.create({ id: thread.id, metadata: { of: "Ada", n: 1 }, requestId: "create" });
  await thread.run({ who: "Ada" }, { graph: "desk", requestId: "run" });
  // An answer that the channel refuses, and then one that it takes.
  await thread.resume("found");
  const asked = await thread.resume(["found"]);
  await thread.resume(true);
  const fork = await thread.resume(false, { checkpointId: asked.state.checkpointId });
  await client.checkpoints.deleteRuns({ runIds: [fork.runId] });
  await thread.updateState({ log: ["by hand"] }, { asNode: "send" });
  await client.services.threads.updateThread({ threadId: thread.id, metadata: Buffer.from('{"of":"Ada", "n":2}') });
  await client.thread("waiting").run({ who: "Grace" }, { graph: "desk" });
}

async function backgroundThread(client: CairnClient): Promise<void> {
  const thread = client.thread("background");
  const { runId } = await thread.run({ count: 0 }, { graph: "loop", background: true, requestId: "run" });
  await thread.waitForRun(runId);
}

/** A large value in parts, a checkpoint replaced by another of its id, pending writes. */
async function langgraphThread({ checkpoints }: CairnClient): Promise<void> {
  const threadId = "langgraph";
  const put = (id: string, parentId: string | undefined, words: string[], requestId?: string) =>
    checkpoints.putCheckpoint({
      requestId,
      checkpoint: {
        id,
        threadId,
        namespace: "",
        parentId,
        step: BigInt(words.length),
        source: "loop",
        origin: Origin.LANGGRAPH,
        createdAt: "2026-01-02T03:04:05.678901+00:00",
        formatVersion: 4,
        channelValues: { words: inline(words), large: inline((words[0] ?? "").repeat(100_000)) },
        channelVersions: {
          versions: { words: { number: { case: "stringValue", value: `0000000${words.length}.0.5` } } },
        },
        versionsSeen: { nodes: { __input__: {}, agent: { isNull: true } } },
        metadata: Buffer.from('{"source": "loop", "step": 1, "parents": {}}'),
        extra: { pending: Buffer.from([0, 255]) },
      },
    });
  await put("1f0a", undefined, ["one"]);
  await put("1f0b", "1f0a", ["two", "three"], "put 2");
  await put("1f0a", undefined, ["four"]);
  const pending = { taskId: "task", taskPath: "~__pregel_pull", idx: 0, channel: "words", value: inline("pending") };
  await checkpoints.putWrites({ threadId, writes: { namespace: "", checkpointId: "1f0b", writes: [pending] } });
}

/** A value that grows, is edited and is replaced, a fork, an upload: kept as patches, compressed, whole and in parts. */
async function editedThread({ checkpoints, checkpointStore }: CairnClient): Promise<void> {
  const put = async (id: string, parentId: string | undefined, text: string) => {
    const channelValues = { text: inline(text) };
    await checkpoints.putCheckpoint({ checkpoint: { id, threadId: "edited", parentId, channelValues } });
  };
  const lines = Array.from(
    { length: 400 },
    (_, line) => `${line}: ${createHash("md5").update(`${line}`).digest("hex")}`,
  );
  await put("1", undefined, lines.join("\n"));
  await put("2", "1", [...lines, "appended"].join("\n"));
  await put("3", "2", [...lines.slice(0, 200), "inserted", ...lines.slice(201), "appended"].join("\n"));
  await put("4", "3", "replaced ".repeat(3000));
  await checkpointStore.put({
    id: "uploaded",
    threadId: "edited",
    parentId: "4",
    channelValues: { large: inline("uploaded ".repeat(300_000)) },
  });
  await put("fork", "2", [...lines, "appended", "to the fork"].join("\n"));
}

/** Of a graph so large that its versions are a value by themselves. */
async function wideThread({ checkpoints }: CairnClient): Promise<void> {
  for (let step = 1; step <= 3; step++) {
    await checkpoints.putCheckpoint({
      checkpoint: {
        id: `${step}`,
        threadId: "wide",
        parentId: step === 1 ? undefined : `${step - 1}`,
        ...wideVersions(step),
        deltaCounters: { "branch:to:node 3": { updates: BigInt(step) } },
      },
    });
  }
}

async function deletedThread({ checkpoints, services }: CairnClient): Promise<void> {
  const threadId = "gone";
  const channelValues = { x: inline("gone") };
  await checkpoints.putCheckpoint({ checkpoint: { id: "a", threadId, channelValues } });
  await services.threads.deleteThread({ threadId, requestId: "delete" });
}
