import { CairnError } from "../errors.ts";
import type { Checkpoint, PendingWrite } from "../gen/cairn/v1/checkpoint_pb.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import type { Value, ValueEntry } from "../gen/cairn/v1/value_pb.ts";
import { limits } from "../limits.ts";
import { lineOfParents, rowById } from "./ancestors.ts";
import { mergedWrites, settled } from "./checkpoint-reader.ts";
import { writesKey } from "./keys.ts";
import type { ThreadKey } from "./log.ts";
import { decodeRow } from "./record-codec.ts";
import type { ReadOptions } from "./store.ts";
import { type ValueSources, ValueTable, wantsBytes } from "./value-table.ts";
import { RefCollector } from "./values-of.ts";

/** Ancestors whose writes are read in one go. */
const BATCH = 64;

/** What one channel of a checkpoint is rebuilt from. */
export interface ChannelHistory {
  /** The nearest value up the line of parents; absent where there is none. */
  seed?: Value;
  /** What was written to it since, that of the seed's own checkpoint included, oldest first. */
  writes: PendingWrite[];
}

export interface StoredHistory {
  channels: Map<string, ChannelHistory>;
  /** Every value that they refer to, by reference. */
  values: Map<string, ValueEntry>;
}

export interface HistoryQuery {
  namespace: string;
  /** The checkpoint to rebuild. Absent: the latest. */
  id?: string;
  channels: string[];
}

/**
 * Reads what channels are rebuilt from that a checkpoint does not hold, as LangGraph does it: what was written at the
 * checkpoint itself is of the step after it and left out. Undefined when there is no such checkpoint.
 */
export async function readChannelHistory(
  sources: ValueSources,
  key: ThreadKey,
  query: HistoryQuery,
  options: ReadOptions,
): Promise<StoredHistory | undefined> {
  return await settled(async () => {
    const table = new ValueTable(sources, key);
    const walk = new HistoryWalk(sources, key, query, table);
    return (await walk.run()) ? await withValues(walk.channels, table, options) : undefined;
  });
}

/** An ancestor, and the channels whose value has not been met below it. */
interface Visited {
  checkpoint: Checkpoint;
  channels: Set<string>;
}

class HistoryWalk {
  readonly channels: Map<string, ChannelHistory>;
  readonly #sources: ValueSources;
  readonly #key: ThreadKey;
  readonly #query: HistoryQuery;
  readonly #table: ValueTable;
  /** Of which no value has been met yet. */
  readonly #wanted: Set<string>;

  constructor(sources: ValueSources, key: ThreadKey, query: HistoryQuery, table: ValueTable) {
    this.#sources = sources;
    this.#key = key;
    this.#query = query;
    this.#table = table;
    this.#wanted = new Set(query.channels);
    this.channels = new Map(query.channels.map((channel) => [channel, { writes: [] }]));
  }

  /** False when there is no such checkpoint. */
  async run(): Promise<boolean> {
    const target = await this.#target();
    if (!target) return false;
    const { log } = this.#sources;
    let visited: Visited[] = [];
    let steps = 0;
    if (target.parentId !== undefined) {
      for await (const row of lineOfParents(log, this.#key, this.#query.namespace, target.parentId)) {
        if (++steps > limits.historyStepsMax) throw tooFar();
        const { checkpoint } = this.#table.record(row);
        if (!checkpoint) break;
        visited.push({ checkpoint, channels: new Set(this.#wanted) });
        this.#meet(checkpoint);
        if (visited.length === BATCH) visited = await this.#addWrites(visited);
        if (this.#wanted.size === 0) break;
      }
    }
    await this.#addWrites(visited);
    for (const history of this.channels.values()) history.writes.reverse();
    return true;
  }

  async #target(): Promise<Checkpoint | undefined> {
    const { log } = this.#sources;
    const { namespace, id } = this.#query;
    const [row] =
      id === undefined
        ? await log.checkpoints(this.#key, { namespace, order: "seq", tags: [], limit: 1 })
        : [await rowById(log, this.#key, namespace, id)];
    return row && decodeRow(this.#key, row).checkpoint;
  }

  #meet({ channelValues }: Checkpoint): void {
    for (const channel of this.#wanted) {
      if (!Object.hasOwn(channelValues, channel)) continue;
      this.#wanted.delete(channel);
      const history = this.channels.get(channel);
      if (history) history.seed = channelValues[channel];
    }
  }

  /** Adds the ancestors' writes, the newest first; gives an empty list to go on with. */
  async #addWrites(visited: Visited[]): Promise<Visited[]> {
    const keys = visited.map(({ checkpoint: { namespace, id } }) => writesKey(namespace, id));
    const rows = keys.length > 0 ? await this.#sources.log.byKeys(this.#key, keys) : [];
    const writes = mergedWrites(this.#table, rows, visited);
    for (const [index, { channels }] of visited.entries()) {
      for (const write of writes[index]?.toReversed() ?? []) {
        if (channels.has(write.channel)) this.channels.get(write.channel)?.writes.push(write);
      }
    }
    return [];
  }
}

async function withValues(
  channels: StoredHistory["channels"],
  table: ValueTable,
  options: ReadOptions,
): Promise<StoredHistory> {
  const collector = new RefCollector();
  for (const { seed, writes } of channels.values()) {
    if (seed?.source.case === "ref") collector.refs.add(seed.source.value);
    for (const write of writes) collector.write(write);
  }
  const bytes = wantsBytes(options, table);
  await table.load(collector.refs, bytes);
  return { channels, values: new Map([...collector.refs].map((ref) => [ref, table.entry(ref, bytes(ref))])) };
}

function tooFar(): CairnError {
  const message = `the channels' values lie more than ${limits.historyStepsMax} checkpoints back`;
  return new CairnError(ErrorReason.LIMIT_REACHED, message, {
    metadata: { limit: "checkpoints of a channel's history", max: `${limits.historyStepsMax}` },
  });
}
