// Expressions: what they see, what they may not name, and that none of them runs for long.
import { describe, expect, it } from "vitest";
import { compileCel } from "../../src/engine/cel.ts";
import { Float, type Plain } from "../../src/values/value.ts";

function evaluate(source: string, state: Record<string, Plain> = {}): Plain {
  const map = new Map(Object.entries(state));
  return compileCel(source).evaluate({
    keys: () => map.keys(),
    has: (key) => map.has(key),
    get: (key) => map.get(key),
  });
}

const failure = expect.objectContaining({ name: "CelFailure" });

describe("expressions", () => {
  it("tell whole numbers, floats and absent channels apart", () => {
    const state = { n: 2, f: new Float(2), big: 2n ** 60n, list: [1, 2, 3], map: { a: null } };
    expect(evaluate("state.n + 1", state)).toBe(3);
    expect(evaluate("state.f + 1.0", state)).toEqual(new Float(3));
    expect(evaluate("state.big + 1", state)).toBe(2n ** 60n + 1n);
    expect(evaluate("has(state.n) && !has(state.nothing)", state)).toBe(true);
    expect(evaluate('"n" in state && size(state) == 5', state)).toBe(true);
    expect(evaluate("state.list.map(i, i * 2).filter(i, i > 2)", state)).toEqual([4, 6]);
    expect(evaluate("state.map.a == null", state)).toBe(true);
    expect(() => evaluate("state.n + state.f", state)).toThrow(failure);
    expect(() => evaluate("state.nothing", state)).toThrow(failure);
    expect(() => evaluate("1 / 0")).toThrow(failure);
  });

  it("that name what is not there, or do not parse, are refused when they are compiled", () => {
    expect(() => compileCel("n + 1")).toThrow(/unknown variable "n"/);
    expect(() => compileCel("[1].all(i, j > i)")).toThrow(/unknown variable "j"/);
    expect(() => compileCel("[1].all(i, i > 0) && i > 0")).toThrow(/unknown variable "i"/);
    expect(() => compileCel("frobnicate(state)")).toThrow(/unknown function "frobnicate"/);
    expect(() => compileCel("1 +")).toThrow(failure);
    expect(() => compileCel(`"${"x".repeat(16 * 1024)}"`)).toThrow(/longer than/);
  });

  it("have a bound on their work, wherever their lists and maps come from", () => {
    const digits = "[0,1,2,3,4,5,6,7,8,9]";
    const nested = (range: string, depth: number): string =>
      depth === 0 ? "true" : `${range}.all(v${depth}, ${nested(range, depth - 1)})`;
    const list = Array.from({ length: 1000 }, (_, i) => i);
    const map = Object.fromEntries(list.map((i) => [`k${i}`, i]));
    for (const source of [
      nested(digits, 9),
      nested("state.list", 4),
      nested("state.map", 4),
      nested("state.list.map(i, i)", 4),
    ]) {
      expect(() => evaluate(source, { list, map })).toThrow(failure);
    }
    expect(evaluate(nested("state.list", 1), { list })).toBe(true);
    // A failure leaves the next expression all of its budget.
    expect(evaluate(nested("state.list", 1), { list })).toBe(true);
  });

  it("pay for what their functions look through, not only for what macros walk over", () => {
    const list = Array.from({ length: 5_000 }, (_, i) => i);
    const text = `${"x".repeat(30)}ab`.repeat(1_000);
    const state = { list, text, big: Array.from({ length: 90_000 }, (_, i) => i), map: { a: 1 } };
    for (const each of [
      "!(-1 in state.list)",
      "state.list == state.list",
      "state == state",
      "state.text.lowerAscii() != v",
      'state.text.split("").size() > 0',
      'state.text.contains(state.text + "x") || true',
      'state.text.matches("(a|b|ab)*c{1,50}$") || true',
      "size(state.text) > 0",
    ]) {
      expect(() => evaluate(`state.list.all(v, ${each})`, state), each).toThrow(/more than 100000 steps/);
    }
    const classes = `"a".matches("${"\\\\pL{1000}".repeat(50)}")`;
    expect(() => evaluate(classes)).toThrow(/more than 100000 steps/);
    // The sum of a chain of texts is looked at too, where a macro asks for it.
    const chain = Array(700).fill("state.text").join(" + ");
    expect(() => evaluate(`[1].exists(v, size(${chain}) > v)`, state)).toThrow(failure);
  });

  it("add lists up, again and again, to what can be walked over at no more than its length", () => {
    const doubled = (depth: number): string =>
      depth === 0 ? "state.list" : `[${doubled(depth - 1)}].map(v${depth}, v${depth} + v${depth})[0]`;
    const list = [1, 2, 3];
    expect(evaluate(doubled(5), { list })).toEqual(Array(32).fill(list).flat());
    expect(evaluate("([state.list].map(v, v + [4])[0] + []).map(v, v * 2)", { list })).toEqual([2, 4, 6, 8]);
    expect(() => evaluate(doubled(40), { list })).toThrow(/more than 100000 steps/);
  });

  it("pay nothing for a length or a key, and little for one look through a large list", () => {
    const state = { list: Array.from({ length: 200_000 }, (_, i) => i), map: { a: 1 } };
    expect(evaluate("size(state.list) + state.list.size()", state)).toBe(400_000);
    expect(evaluate('"a" in state.map && "list" in state && size(state) == 2', state)).toBe(true);
    expect(evaluate('-7 in state.list == false && "the cat".matches(r"\\bcat\\b")', state)).toBe(true);
  });
});
