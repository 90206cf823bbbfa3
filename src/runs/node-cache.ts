import { type Duration, durationMs } from "@bufbuild/protobuf/wkt";
import { evaluate } from "../engine/evaluate.ts";
import type { CompiledNode } from "../engine/graph.ts";
import { inputView } from "../engine/input-view.ts";
import type { GraphState } from "../engine/state.ts";
import type { Task } from "../engine/tasks.ts";
import { unsaved, type Write } from "../engine/write.ts";
import { limits } from "../limits.ts";
import type { Clock } from "../system/environment.ts";
import { sha256 } from "../values/digest.ts";
import { encodeMsgpack } from "../values/msgpack-encode.ts";

interface Entry {
  writes: readonly Write[];
  bytes: number;
  /** By the monotonic clock. */
  untilMs: number;
}

/** What an entry costs besides the bytes of its values, roughly. */
const ENTRY_BYTES = 256;

/**
 * Results of nodes with a cache policy, in this server's memory: by the graph's content, the node and what the policy
 * says that the result depends on. When there are too many bytes, those go that were used longest ago.
 */
export class NodeCache {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get(key: string): readonly Write[] | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#remove(key, entry);
    if (this.#clock.monotonicMs() >= entry.untilMs) return undefined;
    this.#add(key, entry);
    return entry.writes.map(unsaved);
  }

  put(key: string, writes: readonly Write[], ttl: Duration | undefined): void {
    const before = this.#entries.get(key);
    if (before !== undefined) this.#remove(key, before);
    const bytes = writes.reduce((sum, { channel, cell }) => sum + channel.length + cell.typed.data.length, ENTRY_BYTES);
    // One result shall not drive out all others.
    if (bytes > limits.nodeCacheBytesMax / 8) return;
    const lifeMs = ttl === undefined ? Number.POSITIVE_INFINITY : durationMs(ttl);
    this.#add(key, { writes: writes.map(unsaved), bytes, untilMs: this.#clock.monotonicMs() + lifeMs });
    for (const [oldest, entry] of this.#entries) {
      if (this.#bytes <= limits.nodeCacheBytesMax) return;
      this.#remove(oldest, entry);
    }
  }

  #add(key: string, entry: Entry): void {
    this.#entries.set(key, entry);
    this.#bytes += entry.bytes;
  }

  #remove(key: string, entry: Entry): void {
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
  }
}

/** What a task's result depends on; undefined when its node has no cache. Throws RunFailure (EXPRESSION_FAILED). */
export function cacheKeyOf(space: string, { graph }: GraphState, node: CompiledNode, task: Task): string | undefined {
  const { cacheKey, spec } = node;
  if (spec?.cache === undefined) return undefined;
  const depends =
    cacheKey === undefined ? wholeInput(task) : [encodeMsgpack(evaluate(cacheKey, inputView(task), node.name))];
  return sha256(JSON.stringify([space, graph.name, graph.hash, graph.path, node.name]), ...depends).toString("hex");
}

/** All of it, each part with its length before it. */
function wholeInput({ input }: Task): (string | Uint8Array)[] {
  const cells = "state" in input ? [...input.state] : [["", input.argument] as const];
  return cells.flatMap(([name, { typed }]) => [JSON.stringify([name, typed.type, typed.data.length]), typed.data]);
}
