import type { JsonValue } from "@bufbuild/protobuf";
import type { Tree } from "./text-tree.ts";

/** A number that google.protobuf.Value, which holds doubles, would change. */
export class Unheld extends Error {}

/** A tree as JSON's own values. Throws Unheld. */
export function toJson(tree: Tree): JsonValue {
  if (Array.isArray(tree)) return tree.map(toJson);
  if (tree instanceof Map) {
    const object: { [key: string]: JsonValue } = Object.create(null);
    for (const [key, value] of tree) object[key] = toJson(value);
    return object;
  }
  if (typeof tree === "number" && !Number.isFinite(tree)) throw new Unheld(`${tree} can't be held here`);
  if (typeof tree !== "bigint") return tree;
  if (!Number.isSafeInteger(Number(tree))) throw new Unheld(`${tree} is beyond 2^53 and can't be held exactly here`);
  return Number(tree);
}
