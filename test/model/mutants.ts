// Faults put into the engine on purpose, each with the test that has to notice it.

const model = "test/model/model.test.ts";

export interface Mutant {
  name: string;
  file: string;
  /** Stands in the file exactly once. */
  from: string;
  to: string;
  caughtBy: string;
}

export const mutants: readonly Mutant[] = [
  {
    name: "what was written gets no new version",
    file: "src/engine/apply.ts",
    from: "Math.max(0, ...state.versions.values()) + 1 :",
    to: "Math.max(1, ...state.versions.values()) :",
    caughtBy: model,
  },
  {
    name: "writes are applied in the opposite order",
    file: "src/engine/apply.ts",
    from: "const sorted = sortedByBytes(tasks, ({ path }) => path);",
    to: "const sorted = sortedByBytes(tasks, ({ path }) => path).reverse();",
    caughtBy: model,
  },
  {
    name: "nodes forget which versions they have seen",
    file: "src/engine/apply.ts",
    from: "    state.seen.set(node, seen);\n",
    to: "",
    // In a run what triggered a node is cleared as well. Only what happens to a thread from outside needs to know.
    caughtBy: "test/engine/supersteps.test.ts",
  },
  {
    name: "a waiting edge does not start over once its node has run",
    file: "src/engine/channels/barrier.ts",
    from: "    this.#arrived = new Set();\n    this.#finished = false;\n",
    to: "",
    caughtBy: model,
  },
  {
    name: "an ephemeral value stays",
    file: "src/engine/channels/plain.ts",
    from: "ephemeral: { single: true, fleeting: true,",
    to: "ephemeral: { single: true, fleeting: false,",
    caughtBy: model,
  },
  {
    name: "a deferred node runs at once",
    file: "src/engine/graph.ts",
    from: 'deferred ? new DeferredChannel(saved) : new PlainChannel(trigger, "trigger", saved),',
    to: 'void deferred || new PlainChannel(trigger, "trigger", saved),',
    caughtBy: model,
  },
  {
    name: "of several Sends only the last arrives",
    file: "src/engine/channels/sends.ts",
    from: "(send === undefined ? [] : [send]));",
    to: "(send === undefined ? [] : [send])).slice(-1);",
    caughtBy: model,
  },
  {
    name: "two tasks may write a channel that takes one value",
    file: "src/engine/channels/plain.ts",
    from: "if (single && writes.length > 1) {",
    to: "if (single && writes.length > 9) {",
    caughtBy: model,
  },
  {
    name: "a task that has finished runs again",
    file: "src/runs/superstep.ts",
    from: "if (!isFinished(status) && !handled) return false;",
    to: "if (!handled) return false;",
    caughtBy: model,
  },
  {
    name: "of two answers to a question the first counts",
    file: "src/runs/answers.ts",
    from: "[...before.slice(0, asked.index), decoded(answer, field)]",
    to: "[...before, decoded(answer, field)]",
    caughtBy: model,
  },
];
