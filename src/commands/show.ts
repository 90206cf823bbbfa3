import type { Command } from "commander";
import type { proto } from "../../clients/typescript/src/index.ts";
import { act, type Session } from "./action.ts";
import { addFlags, type Flags } from "./flags.ts";
import { jsonText } from "./json-text.ts";

const help = `
Every field as it is stored, the ones without a value too, with the pending writes and the values that they refer to.
This is what framework adapters see; cairn state shows what a person wants to know.

With --json: the message GetCheckpointResponse in protobuf's JSON form (64-bit integers as text, bytes as base64).

Examples:
  $ cairn show t1
  $ cairn show t1 1f0c… --json | jq .entry.checkpoint.channelVersions
`;

/** `cairn show` */
export function addShow(program: Command): Command {
  const command = program
    .command("show")
    .argument("<thread>", "id of the thread")
    .argument("[checkpoint]", "id of the checkpoint; without, the head")
    .description("show a checkpoint with every field")
    .option("--namespace <name>", "of this subgraph; without, of the root graph", "");
  return addFlags(command).addHelpText("after", help).action(show);
}

function show(threadId: string, checkpointId: string | undefined, flags: Flags & { namespace: string }): Promise<void> {
  return act(flags, async ({ client, output, signal }: Session) => {
    const { namespace } = flags;
    const response = await client.checkpoints.getCheckpoint({ threadId, checkpointId, namespace }, { signal });
    const { toJson } = await import("@bufbuild/protobuf");
    const { proto, decode } = await import("../../clients/typescript/src/index.ts");
    const json = toJson(proto.GetCheckpointResponseSchema, response, { alwaysEmitImplicit: true });
    output.result(json, () => {
      const values = Object.fromEntries(response.values.map((entry) => [entry.ref, shownValue(entry, decode)]));
      const { entry } = json as { entry?: { checkpoint?: Record<string, unknown>; writes?: unknown } };
      const checkpoint = { ...absent(proto), ...entry?.checkpoint };
      checkpoint.metadata = metadataOf(response.entry?.checkpoint?.metadata);
      return jsonText({ checkpoint, writes: entry?.writes ?? [], values }, 2);
    });
    return undefined;
  });
}

/** Every field of a checkpoint, absent: those with presence would not be shown otherwise. */
function absent({ CheckpointSchema }: typeof proto): Record<string, unknown> {
  return Object.fromEntries(CheckpointSchema.fields.map(({ jsonName }) => [jsonName, null]));
}

type Decode = (value: proto.TypedValue) => unknown;

/** A value with its type and size; bytes that can't be decoded are no reason to show nothing. */
function shownValue({ value, sizeBytes, crc32 }: proto.ValueEntry, decode: Decode): Record<string, unknown> {
  const head = { type: value?.type, size_bytes: sizeBytes, crc32 };
  if (!value) return head;
  try {
    return { ...head, value: decode(value) };
  } catch (error) {
    return { ...head, error: error instanceof Error ? error.message : String(error), data: value.data };
  }
}

function metadataOf(bytes: Uint8Array | undefined): string | null {
  return bytes ? new TextDecoder().decode(bytes) : null;
}
