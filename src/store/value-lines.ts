import { LRUCache } from "lru-cache";
import type { Record } from "../gen/cairn/store/v1/record_pb.ts";
import type { Checkpoint } from "../gen/cairn/v1/checkpoint_pb.ts";
import type { Value } from "../gen/cairn/v1/value_pb.ts";
import { limits } from "../limits.ts";
import { VERSIONS_CHANNEL } from "./checkpoint-versions.ts";
import type { ThreadKey } from "./log.ts";
import { type Version, versionOf } from "./patches/succession.ts";
import { decodeRow } from "./record-codec.ts";
import type { ThreadTail } from "./store.ts";
import { threadName } from "./thread-name.ts";
import { LINE_VALUE_BYTES_MIN } from "./value-cache.ts";
import { parseRef, valueRef } from "./value-ref.ts";
import { type ValueSources, ValueTable } from "./value-table.ts";
import { RefCollector } from "./values-of.ts";

/** The channel that a new value is for, and so the value that it is likely to resemble: the channel's last. */
export interface Line {
  namespace: string;
  channel: string;
}

/** The last value of each channel, by namespace. A namespace that is missing has not been looked up. */
export type Lines = Map<string, Map<string, Version>>;

/**
 * The last values of the threads that this process wrote last. Only good while the record they were learnt from is the
 * thread's last, because any other may have deleted values.
 */
export class ValueLines {
  readonly #threads = new LRUCache<string, { n: number; lines: Lines }>({
    maxSize: limits.valueLinesMax,
    sizeCalculation: ({ lines }) => [...lines.values()].reduce((sum, channels) => sum + channels.size, 1),
  });

  /** The lines of a thread whose last record is at `n`, as far as they are known. */
  at(key: ThreadKey, n: number): Lines {
    const known = this.#threads.get(threadName(key));
    return known?.n === n ? known.lines : new Map();
  }

  /** After a commit that was made with these. */
  committed(key: ThreadKey, n: number, record: Record, lines: Lines): void {
    const name = threadName(key);
    if (record.floor || record.changesOlder) lines.clear();
    if (record.checkpoint) advance(lines, n, record.checkpoint, record);
    if (lines.size > 0) this.#threads.set(name, { n, lines });
    else this.#threads.delete(name);
  }
}

function advance(lines: Lines, n: number, checkpoint: Checkpoint, { versions, values }: Record): void {
  const channels = lines.get(checkpoint.namespace);
  if (channels === undefined) return;
  for (const [channel, { source }] of valuesByChannel(checkpoint, versions)) {
    const place = source.case === "ref" ? parseRef(source.value) : undefined;
    const stored = place?.n === n ? values[place.index] : undefined;
    if (place && stored && stored.sizeBytes >= LINE_VALUE_BYTES_MIN) channels.set(channel, versionOf(place, stored));
  }
}

/** What a checkpoint's channels hold, and its versions. */
function valuesByChannel({ channelValues }: Checkpoint, versions: Value | undefined): [channel: string, Value][] {
  const values = Object.entries(channelValues);
  return versions ? [...values, [VERSIONS_CHANNEL, versions]] : values;
}

/** The last value of a channel that has this reference. */
export function versionIn(lines: Lines, ref: string): Version | undefined {
  for (const channels of lines.values()) {
    for (const version of channels.values()) if (valueRef(version.place.n, version.place.index) === ref) return version;
  }
  return undefined;
}

/** What the line ended with when `thread` was read; looked up in the namespace's latest checkpoint where it is not known. */
export async function lastOf(
  sources: ValueSources,
  key: ThreadKey,
  thread: ThreadTail,
  lines: Lines,
  { namespace, channel }: Line,
): Promise<Version | undefined> {
  let channels = lines.get(namespace);
  if (channels === undefined) {
    channels = thread.exists ? await lastValues(sources, key, namespace) : new Map<string, Version>();
    lines.set(namespace, channels);
  }
  return channels.get(channel);
}

async function lastValues(sources: ValueSources, key: ThreadKey, namespace: string): Promise<Map<string, Version>> {
  const last = new Map<string, Version>();
  const [row] = await sources.log.checkpoints(key, { namespace, order: "seq", tags: [], limit: 1 });
  const { checkpoint, versions } = (row && decodeRow(key, row)) ?? {};
  if (checkpoint === undefined) return last;
  const table = new ValueTable(sources, key);
  await table.load(new RefCollector().checkpoint(checkpoint, versions).refs, () => false);
  for (const [channel, { source }] of valuesByChannel(checkpoint, versions)) {
    const stored = source.case === "ref" ? table.stored(source.value) : undefined;
    if (source.case !== "ref" || stored === undefined || stored.sizeBytes < LINE_VALUE_BYTES_MIN) continue;
    last.set(channel, versionOf(parseRef(source.value), stored));
  }
  return last;
}
