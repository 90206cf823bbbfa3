// How a client makes the calls of a race, and reads what is left.
import { type CairnClient, decode, type proto } from "../../clients/typescript/src/index.ts";
import type { TypedValue, Value } from "../../src/gen/cairn/v1/value_pb.ts";
import type { Answer, Call } from "./history.ts";

export const GRAPH = "mark";

export function graphText(folder: string): string {
  return JSON.stringify({
    name: GRAPH,
    channels: { log: "append", tag: "last_value", a: "last_value", b: "last_value", asks: "last_value" },
    nodes: {
      first: { module: { function: "mark", params: { folder } } },
      second: { module: { function: "mark", params: { folder } } },
    },
    edges: ["START -> first", "first -> second"],
  });
}

/** Two values with the tag in them: one rides in the record, the other is written ahead of it, in parts. */
const LARGE_BYTES = 300_000;

function putValues(tag: string) {
  const inline = (value: unknown) => ({
    source: { case: "inline" as const, value: { type: "json", data: Buffer.from(JSON.stringify(value)) } },
  });
  return { a: inline(tag), b: inline({ tag, pad: "x".repeat(LARGE_BYTES) }) };
}

export async function make(client: CairnClient, call: Call): Promise<Answer> {
  const { kind, thread: threadId, tag, requestId } = call;
  const thread = client.thread(threadId);
  const written = { tag, a: tag, b: tag };
  switch (kind) {
    case "put": {
      const checkpoint = { id: tag, threadId, channelValues: putValues(tag) };
      const head = call.expectedHead;
      const expectedHead = head === undefined ? undefined : { checkpointId: head ?? undefined };
      const { checkpointId } = await client.checkpoints.putCheckpoint({ checkpoint, expectedHead, requestId });
      return { checkpointId };
    }
    case "run":
    case "resume": {
      const options = { graph: GRAPH, requestId };
      const outcome =
        kind === "resume" ? await thread.resume(tag, options) : await thread.run({ ...written, log: [tag] }, options);
      return { checkpointId: outcome.state.checkpointId, runId: outcome.runId, status: outcome.status };
    }
    case "update":
      return { checkpointId: (await thread.updateState(written, { asNode: "second", requestId })).checkpointId };
    case "delete":
      await client.services.threads.deleteThread({ threadId, requestId });
      return {};
    case "read": {
      const { entry, values } = await client.checkpoints.getCheckpoint({ threadId });
      return { tags: tagsOf(entry?.checkpoint, tableOf(values)) };
    }
  }
}

type Table = Map<string, TypedValue | undefined>;

export function tableOf(values: readonly proto.ValueEntry[]): Table {
  return new Map(values.map(({ ref, value }) => [ref, value]));
}

/** The tags in a checkpoint's values. */
export function tagsOf(checkpoint: proto.Checkpoint | undefined, table: Table): string[] {
  return ["tag", "a", "b"].flatMap((channel) => {
    const value = decodedOf(checkpoint?.channelValues[channel], table);
    if (value === undefined || value === null) return [];
    return typeof value === "string" ? [value] : [(value as { tag: string }).tag];
  });
}

export function decodedOf(value: Value | undefined, table: Table): unknown {
  const typed = value?.source.case === "ref" ? table.get(value.source.value) : undefined;
  return typed && decode(typed);
}
