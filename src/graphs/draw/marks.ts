import type { StateSnapshot } from "../../gen/cairn/v1/run_service_pb.ts";

/** How a node stands in the superstep that is not over yet. */
export type Mark = "due" | "finished" | "failed" | "waits";

/** Of a node with several tasks the one that matters most is shown. */
const byWeight: readonly Mark[] = ["finished", "due", "waits", "failed"];

/** Dark text on light colours, so that they can be read on any background. */
const looks: Record<Mark, string> = {
  due: "fill:#fff3bf,stroke:#e67700,color:#000",
  finished: "fill:#d3f9d8,stroke:#2b8a3e,color:#000",
  failed: "fill:#ffe3e3,stroke:#c92a2a,stroke-width:3px,color:#000",
  waits: "fill:#d0ebff,stroke:#1864ab,stroke-width:3px,color:#000",
};

/** Where a thread stands: node to mark. */
export function marksOf({ tasks, nextNodes }: StateSnapshot): ReadonlyMap<string, Mark> {
  const marks = new Map<string, Mark>();
  for (const { node, finished, error, interruptIds } of tasks) {
    // An error stays when the task has finished since.
    const stopped = error === undefined ? "due" : "failed";
    const mark = finished ? "finished" : interruptIds.length > 0 ? "waits" : stopped;
    const before = marks.get(node);
    if (before === undefined || byWeight.indexOf(mark) > byWeight.indexOf(before)) marks.set(node, mark);
  }
  for (const node of nextNodes) if (!marks.has(node)) marks.set(node, "due");
  return marks;
}

/** The classes of a drawing and what belongs to each. */
export function classLines(marked: [id: string, Mark][]): string[] {
  return byWeight.flatMap((mark) => {
    const ids = marked.filter(([, each]) => each === mark).map(([id]) => id);
    return ids.length === 0 ? [] : [`classDef ${mark} ${looks[mark]}`, `class ${ids.join(",")} ${mark}`];
  });
}
