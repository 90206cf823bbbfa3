import type { Case, Expected, Snapshot } from "./case.ts";
import { key } from "./play-case.ts";

/** Where what a case did first differs from what was recorded; undefined when it does not. */
export function difference(subject: Case, got: readonly Expected[]): string | undefined {
  for (const [i, want] of subject.expect.entries()) {
    const have = got[i];
    for (const field of ["error", "updated", "ran", "state"] as const) {
      const fault = unequal(want[field], have?.[field]);
      if (fault !== undefined) return `call ${i}, ${field}: ${fault}`;
    }
    const fault = unequal(want.history, unalias(subject, want.history, have?.history));
    if (fault !== undefined) return `call ${i}, history: ${fault}`;
  }
  return undefined;
}

function unequal(want: unknown, have: unknown): string | undefined {
  const [a, b] = [key(want ?? null), key(have ?? null)];
  return a === b ? undefined : `expected ${a}, got ${b}`;
}

/**
 * LangGraph's accumulating topic hands its saver the very list that the next superstep appends to, and a waiting edge
 * the very set. When that superstep is quicker than the saver, the recorded checkpoint already holds its elements: a
 * topic's value equals that of the checkpoint after it, and the waiting node is due one checkpoint too early. Such
 * slips of the recording count as equal.
 */
function unalias({ graph }: Case, want: Snapshot[] | undefined, have: Snapshot[] | undefined): Snapshot[] | undefined {
  const topics = Object.entries(graph.channels).filter(([, kind]) => kind === "topic_accumulate");
  return have?.map((snapshot, i) => {
    const values = { ...(snapshot.values as Record<string, unknown>) };
    for (const [channel] of topics) {
      const recorded = valueAt(want?.[i], channel);
      if (i > 0 && recorded !== null && key(recorded) === key(valueAt(have[i - 1], channel)))
        values[channel] = recorded;
    }
    return { ...snapshot, values, next: early(graph, want?.[i], snapshot, have[i - 1]) };
  });
}

/** What is next, with waiting nodes that the recording lists here and Cairn one checkpoint later. */
function early(
  graph: Case["graph"],
  want: Snapshot | undefined,
  here: Snapshot,
  later: Snapshot | undefined,
): string[] {
  const waiting = graph.edges.flatMap(([from, to]) => (Array.isArray(from) ? [to] : []));
  const slipped = waiting.filter(
    (to) => want?.next.includes(to) && later?.next.includes(to) && !here.next.includes(to),
  );
  return [...here.next, ...new Set(slipped)].sort();
}

function valueAt(snapshot: Snapshot | undefined, channel: string): unknown {
  return (snapshot?.values as Record<string, unknown> | undefined)?.[channel] ?? null;
}
