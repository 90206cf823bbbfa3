// Answers are kept for whoever asks again. What changed since, on whichever server, is told all the same.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { expect, inject, onTestFinished, test } from "vitest";
import { CheckpointService, GetCheckpointRequestSchema } from "../../src/gen/cairn/v1/checkpoint_service_pb.ts";
import { ThreadService } from "../../src/gen/cairn/v1/thread_service_pb.ts";
import { mongoStore, storeKinds } from "../support/stores.ts";
import { Caller, refusal, server, temporaryFolder } from "./harness.ts";

const { method } = CheckpointService;
const threadId = "t";

/** Callers of two servers on one MongoDB, or both of the one server that an embedded store can have. */
async function twoCallers(kind: (typeof storeKinds)[number]): Promise<[Caller, Caller]> {
  if (kind === "embedded") {
    const { address } = await server({ store: { folder: await temporaryFolder() } });
    return [new Caller(address), new Caller(address)];
  }
  const { location: store, remove } = mongoStore(inject("mongoUri"));
  onTestFinished(remove);
  const servers = [await server({ store }), await server({ store })] as const;
  return [new Caller(servers[0].address), new Caller(servers[1].address)];
}

function put(caller: Caller, id: string, text: string, parentId?: string) {
  const value = { source: { case: "inline", value: { type: "text", data: Buffer.from(text) } } } as const;
  const checkpoint = { id, threadId, parentId, channelValues: { x: value } };
  return caller.call(method.putCheckpoint, { checkpoint });
}

async function read(caller: Caller, init: MessageInitShape<typeof GetCheckpointRequestSchema> = {}) {
  const request = create(GetCheckpointRequestSchema, { threadId, ...init });
  const { entry, values } = await caller.call(method.getCheckpoint, request);
  const texts = values.map(({ value }) => (value ? Buffer.from(value.data).toString() : "held"));
  return `${entry?.checkpoint?.id}: ${[...texts, ...(entry?.writes ?? []).map(({ taskId }) => taskId)].join()}`;
}

test.each(storeKinds)("on %s, an answer that is asked for again has what was written since", async (kind) => {
  const [one, other] = await twoCallers(kind);
  const both = async () => [await read(one), await read(one), await read(other), await read(other), await read(one)];
  const five = (text: string) => Array.from({ length: 5 }, () => text);
  await put(one, "a", "1");
  expect(await both()).toEqual(five("a: 1"));
  await put(other, "b", "2", "a");
  expect(await both()).toEqual(five("b: 2"));
  const writes = [{ taskId: "task", channel: "x", value: { source: { case: "ref", value: "2.0" } } as const }];
  await other.call(method.putWrites, { threadId, writes: { namespace: "", checkpointId: "b", writes } });
  expect(await both()).toEqual(five("b: 2,task"));
  await put(other, "b", "3", "a");
  expect(await both()).toEqual(five("b: 3,2,task"));
  await other.call(ThreadService.method.deleteThread, { threadId });
  expect((await refusal(read(one))).reason).toBe("THREAD_NOT_FOUND");
  await put(other, "a", "4");
  expect(await both()).toEqual(five("a: 4"));
});

test.each(storeKinds)("on %s, a reader's answer leaves out what it holds, and only that", async (kind) => {
  const [one, other] = await twoCallers(kind);
  await put(one, "a", "1");
  for (const caller of [one, other, one]) {
    expect(await read(caller)).toBe("a: 1");
    expect(await read(caller, { heldRefs: ["1.0"] })).toBe("a: held");
    expect(await read(caller, { heldRefs: ["1.0"] })).toBe("a: held");
    expect(await read(caller, { heldRefs: ["9.0"] })).toBe("a: 1");
    expect(await read(caller, { heldRefs: ["1", "0"] })).toBe("a: 1");
  }
});
