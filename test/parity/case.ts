/** A parity case as FORMAT.md describes it. */
export interface Case {
  name: string;
  graph: CaseGraph;
  script: Call[];
  expect: Expected[];
}

export interface CaseGraph {
  channels: Record<string, string>;
  nodes: Record<string, CaseNode>;
  edges: [from: string | string[], to: string][];
  branches?: CaseBranch[];
  interrupt_before?: string[];
  interrupt_after?: string[];
}

export interface CaseNode {
  do?: Op[];
  graph?: CaseGraph;
  defer?: boolean;
  attempts?: number;
  ends?: string[];
}

export type Op = Record<string, unknown>;

export interface CaseSend {
  node: string;
  arg?: unknown;
  over?: string;
  as?: string;
}

export interface CaseBranch {
  from: string;
  on?: string;
  lt?: number;
  then?: string[];
  else?: string[];
  cases?: Record<string, string[]>;
  default?: string[];
  send?: CaseSend[];
}

export interface Call {
  invoke?: Record<string, unknown>;
  continue?: true;
  resume?: { value: unknown } | { by_value: [value: unknown, answer: unknown][] };
  update_state?: { values: Record<string, unknown>; as_node?: string };
  fork?: number;
  recursion_limit?: number;
}

export interface Snapshot {
  step: number | null;
  source: string | null;
  values: unknown;
  next: string[];
  interrupts?: unknown[];
  failed?: string[];
}

/** What one call did. */
export interface Expected {
  updated?: string[];
  error?: string;
  ran: Record<string, number>;
  state?: Snapshot;
  history?: Snapshot[];
}
