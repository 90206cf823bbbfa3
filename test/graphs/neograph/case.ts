/** What a condition of a case gives; run_neograph.py says how. */
export interface Rule {
  /** Channels whose numbers are added up. */
  reads: string[];
  /** The channel that counts the visits of its own node. */
  own: string;
  labels: string[];
}

/** A definition, and what is to be known to run it. */
export interface Case {
  definition: Definition;
  conditions: Record<string, Rule>;
  input: Record<string, unknown>;
  max_steps: number;
  /** As many supersteps of ours, where they are to be used up. */
  supersteps?: number;
}

export interface Definition {
  schema_version: 1;
  name: string;
  channels: Record<string, { reducer?: string; initial?: unknown }>;
  nodes: Record<string, { type: string; labels?: string[]; barrier?: { wait_for: (string | { any_of: string[] })[] } }>;
  edges: { from: string; to: string }[];
  conditional_edges: { from: string; condition: string; routes: Record<string, string> }[];
  interrupt_before?: string[];
  interrupt_after?: string[];
}

/** What became of a case. */
export interface Played {
  /** The nodes that ran, superstep by superstep. */
  steps: string[][];
  /** After how many supersteps it stopped, each place once. */
  stops: number[];
  status: "done" | "failed" | "exhausted" | "refused";
  values?: Record<string, unknown>;
  error?: string;
}
