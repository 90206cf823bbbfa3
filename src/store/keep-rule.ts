import { type Checkpoint, Origin } from "../gen/cairn/v1/checkpoint_pb.ts";
import { type Named, nameOf } from "./stripped.ts";

/** Which checkpoints of a thread a prune keeps. */
export interface PruneRule {
  /** So many in each namespace, newest first. */
  keep: number;
  /** Those put since this moment stay as well. Absent: any may go. */
  olderThanMs?: number;
}

/** What a prune has to know of a checkpoint. */
export interface Known extends Named {
  /** Position of its record. */
  n: number;
  seq: number;
  atMs: number;
  runId: string;
  /** Name of its parent. */
  parent: string | undefined;
  /** Names of the checkpoints without which its state can't be read or gone on from. */
  needs: string[];
  /** Of a subgraph's that keeps a state for each call: names of those that called it, of which it is a part. */
  callers: string[];
}

export function knownOf(n: number, atMs: number, checkpoint: Checkpoint): Known {
  const { namespace, id, seq, parentId, parents, subgraphHeads, runId = "" } = checkpoint;
  const callers = isOfCall(checkpoint) ? namesIn(parents) : [];
  const base = parentId !== undefined && isOfDeltas(checkpoint) ? [nameOf({ namespace, id: parentId })] : [];
  return {
    ...{ n, namespace, id, seq: Number(seq), atMs, runId },
    parent: parentId === undefined ? undefined : nameOf({ namespace, id: parentId }),
    needs: [...namesIn(subgraphHeads), ...callers, ...base],
    callers,
  };
}

/**
 * A native subgraph's namespace has the ids of tasks in it, unless it keeps one state for the thread. One that does is
 * not kept for its callers' sake, nor are they for its: each names the one before it, back to the thread's beginning.
 */
function isOfCall({ origin, namespace }: Checkpoint): boolean {
  return origin === Origin.NATIVE && namespace.includes(":");
}

/**
 * Whether it holds a channel only as what changed since its parent: a delta channel of LangGraph's that has been written
 * to, and whose value was last kept whole further up.
 */
function isOfDeltas({ deltaCounters, channelValues, channelVersions }: Checkpoint): boolean {
  return Object.keys(deltaCounters).some(
    (channel) => Object.hasOwn(channelVersions?.versions ?? {}, channel) && !Object.hasOwn(channelValues, channel),
  );
}

function namesIn(places: { [namespace: string]: string }): string[] {
  return Object.entries(places).map(([namespace, id]) => nameOf({ namespace, id }));
}

/** The names of the checkpoints that stay. */
export function keptBy({ keep, olderThanMs }: PruneRule, checkpoints: Known[]): Set<string> {
  const byName = new Map(checkpoints.map((known) => [nameOf(known), known]));
  const kept = new Set<string>();
  const add = (known: Known): void => {
    const waiting = [known];
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      if (kept.has(nameOf(next))) continue;
      kept.add(nameOf(next));
      waiting.push(...next.needs.flatMap((name) => byName.get(name) ?? []));
    }
  };
  if (olderThanMs !== undefined) for (const known of checkpoints) if (known.atMs >= olderThanMs) add(known);
  const namespaces = [...Map.groupBy(checkpoints, ({ namespace }) => namespace).values()];
  for (const each of namespaces) each.sort((left, right) => right.seq - left.seq);
  const hasCaller = ({ callers }: Known) => callers.every((name) => kept.has(name) || !byName.has(name));
  // What is kept in one namespace may be the caller of another.
  for (let before = -1; before < kept.size; ) {
    before = kept.size;
    for (const each of namespaces) for (const known of each.filter(hasCaller).slice(0, keep)) add(known);
  }
  return kept;
}
