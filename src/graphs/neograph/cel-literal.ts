import type { Tree } from "../text-tree.ts";
import { Unheld } from "../tree-json.ts";

/** A value of JSON as the CEL that gives it. Whole numbers stay whole, floats stay floats. Throws Unheld. */
export function celLiteral(tree: Tree): string {
  if (tree === null || typeof tree === "boolean") return String(tree);
  if (typeof tree === "string") return celText(tree);
  if (Array.isArray(tree)) return `[${tree.map(celLiteral).join(", ")}]`;
  if (tree instanceof Map) {
    return `{${[...tree].map(([key, value]) => `${celText(key)}: ${celLiteral(value)}`).join(", ")}}`;
  }
  return typeof tree === "bigint" ? celInt(tree) : celDouble(tree);
}

/** A text in quotes. JSON's escapes are CEL's as well, apart from `\/`, which is not written. */
export function celText(text: string): string {
  if (!text.isWellFormed()) throw new Unheld("text that is not well-formed can't be held here");
  return JSON.stringify(text);
}

function celInt(int: bigint): string {
  if (int < -(2n ** 63n) || int >= 2n ** 63n) throw new Unheld(`${int} does not fit 64 bits`);
  return String(int);
}

function celDouble(double: number): string {
  if (!Number.isFinite(double)) throw new Unheld(`${double} can't be held here`);
  const text = Object.is(double, -0) ? "-0.0" : String(double);
  return /[.e]/.test(text) ? text : `${text}.0`;
}
