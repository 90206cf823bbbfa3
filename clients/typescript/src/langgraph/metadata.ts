// A checkpoint's metadata: JSON text as LangGraph.js writes it, and the fields that Cairn has for what is in it.
// The same reading as the server's own conversion of LangGraph's checkpoints.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type CheckpointMetadata, JsonPlusSerializer } from "@langchain/langgraph-checkpoint";
import { type CheckpointSchema, type DeltaCounters, DeltaCountersSchema } from "../gen/cairn/v1/checkpoint_pb.ts";

// Not the saver's own serializer: lists filter by metadata, so the server must be able to read them.
const json = new JsonPlusSerializer();

type MetadataFields = Pick<
  MessageInitShape<typeof CheckpointSchema>,
  "metadata" | "source" | "step" | "runId" | "parents" | "deltaCounters"
>;

export async function toMetadataFields(metadata: CheckpointMetadata): Promise<MetadataFields> {
  const { source, step, parents, run_id, counters_since_delta_snapshot } = metadata as Record<string, unknown>;
  return {
    metadata: await encoded(metadata),
    source: typeof source === "string" ? source : undefined,
    step: Number.isSafeInteger(step) ? BigInt(step as number) : undefined,
    runId: typeof run_id === "string" ? run_id : undefined,
    parents: mapOfAll(parents, (id) => (typeof id === "string" ? id : undefined)),
    deltaCounters: mapOfAll(counters_since_delta_snapshot, toCounters),
  };
}

export async function fromMetadata(metadata: Uint8Array | undefined): Promise<CheckpointMetadata | undefined> {
  return metadata && (await json.loadsTyped("json", metadata));
}

/** The conditions of a list: each key taken literally, each value compared as JSON. */
export async function toFilters(filter: Record<string, unknown> = {}) {
  const filters = Object.entries(filter).map(async ([key, value]) => ({ key, equalsJson: await encoded(value) }));
  return await Promise.all(filters);
}

async function encoded(value: unknown): Promise<Uint8Array> {
  // An array of bytes would be left as it is, as no JSON.
  const plain = value instanceof Uint8Array ? [...value] : value;
  return (await json.dumpsTyped(plain))[1];
}

/** A map of which every member can be read, or none. */
function mapOfAll<T>(members: unknown, read: (member: unknown) => T | undefined): Record<string, T> {
  if (typeof members !== "object" || members === null) return {};
  const entries = Object.entries(members).map(([name, member]) => [name, read(member)] as const);
  return entries.every(([, member]) => member !== undefined) ? (Object.fromEntries(entries) as Record<string, T>) : {};
}

/** `[updates, supersteps]` */
function toCounters(counters: unknown): DeltaCounters | undefined {
  const [updates, supersteps] = Array.isArray(counters) ? counters : [];
  if (!isCount(updates) || !isCount(supersteps)) return undefined;
  return create(DeltaCountersSchema, { updates: BigInt(updates), supersteps: BigInt(supersteps) });
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
