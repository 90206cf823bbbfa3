import { decidesBesideAnother } from "./beside.ts";
import type { Definition } from "./definition.ts";

/**
 * How many supersteps of ours one of NeoGraph's takes. Every way through a layout is equally long, so that what ran
 * together in NeoGraph runs together here, and joins meet as they met.
 */
export interface Layout {
  /**
   * Behind every node stands one that decides what follows, a superstep later: it sees what all nodes of the
   * superstep wrote, as NeoGraph's conditions do.
   */
  routers: boolean;
  /** Before every node stands another: a barrier waits for those, where an edge can't say what it waits for. */
  gates: boolean;
  /** Why it is not the simple one. */
  why: string;
}

export function layoutOf(definition: Definition): Layout {
  const join = hardJoin(definition);
  if (join !== undefined) return { routers: true, gates: true, why: `${join} waits for nodes that may not lead to it` };
  const [decides, other] = decidesBesideAnother(definition) ?? [];
  if (decides === undefined) return { routers: false, gates: false, why: "" };
  return { routers: true, gates: false, why: `${decides} decides in a superstep in which ${other} may run` };
}

/** A node that waits for several, for one of them by a condition or for any of some. A waiting edge can't do that. */
function hardJoin({ nodes, conditions }: Definition): string | undefined {
  const routed = new Set(conditions.map(({ from }) => from.name));
  for (const [name, { slots }] of nodes) {
    if (slots.length < 2) continue;
    if (slots.some((slot) => slot.length > 1 || slot.some((each) => routed.has(each.name)))) return name;
  }
  return undefined;
}
