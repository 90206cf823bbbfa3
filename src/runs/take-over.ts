import { Cell } from "../engine/cell.ts";
import type { CompiledGraph } from "../engine/graph.ts";
import { stateChannel } from "../engine/input.ts";
import { isNative } from "../engine/native-fault.ts";
import { checkSize } from "../engine/size.ts";
import { type Write, write } from "../engine/write.ts";
import { invalidField } from "../errors.ts";
import { originName } from "../origins/origin-name.ts";
import { plainData } from "../origins/plain-data.ts";
import type { StoredCheckpoint } from "../store/store.ts";
import { decode } from "../values/codec.ts";
import { encodeJson } from "../values/json-encode.ts";

/** More of what is left out than this is counted and not named. */
const NAMED_MAX = 100;

/** Which channel of another framework's checkpoint each channel of a graph begins with. */
export type ChannelMapping = { [channel: string]: string };

/** What a graph's channels begin with. Throws INVALID_FIELD, CHANNEL_NOT_FOUND, VALUE_TOO_LARGE with the channel. */
export function takenOver(graph: CompiledGraph, stored: StoredCheckpoint, mapping: ChannelMapping): Write[] {
  if (isNative(stored.checkpoint)) {
    throw invalidField("channel_mapping", "is for checkpoints of other frameworks; this one is Cairn's own");
  }
  return Object.entries(mapping).map(([channel, theirs]) => {
    const field = `channel_mapping[${JSON.stringify(channel)}]`;
    const cell = cellOf(stored, theirs, field);
    checkSize(field, channel, cell.typed.data.length);
    return write(stateChannel(graph, channel, field), cell);
  });
}

function cellOf({ checkpoint, values }: StoredCheckpoint, theirs: string, field: string): Cell {
  const held = Object.hasOwn(checkpoint.channelValues, theirs) ? checkpoint.channelValues[theirs] : undefined;
  const typed = held?.source.case === "ref" ? values.get(held.source.value)?.value : undefined;
  if (typed === undefined) {
    const names = Object.keys(checkpoint.channelValues).sort().slice(0, NAMED_MAX);
    const has = names.map((name) => JSON.stringify(name)).join(", ") || "none";
    throw invalidField(field, `the checkpoint has no channel ${JSON.stringify(theirs)} with a value; it has ${has}`);
  }
  try {
    return Cell.of(plainData(decode(typed)));
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw invalidField(field, `the value of channel ${JSON.stringify(theirs)} can't be taken over: ${why}`);
  }
}

/** What a checkpoint says that was made from another framework's: of which, and what of it has no place in the graph. */
export function takeOverMetadata({ checkpoint, writes }: StoredCheckpoint, mapping: ChannelMapping): Uint8Array {
  const taken = new Set(Object.values(mapping));
  const channels = Object.keys(checkpoint.channelValues)
    .filter((name) => !taken.has(name))
    .sort();
  const named = channels.slice(0, NAMED_MAX).map((name) => `channel ${JSON.stringify(name)}`);
  const counts: [number, string][] = [
    [channels.length - named.length, "more channels"],
    [checkpoint.nextNodes.length, "nodes that were due"],
    [checkpoint.pendingTasks.length, "pending tasks"],
    [checkpoint.pendingSends.length, "pending sends"],
    [checkpoint.pendingInterrupts.length, "pending interrupts"],
    [writes.length, "pending writes"],
  ];
  const counted = counts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  return encodeJson({ forked_from: originName(checkpoint.origin), left_out: [...named, ...counted] });
}
