import {
  type CelFunc,
  type CelList,
  type CelMap,
  CelScalar,
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
 * over, one that looks at the size of everything that is put together, and one that grows a macro's list in place
 * (the library makes a chain of lists, which takes quadratic time to walk).
 */
export const celLimits = {
  sourceBytesMax: 16 * 1024,
  /** Elements that macros walk over and that results hold, in all. About 5 µs each. */
  stepsMax: 100_000,
  /** Elements and characters of one value that an expression makes, nested ones included. */
  weightMax: 4 * 1024 * 1024,
} as const;

export class CelFailure extends Error {
  override readonly name = "CelFailure";
}

const WALK = "@cairn_walk";
const PUSH = "@cairn_push";
const SIZED = "@cairn_sized";

let stepsLeft = 0;

/** Runs an evaluation, which is synchronous, with a fresh budget. Throws CelFailure when it was used up. */
export function withBudget<Result>(evaluation: () => Result): Result {
  stepsLeft = celLimits.stepsMax;
  const result = evaluation();
  // && and || may have hidden the error that was raised.
  spend(0);
  return result;
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
      return call.function === "_+_" ? callOf(SIZED, expr) : expr;
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

/** A macro's step: where it adds a list to what it has gathered, that grows in place. */
function pushing(step: Expr, accuVar: string): Expr {
  if (step.exprKind.case !== "callExpr") return instrument(step);
  const call = step.exprKind.value;
  const [gathered, more] = call.args;
  const isGathered = gathered?.exprKind.case === "identExpr" && gathered.exprKind.value.name === accuVar;
  const grows = call.function === "_+_" && isGathered && more?.exprKind.case === "listExpr";
  call.args = call.args.map((arg) => (grows ? instrument(arg) : pushing(arg, accuVar)));
  if (grows) call.function = PUSH;
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
    spend(1);
    weight += weightOf(item);
  }
  weights.set(value, weight);
  return weight;
}

function checked<Value>(value: Value): Value {
  if (weightOf(value) <= celLimits.weightMax) return value;
  throw new CelFailure(`the expression makes a value of more than ${celLimits.weightMax} elements or characters`);
}

/** A macro is about to walk over this. */
function walked(range: unknown): unknown {
  if (isCelList(range) || isCelMap(range)) spend(1 + range.size);
  return range;
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

/** The string extensions; those that can make much of little look at how much first. */
const boundedStrings: CelFunc[] = strings
  .filter(({ name }) => name !== "replace")
  .map((original) => {
    if (original.name !== "join" && original.name !== "format") return original;
    const guarded = Object.create(original) as CelFunc;
    guarded.call = (id, target, args) => {
      const separator = original.name === "join" ? String(args[0] ?? "").length * Number((target as CelList).size) : 0;
      roomFor(weightOf(target) + args.reduce((sum: number, arg) => sum + weightOf(arg), separator));
      return original.call(id, target, args);
    };
    return guarded;
  });

const { DYN, INT, STRING } = CelScalar;

/** What the environment of instrumented expressions needs. */
export const budgetedFunctions: CelFunc[] = [
  ...boundedStrings,
  celMethod("replace", STRING, [STRING, STRING], STRING, function (from, to) {
    return replace(this, from, to);
  }),
  celMethod("replace", STRING, [STRING, STRING, INT], STRING, function (from, to, limit) {
    return replace(this, from, to, limit);
  }),
  celFunc(WALK, [DYN], DYN, walked as never),
  celFunc(PUSH, [listType(DYN), listType(DYN)], listType(DYN), push as never),
  celFunc(SIZED, [DYN], DYN, checked as never),
];
