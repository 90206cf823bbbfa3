// Random scripts. A move becomes a call only when it is known how the thread stands: what is asked, and what is due.
import fc from "fast-check";
import type { Call, CaseGraph } from "../parity/case.ts";
import { oneIn, write } from "./generate-nodes.ts";
import { type Prediction, ThreadModel } from "./thread.ts";
import { OfNoUse } from "./world.ts";

/** What a caller does next. `on`: what the thread waits for, whether answers or just going on. */
export interface Move {
  kind: "on" | "continue" | "invoke" | "answer";
  input: Record<string, unknown>;
  answer: unknown;
  /** Answers are given by what was asked; so many are left out. */
  byValue: number | undefined;
  limit: number | undefined;
}

const kind = fc.constantFrom<Move["kind"]>("on", "on", "on", "on", "on", "continue", "invoke", "answer");

const move: fc.Arbitrary<Move> = fc.record({
  kind,
  input: fc.array(write, { minLength: 1, maxLength: 3 }).map((writes) => Object.assign({}, ...writes)),
  answer: fc.constantFrom<unknown>("yes", "no", 2, ["l"]),
  byValue: fc.constantFrom(undefined, 0, 1, 1),
  limit: oneIn(5, fc.integer({ min: 1, max: 4 })),
});

export const moves: fc.Arbitrary<Move[]> = fc
  .tuple(move, fc.array(move, { minLength: 1, maxLength: 5 }))
  .map(([first, others]) => [{ ...first, kind: "invoke" }, ...others]);

/** Supersteps of a call that says nothing of them: graphs with loops would go on and on. */
const supersteps = 8;

/** The calls that moves come to, with what the model says of each. */
export interface Story {
  script: Call[];
  predicted: Prediction[];
  /** What has come about. */
  seen: ReadonlySet<string>;
}

/** Far more than a case needs, in tasks of a superstep and elements of a list. */
const sizeMax = 40;

/** Undefined when the case is of no use. */
export function storyOf(graph: CaseGraph, moves: readonly Move[]): Story | undefined {
  const thread = new ThreadModel(graph, sizeMax);
  const story: Story = { script: [], predicted: [], seen: thread.seen };
  try {
    for (const move of moves) {
      const call = callOf(move, thread);
      story.script.push(call);
      story.predicted.push(thread.call(call));
    }
    return story;
  } catch (thrown) {
    if (thrown instanceof OfNoUse) return undefined;
    throw thrown;
  }
}

function callOf({ kind, input, answer, byValue, limit = supersteps }: Move, thread: ThreadModel): Call {
  const options = { recursion_limit: limit };
  const asked = thread.questions;
  const answers = kind === "answer" || (kind === "on" && asked.length > 0);
  if (answers && (byValue === undefined ? kind === "answer" || asked.length < 2 : asked.length === 0)) {
    return { resume: { value: answer }, ...options };
  }
  if (answers) {
    const answered = asked.slice(0, Math.max(1, asked.length - (byValue ?? 0)));
    return { resume: { by_value: answered.map((question) => [question, answer]) }, ...options };
  }
  if (kind === "invoke" || (kind === "on" && thread.isDone)) return { invoke: input, ...options };
  return { continue: true, ...options };
}
