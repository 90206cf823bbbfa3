import { type CelInput, celEnv, celList, isCelError, isCelList, isCelMap, isCelUint, parse, plan } from "@bufbuild/cel";
import { emptyMap, Float, floatOf, integerOf, isPlainMap, type Plain } from "../values/value.ts";
import { budgetedFunctions, CelFailure, celLimits, instrument, spend, withBudget } from "./cel-budget.ts";

/** An expression that has been parsed and checked once and can be evaluated many times. */
export interface Program {
  readonly source: string;
  /**
   * The expression's value. `state` maps channels to decoded values, looked up only when the expression names
   * them. Throws CelFailure.
   */
  evaluate(state: StateView): Plain;
}

/** What an expression sees as `state`: only channels that hold a value are there. */
export interface StateView {
  keys(): Iterable<string>;
  has(channel: string): boolean;
  get(channel: string): Plain | undefined;
}

/** The standard functions and the string extensions (`split`, `join`, `replace`, `lowerAscii`…). */
const environment = celEnv({ funcs: budgetedFunctions });

/** Compiles an expression. Throws CelFailure with the position when it does not parse or names what is not there. */
export function compileCel(source: string): Program {
  if (Buffer.byteLength(source) > celLimits.sourceBytesMax) {
    throw new CelFailure(`the expression is longer than ${celLimits.sourceBytesMax} bytes`);
  }
  let evaluate: ReturnType<typeof plan>;
  try {
    const parsed = parse(source);
    refuseUnknownNames(parsed.expr, new Set(["state", ...typeNames]));
    if (parsed.expr) parsed.expr = instrument(parsed.expr);
    evaluate = plan(environment, parsed);
  } catch (thrown) {
    throw thrown instanceof CelFailure ? thrown : new CelFailure(messageOf(thrown));
  }
  return {
    source,
    evaluate: (state) =>
      withBudget(() => {
        // Plain objects of an unknown class are no CEL values; a Map is a map that is asked lazily.
        const result = evaluate({ state: new LazyState(state) as ReadonlyMap<string, CelInput> });
        if (isCelError(result)) throw new CelFailure(messageOf(result));
        return fromCel(result);
      }),
  };
}

const typeNames = ["bool", "int", "uint", "double", "string", "bytes", "list", "map", "null_type", "type", "google"];

/** The state as CEL sees it. Channels are converted when they are first asked for. */
class LazyState extends Map<string, unknown> {
  readonly #state: StateView;
  readonly #converted = new Map<string, unknown>();

  constructor(state: StateView) {
    super();
    this.#state = state;
  }

  override get size(): number {
    return [...this.#state.keys()].length;
  }

  override has(key: string): boolean {
    return typeof key === "string" && this.#state.has(key);
  }

  override get(key: string): unknown {
    if (!this.has(key)) return undefined;
    if (!this.#converted.has(key)) this.#converted.set(key, toCel(this.#state.get(key) ?? null));
    return this.#converted.get(key);
  }

  override *keys(): MapIterator<string> {
    yield* this.#state.keys();
    return undefined;
  }

  override *entries(): MapIterator<[string, unknown]> {
    for (const key of this.#state.keys()) yield [key, this.get(key)];
    return undefined;
  }

  override *values(): MapIterator<unknown> {
    for (const key of this.#state.keys()) yield this.get(key);
    return undefined;
  }

  override [Symbol.iterator](): MapIterator<[string, unknown]> {
    return this.entries();
  }
}

/** A whole number is CEL's int (a bigint), any float a double. */
function toCel(value: Plain): unknown {
  if (typeof value === "number") return Number.isInteger(value) ? BigInt(value) : value;
  if (value instanceof Float) return value.value;
  if (Array.isArray(value)) return celList(value.map(toCel) as never[]);
  if (value instanceof Map) return new Map([...value].map(([k, v]) => [toCel(k), toCel(v)]));
  if (isPlainMap(value)) return new Map(Object.entries(value).map(([k, v]) => [k, toCel(v)]));
  return value;
}

/** The one place where CEL's lists, maps and numbers become ours. */
function fromCel(value: unknown): Plain {
  spend(1);
  if (typeof value === "number") return floatOf(value);
  if (typeof value === "bigint") return integerOf(value);
  if (isCelUint(value)) return integerOf(value.value);
  if (isCelList(value)) return [...value].map(fromCel);
  if (isCelMap(value)) {
    const map = emptyMap();
    for (const [key, item] of value) {
      if (typeof key !== "string") throw new CelFailure(`a map's key must be text, not ${String(key)}`);
      map[key] = fromCel(item);
    }
    return map;
  }
  if (value === null || typeof value === "string" || typeof value === "boolean" || value instanceof Uint8Array) {
    return value;
  }
  throw new CelFailure("the expression gives a value that a channel can't hold (a type, timestamp or duration)");
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String((thrown as { message?: unknown })?.message ?? thrown);
}

/** Walks the parsed expression and throws for variables that no state has. */
function refuseUnknownNames(node: unknown, known: ReadonlySet<string>): void {
  if (Array.isArray(node)) {
    for (const item of node) refuseUnknownNames(item, known);
    return;
  }
  if (typeof node !== "object" || node === null) return;
  const { case: kind, value } = node as { case?: string; value?: Record<string, unknown> };
  if (kind === "identExpr") {
    const name = String(value?.name);
    if (!known.has(name))
      throw new CelFailure(`unknown variable ${JSON.stringify(name)}: expressions see only \`state\``);
  } else if (kind === "comprehensionExpr") {
    const inner = new Set([...known, String(value?.iterVar), String(value?.iterVar2), String(value?.accuVar)]);
    for (const [field, part] of Object.entries(value ?? {})) {
      refuseUnknownNames(part, field === "iterRange" || field === "accuInit" ? known : inner);
    }
  } else {
    if (kind === "callExpr") refuseUnknownFunction(value);
    for (const part of Object.values(node)) refuseUnknownNames(part, known);
  }
}

function refuseUnknownFunction(call: Record<string, unknown> | undefined): void {
  const name = String(call?.function);
  if (environment.funcs.find(name) === undefined && !operators.has(name)) {
    throw new CelFailure(`unknown function ${JSON.stringify(name)}`);
  }
}

/** Operators that the planner handles itself, without a function of that name. */
const operators = new Set([
  "_&&_",
  "_||_",
  "_?_:_",
  "_[_]",
  "_[?_]",
  "_?._",
  "@not_strictly_false",
  "@in",
  "_==_",
  "_!=_",
]);
