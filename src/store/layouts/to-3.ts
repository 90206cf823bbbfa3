import { compacted } from "./compact.ts";
import type { Step } from "./step.ts";

/** What follows from the rest of a record, or from where it stands, is left out. */
export const to3: Step = { to: 3, record: compacted, graph: (graph) => graph };
