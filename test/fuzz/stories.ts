// Calls that belong together: what one has put, the next one reads. They keep the store full of things that the
// random requests between them can meet.
import {
  create,
  type DescMessage,
  type DescMethod,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { CheckpointSchema, Origin } from "../../src/gen/cairn/v1/checkpoint_pb.ts";
import { CheckpointService, OnConflict } from "../../src/gen/cairn/v1/checkpoint_service_pb.ts";
import { RunStatus } from "../../src/gen/cairn/v1/event_pb.ts";
import { GraphService } from "../../src/gen/cairn/v1/graph_service_pb.ts";
import { RunService } from "../../src/gen/cairn/v1/run_service_pb.ts";
import { ThreadService } from "../../src/gen/cairn/v1/thread_service_pb.ts";
import type { GraphFile } from "./graphs.ts";
import type { Manner } from "./outcome.ts";
import type { Request } from "./sender.ts";
import { type Bytes, concat, delimited, record, text, varint, wire } from "./wire.ts";

export type Send = (request: Request) => Promise<Buffer | undefined>;
export type Story = (send: Send) => Promise<unknown>;

const patient: Manner = { kind: "patient" };

/** A well-formed request. */
export function wellFormed<I extends DescMessage>(
  method: DescMethod & { input: I },
  init: MessageInitShape<I>,
  manner = patient,
): Request {
  const message = toBinary(method.input, create(method.input, init)) as Uint8Array<ArrayBuffer>;
  return { method, messages: [message], manner };
}

/** Calls, and gives the answer; undefined when there is none. */
async function ask<I extends DescMessage, O extends DescMessage>(
  send: Send,
  method: DescMethodUnary<I, O>,
  init: MessageInitShape<I>,
): Promise<MessageShape<O> | undefined> {
  const answer = await send(wellFormed(method, init));
  return answer && fromBinary(method.output, new Uint8Array(answer));
}

const zero = { type: wire.varint, bytes: varint(0) };
const json = (value: unknown) => ({ type: "json", data: new TextEncoder().encode(JSON.stringify(value)) });
const inline = (value: unknown) => ({ source: { case: "inline", value: json(value) } }) as const;

/** Where a story happens, and whether it leaves nothing behind. */
export interface Place {
  threadId: string;
  deletes: boolean;
}

/** Puts checkpoints as an adapter does, finds them in every way there is, and deletes them. */
export function keeping({ threadId, deletes }: Place, word: string): Story {
  const { method } = CheckpointService;
  return async (send) => {
    const metadata = new TextEncoder().encode(JSON.stringify({ user: word, step: 1 }));
    const values = { text: inline(word), log: inline([word]) };
    for (const id of ["k1", "k2", "k3"]) {
      const checkpoint = { id, threadId, runId: `run of ${threadId}`, metadata, channelValues: values, step: 1n };
      await ask(send, method.putCheckpoint, { checkpoint });
    }
    const writes = [{ taskId: "t", idx: 0, channel: "log", value: inline(word) }];
    await ask(send, method.putWrites, { threadId, writes: { checkpointId: "k2", writes } });
    await ask(send, method.getCheckpoint, { threadId, checkpointId: "k2" });
    const names = ["k1", "k2", "no"].map((checkpointId) => ({ threadId, checkpointId }));
    await ask(send, method.batchGetCheckpoints, { names });
    await ask(send, method.findCheckpoint, { checkpointId: "k3" });
    const filters = [{ key: "user", equalsJson: json(word).data }];
    const page = await ask(send, method.listCheckpoints, { threadId, filters, pageSize: 2 });
    await ask(send, method.listCheckpoints, { threadId, filters, pageSize: 2, pageToken: page?.nextPageToken ?? "" });
    await ask(send, method.clearWrites, { threadId, checkpointId: "k2" });
    await ask(send, ThreadService.method.updateThread, { threadId, metadata });
    await ask(send, ThreadService.method.getThread, { threadId });
    await send(
      wellFormed(RunService.method.streamEvents, { threadId, after: 0n, untilNow: true, includeValues: true }),
    );
    if (!deletes) return;
    await ask(send, method.deleteRuns, { runIds: [`run of ${threadId}`] });
    await ask(send, ThreadService.method.deleteThread, { threadId });
  };
}

/**
 * Puts a checkpoint as if Cairn's engine had made it, and has the engine go on from it. `fields` are any bytes of a
 * Checkpoint; what is said after them counts, so that it is the graph's.
 */
export function adopting({ threadId }: Place, graph: GraphFile, fields: Bytes, writes: Bytes): Story {
  const { method } = RunService;
  const own = create(CheckpointSchema, { id: "adopted", threadId, origin: Origin.NATIVE, graphName: graph.name });
  const checkpoint = concat([fields, toBinary(CheckpointSchema, own), record(3, text("")), record(17, zero)]);
  const touch = record(3, { type: wire.varint, bytes: varint(OnConflict.REPLACE_AND_TOUCH) });
  const put = concat([record(1, delimited(checkpoint)), touch]);
  const at = concat([record(2, text("adopted")), record(3, delimited(writes))]);
  return async (send) => {
    await ask(send, GraphService.method.registerGraph, { graph: { source: { case: "text", value: graph.text } } });
    await send({ method: CheckpointService.method.putCheckpoint, messages: [put], manner: patient });
    const written = concat([record(1, text(threadId)), record(2, delimited(at))]);
    await send({ method: CheckpointService.method.putWrites, messages: [written], manner: patient });
    await ask(send, CheckpointService.method.getCheckpoint, { threadId });
    await ask(send, method.getState, { threadId });
    await ask(send, method.runStep, { threadId });
    await ask(send, method.resume, { threadId, answer: { case: "value", value: json("yes") } });
    await ask(send, method.run, { threadId, options: { recursionLimit: 5, checkpointId: "adopted" } });
    await ask(send, method.updateState, { threadId, values: { values: { n: inline(1) } } });
    await ask(send, method.run, { threadId, input: { values: { n: inline(1) } }, options: { recursionLimit: 5 } });
    await ask(send, method.getStateHistory, { threadId });
  };
}

/** Registers a graph, runs it with an input, looks at it from all sides, and answers what it asks. */
export function running(
  { threadId, deletes }: Place,
  { name, text: source }: GraphFile,
  input: Record<string, unknown>,
): Story {
  const { method } = RunService;
  return async (send) => {
    await ask(send, GraphService.method.validateGraph, { graph: { source: { case: "text", value: source } } });
    await ask(send, GraphService.method.registerGraph, { graph: { source: { case: "text", value: source } } });
    await ask(send, GraphService.method.drawGraph, { graph: { case: "name", value: name } });
    const values = Object.fromEntries(Object.entries(input).map(([channel, value]) => [channel, inline(value)]));
    const options = { graphName: name, recursionLimit: 12 };
    const ran = await ask(send, method.run, { threadId, input: { values }, options });
    const runId = ran?.outcome?.runId ?? "";
    if (ran?.outcome?.status === RunStatus.INTERRUPTED) {
      await ask(send, method.resume, { threadId, answer: { case: "value", value: json("yes") } });
    }
    await ask(send, method.getState, { threadId });
    await ask(send, method.getStateHistory, { threadId, pageSize: 3 });
    await ask(send, method.listRuns, { threadId });
    if (runId !== "") {
      await ask(send, method.getRun, { threadId, runId });
      await ask(send, method.cancelRun, { threadId, runId });
    }
    await ask(send, method.updateState, { threadId, values: { values: { n: inline(1) } }, asNode: "a" });
    await ask(send, method.runStep, { threadId, input: { values: {} }, options });
    await send(wellFormed(method.streamEvents, { threadId, after: 0n, untilNow: true, includeValues: true }));
    if (deletes) await ask(send, ThreadService.method.deleteThread, { threadId });
  };
}
