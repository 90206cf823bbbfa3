import { LRUCache } from "lru-cache";
import type { Checkpoint } from "../gen/cairn/v1/checkpoint_pb.ts";
import type { CheckpointName } from "./config.ts";
import { type ChannelVersion, fromVersionMap } from "./versions.ts";

/** Checkpoints that are remembered. Of one that is not, a put asks the server. */
const CHECKPOINTS_MAX = 1_000;
/** The server may use a reference again a day after its thread was deleted. */
const KNOWN_MS = 6 * 60 * 60 * 1000;

/** Where the values of a checkpoint are, and which version each channel has. */
export interface KnownCheckpoint {
  refs: ReadonlyMap<string, string>;
  versions: ReadonlyMap<string, ChannelVersion>;
}

/** Checkpoints that this saver put or read: what follows one of them refers to the values that it left as they were. */
export class KnownCheckpoints {
  readonly #known = new LRUCache<string, KnownCheckpoint>({ max: CHECKPOINTS_MAX, ttl: KNOWN_MS });
  readonly #continued = new LRUCache<string, true>({ max: CHECKPOINTS_MAX, ttl: KNOWN_MS });

  get(name: CheckpointName): KnownCheckpoint | undefined {
    return this.#known.get(keyOf(name));
  }

  set(name: CheckpointName, known: KnownCheckpoint): void {
    this.#known.set(keyOf(name), known);
  }

  /** Who puts a checkpoint after this one goes on from the head; "" for the namespace's first. */
  setContinued(name: CheckpointName): void {
    this.#continued.set(keyOf(name), true);
  }

  /** It was asked for by its id: who puts a checkpoint after it may be forking the past. */
  setForked(name: CheckpointName): void {
    this.#continued.delete(keyOf(name));
  }

  isContinued(name: CheckpointName): boolean {
    return this.#continued.has(keyOf(name));
  }
}

/** What is known of a checkpoint that was read. */
export function knownOf({ channelValues, channelVersions }: Checkpoint): KnownCheckpoint {
  const refs = Object.entries(channelValues).flatMap(([channel, { source }]) =>
    source.case === "ref" ? [[channel, source.value] as const] : [],
  );
  const versions = channelVersions ? Object.entries(fromVersionMap(channelVersions)) : [];
  return { refs: new Map(refs), versions: new Map(versions) };
}

function keyOf({ threadId, namespace, checkpointId }: CheckpointName): string {
  return JSON.stringify([threadId, namespace, checkpointId]);
}
