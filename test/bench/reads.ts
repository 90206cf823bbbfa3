// Threads to read: what a chat keeps between turns, 2 KB of state in three channels.
import { randomBytes } from "node:crypto";
import { create, toBinary } from "@bufbuild/protobuf";
import type { CairnClient } from "../../clients/typescript/src/index.ts";
import { Origin } from "../../src/gen/cairn/v1/checkpoint_pb.ts";
import { GetCheckpointRequestSchema } from "../../src/gen/cairn/v1/checkpoint_service_pb.ts";
import { systemEnvironment } from "../../src/system/environment.ts";
import { Uuid6Minter } from "../../src/system/uuid.ts";
import { Requests } from "./load.ts";

const minter = new Uuid6Minter(systemEnvironment);

/** How many puts are on their way at a time. */
const AT_A_TIME = 64;

/** Gives each of so many threads a checkpoint. */
export async function putThreads(client: CairnClient, count: number): Promise<void> {
  const numbers = Array.from({ length: count }, (_, index) => index).values();
  const lane = async (): Promise<void> => {
    for (const index of numbers) await client.checkpoints.putCheckpoint({ checkpoint: checkpointOf(nameOf(index)) });
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, lane));
}

export function readRequests(count: number): Requests {
  const encoded = Array.from({ length: count }, (_, index) =>
    toBinary(GetCheckpointRequestSchema, create(GetCheckpointRequestSchema, { threadId: nameOf(index) })),
  );
  return new Requests("random", encoded);
}

function nameOf(index: number): string {
  return `read-${String(index).padStart(6, "0")}`;
}

function checkpointOf(threadId: string) {
  const version = { number: { case: "stringValue" as const, value: "00000000000000000000000000000002.0.4711" } };
  const versions = { versions: { messages: version, count: version, settings: version } };
  return {
    id: minter.mint(),
    threadId,
    step: 1n,
    source: "loop",
    origin: Origin.LANGGRAPH,
    createdAt: new Date().toISOString(),
    channelValues: { messages: inline(1_840), count: inline(8), settings: inline(200) },
    channelVersions: versions,
    versionsSeen: { nodes: { agent: versions, tools: versions } },
    updatedChannels: { names: ["count", "messages"] },
    metadata: Buffer.from('{"source":"loop","step":1,"parents":{}}'),
  };
}

function inline(bytes: number) {
  const value = { type: "msgpack", data: randomBytes(bytes) };
  return { source: { case: "inline" as const, value } };
}
