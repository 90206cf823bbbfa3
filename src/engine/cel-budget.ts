import {
  type CelFunc,
  type CelList,
  type CelMap,
  CelScalar,
  celEnv,
  celFunc,
  celList,
  celMethod,
  isCelList,
  isCelMap,
  listType,
} from "@bufbuild/cel";
import { strings } from "@bufbuild/cel/ext";
import { type Expr, ExprSchema } from "@bufbuild/cel-spec/cel/expr/syntax_pb.js";
import { create } from "@bufbuild/protobuf";

/**
 * Bounds the work of an expression. CEL has no loops but its macros, which can be nested and fed with what they
 * made themselves. So every parsed expression is given calls of our own: one that counts what a macro is about to walk
 * over, one that counts what a function is about to look through (`x in list` inside a macro is a loop as well), one
 * that looks at the size of everything that is put together, and two that keep lists flat: the library makes a chain of
 * those that are added to one another, and each walk along it takes a step a link for every element. A macro's own list
 * grows in place, any other sum is copied.
 */
export const celLimits = {
  sourceBytesMax: 16 * 1024,
  /** Elements that macros walk over and that results hold, in all. About 5 µs each. */
  stepsMax: 100_000,
  /** Elements and characters that a function looks through for the price of one step. */
  weightPerStep: 32,
  /** Elements and characters of one value that an expression makes, nested ones included. */
  weightMax: 4 * 1024 * 1024,
} as const;

export class CelFailure extends Error {
  override readonly name = "CelFailure";
}

const WALK = "@cairn_walk";
const WEIGH = "@cairn_weigh";
const WEIGH_LIST = "@cairn_weigh_list";
const WEIGH_TEXT = "@cairn_weigh_text";
const PUSH = "@cairn_push";
const SIZED = "@cairn_sized";
const SUM = "@cairn_sum";

let stepsLeft = 0;
let taken = 0;

/** Steps that all evaluations so far have taken: how long they have kept others waiting. */
export function stepsTaken(): number {
  return taken;
}

/** Runs an evaluation, which is synchronous, with a fresh budget. Throws CelFailure when it was used up. */
export function withBudget<Result>(evaluation: () => Result): Result {
  stepsLeft = celLimits.stepsMax;
  try {
    const result = evaluation();
    // && and || may have hidden the error that was raised.
    spend(0);
    return result;
  } finally {
    taken += celLimits.stepsMax - stepsLeft;
  }
}

/** Counts steps. Throws CelFailure when there are none left. */
export function spend(steps: number): void {
  stepsLeft -= steps;
  if (stepsLeft < 0) throw new CelFailure(`the expression takes more than ${celLimits.stepsMax} steps`);
}

/** Adds the calls to a parsed expression, in place. */
export function instrument(expr: Expr): Expr {
  const { exprKind } = expr;
  switch (exprKind.case) {
    case "selectExpr":
      if (exprKind.value.operand) exprKind.value.operand = instrument(exprKind.value.operand);
      return expr;
    case "callExpr": {
      const call = exprKind.value;
      if (call.target) call.target = instrument(call.target);
      call.args = call.args.map(instrument);
      const weigh = weighing(call.function);
      if (weigh !== undefined) {
        if (call.target) call.target = isSmall(call.target) ? call.target : callOf(weigh, call.target);
        call.args = call.args.map((arg) => (isSmall(arg) ? arg : callOf(weigh, arg)));
      }
      return call.function === "_+_" ? callOf(SUM, expr) : expr;
    }
    case "listExpr":
      exprKind.value.elements = exprKind.value.elements.map(instrument);
      return exprKind.value.elements.length === 0 ? expr : callOf(SIZED, expr);
    case "structExpr":
      for (const entry of exprKind.value.entries) if (entry.value) entry.value = instrument(entry.value);
      return callOf(SIZED, expr);
    case "comprehensionExpr": {
      const loop = exprKind.value;
      for (const part of ["iterRange", "accuInit", "loopCondition", "loopStep", "result"] as const) {
        const inner = loop[part];
        if (inner) loop[part] = part === "loopStep" ? pushing(inner, loop.accuVar) : instrument(inner);
      }
      if (loop.iterRange) loop.iterRange = callOf(WALK, loop.iterRange);
      return expr;
    }
    default:
      return expr;
  }
}

/** Calls whose work does not grow with their arguments. */
const constantTime = new Set(["_&&_", "_||_", "_?_:_", "!_", "_[_]", "_[?_]", "_?._", "@not_strictly_false"]);

/** What counts the work of a function. Keys of maps are looked up, not through, and lists know their length. */
function weighing(name: string): string | undefined {
  if (constantTime.has(name)) return undefined;
  if (name === "size") return WEIGH_TEXT;
  return name === "@in" ? WEIGH_LIST : WEIGH;
}

/** A number or another literal that has no length. */
function isSmall({ exprKind }: Expr): boolean {
  if (exprKind.case !== "constExpr") return false;
  const { case: kind } = exprKind.value.constantKind;
  return kind !== "stringValue" && kind !== "bytesValue";
}

/** A macro's step: where it adds a list to what it has gathered, at once or on a condition, that grows in place. */
function pushing(step: Expr, accuVar: string): Expr {
  if (step.exprKind.case !== "callExpr") return instrument(step);
  const call = step.exprKind.value;
  if (call.function === "_?_:_") {
    call.args = call.args.map((arg) => pushing(arg, accuVar));
    return step;
  }
  const [gathered, more] = call.args;
  const isGathered = gathered?.exprKind.case === "identExpr" && gathered.exprKind.value.name === accuVar;
  if (call.function !== "_+_" || !isGathered || more?.exprKind.case !== "listExpr") return instrument(step);
  call.args = call.args.map(instrument);
  call.function = PUSH;
  return step;
}

/** Ids are for messages only; those of the parser begin at 1. */
function callOf(name: string, ...args: Expr[]): Expr {
  return create(ExprSchema, { id: args[0]?.id ?? 0n, exprKind: { case: "callExpr", value: { function: name, args } } });
}

const weights = new WeakMap<object, number>();
const growing = new WeakMap<object, unknown[]>();

/** Elements and characters of a value, nested ones each time they occur. */
function weightOf(value: unknown): number {
  if (typeof value === "string") return 1 + value.length;
  if (value instanceof Uint8Array) return 1 + value.length;
  if (!isCelList(value) && !isCelMap(value)) return 1;
  const known = weights.get(value);
  if (known !== undefined) return known;
  let weight = 1;
  for (const item of isCelList(value) ? value : (value as CelMap).values()) {
    spend(1 / celLimits.weightPerStep);
    weight += weightOf(item);
  }
  weights.set(value, weight);
  return weight;
}

function checked<Value>(value: Value): Value {
  if (weightOf(value) <= celLimits.weightMax) return value;
  throw new CelFailure(`the expression makes a value of more than ${celLimits.weightMax} elements or characters`);
}

/** What was added up: a list is copied out of the library's chain. */
function summed(sum: unknown): unknown {
  return checked(isCelList(sum) ? celList([...sum] as never[]) : sum);
}

/** A macro is about to walk over this. */
function walked(range: unknown): unknown {
  if (isCelList(range) || isCelMap(range)) spend(1 + range.size);
  return range;
}

/** A function is about to look through this. */
function weighed(value: unknown): unknown {
  spend(weightOf(value) / celLimits.weightPerStep);
  return value;
}

function weighedText(value: unknown): unknown {
  return isCelList(value) || isCelMap(value) ? value : weighed(value);
}

function weighedList(value: unknown): unknown {
  return isCelMap(value) ? value : weighed(value);
}

function push(gathered: CelList, more: CelList): CelList {
  let elements = growing.get(gathered);
  let list = gathered;
  if (elements === undefined) {
    elements = [...gathered];
    list = celList(elements as never[]);
    growing.set(list, elements);
  }
  const weight = weightOf(list) + weightOf(more) - 1;
  elements.push(...more);
  weights.set(list, weight);
  return checked(list);
}

/** Refuses to make a text that is too long, before it is made. */
function roomFor(characters: number): void {
  if (characters <= celLimits.weightMax) return;
  throw new CelFailure(`the expression makes a text of more than ${celLimits.weightMax} characters`);
}

/** Replaces the first `limit` occurrences; all when it is negative. The library's own takes quadratic time. */
function replace(text: string, from: string, to: string, limit = -1n): string {
  const parts = from === "" ? ["", ...text, ""] : text.split(from);
  const count = limit < 0n ? parts.length - 1 : Math.min(parts.length - 1, Number(limit));
  roomFor(text.length + count * to.length);
  const head = parts.slice(0, count + 1).join(to);
  return count === parts.length - 1 ? head : [head, ...parts.slice(count + 1)].join(from);
}

/** Steps that it takes to make sense of a pattern: of its characters, Unicode classes and counted repetitions. */
function patternSteps(pattern: string): number {
  const classes = pattern.match(/\\[pP]/g)?.length ?? 0;
  let copies = 1;
  // The library refuses more than 1,000 copies of anything.
  for (const [, from, to] of pattern.matchAll(/\{(\d+)(?:,(\d*))?\}/g)) {
    copies = Math.min(1_000, copies * Math.max(1, Number(from), Number(to || 0)));
  }
  return (4 * pattern.length + 400 * classes) * copies;
}

/** `matches` is linear in the text, but what a character costs depends on the pattern. */
const pricedMatches: CelFunc[] = [...(celEnv().funcs.find("matches") ?? [])].map((original) =>
  guarded(original, (text, [pattern]) => {
    const steps = patternSteps(String(pattern));
    spend(steps + (steps / 4_096) * String(text).length);
  }),
);

/** The same function, after a look at what it is about to work on. */
function guarded(original: CelFunc, look: (target: unknown, args: unknown[]) => void): CelFunc {
  const copy = Object.create(original) as CelFunc;
  copy.call = (id, target, args) => {
    look(target, args);
    return original.call(id, target, args);
  };
  return copy;
}

/** The string extensions; those that can make much of little look at how much first. */
const boundedStrings: CelFunc[] = strings
  .filter(({ name }) => name !== "replace")
  .map((original) => {
    if (original.name !== "join" && original.name !== "format") return original;
    return guarded(original, (target, args) => {
      const separator = original.name === "join" ? String(args[0] ?? "").length * Number((target as CelList).size) : 0;
      roomFor(weightOf(target) + args.reduce((sum: number, arg) => sum + weightOf(arg), separator));
    });
  });

/**
 * The same function, which ends the evaluation when the budget is used up. An error would be a value like any other, and a
 * macro would go on to its next element.
 */
function ending(original: CelFunc): CelFunc {
  const copy = Object.create(original) as CelFunc;
  copy.call = (id, target, args) => {
    const result = original.call(id, target, args);
    spend(0);
    return result;
  };
  return copy;
}

const { DYN, INT, STRING } = CelScalar;

/** What the environment of instrumented expressions needs. */
export const budgetedFunctions: CelFunc[] = [
  ...boundedStrings,
  ...pricedMatches,
  celMethod("replace", STRING, [STRING, STRING], STRING, function (from, to) {
    return replace(this, from, to);
  }),
  celMethod("replace", STRING, [STRING, STRING, INT], STRING, function (from, to, limit) {
    return replace(this, from, to, limit);
  }),
  ...[
    celFunc(WALK, [DYN], DYN, walked as never),
    celFunc(WEIGH, [DYN], DYN, weighed as never),
    celFunc(WEIGH_LIST, [DYN], DYN, weighedList as never),
    celFunc(WEIGH_TEXT, [DYN], DYN, weighedText as never),
    celFunc(PUSH, [listType(DYN), listType(DYN)], listType(DYN), push as never),
    celFunc(SIZED, [DYN], DYN, checked as never),
    celFunc(SUM, [DYN], DYN, summed as never),
  ].map(ending),
];
