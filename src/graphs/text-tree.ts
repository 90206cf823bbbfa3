import { isAlias, isMap, isNode, isScalar, isSeq, type Node, parseDocument } from "yaml";
import { entry, type Faults, item } from "./faults.ts";

/** YAML or JSON as it was read: maps with text keys, lists, and scalars. Integers are bigint, floats number. */
export type Tree = string | number | bigint | boolean | null | Tree[] | Map<string, Tree>;

/** The largest graph text, in bytes. */
export const graphTextBytesMax = 1024 * 1024;

/** Nodes of a text, each counted as often as aliases repeat it: a few lines of aliases can stand for billions. */
const treeNodesMax = 200_000;
const treeDepthMax = 100;

/** Reads YAML or JSON text. With a syntax error there is no tree, and every error is a fault with line and column. */
export function readTree(text: string, faults: Faults): Tree | undefined {
  if (Buffer.byteLength(text) > graphTextBytesMax) {
    faults.add("", `the text is over the limit of ${graphTextBytesMax} bytes`);
    return undefined;
  }
  const document = parseDocument(text, {
    intAsBigInt: true,
    uniqueKeys: false,
    prettyErrors: true,
    logLevel: "error",
  });
  const problems = [...document.errors, ...document.warnings];
  for (const { message } of problems) faults.add("", firstLine(message));
  if (problems.length > 0) return undefined;
  try {
    return new Reader(faults).read(document.contents, "", 0);
  } catch (error) {
    if (!(error instanceof TooLarge)) throw error;
    faults.add("", error.message);
    return undefined;
  }
}

/** The message of the yaml library without its excerpt of the text: `… at line 3, column 5`. */
function firstLine(message: string): string {
  return (message.split("\n")[0] ?? "").replace(/:$/, "");
}

class TooLarge extends Error {}

class Reader {
  #left = treeNodesMax;
  #inAlias = false;
  readonly #anchors = new Map<string, Node>();
  readonly #faults: Faults;

  constructor(faults: Faults) {
    this.#faults = faults;
  }

  read(node: unknown, path: string, depth: number): Tree {
    if (this.#left-- === 0) throw new TooLarge(`more than ${treeNodesMax} values once aliases are resolved`);
    if (depth > treeDepthMax) throw new TooLarge(`nested deeper than ${treeDepthMax}, or an alias of itself`);
    if (isAlias(node)) return this.#alias(node.source, path, depth);
    if (isNode(node) && node.anchor !== undefined && !this.#inAlias) this.#anchors.set(node.anchor, node);
    if (isSeq(node)) return node.items.map((each, i) => this.read(each, item(path, i), depth + 1));
    if (isMap(node)) return this.#map(node.items, path, depth);
    if (isScalar(node)) return scalar(node.value);
    return null;
  }

  /** Not with the library's `resolve`, which looks through the whole document for each alias. */
  #alias(name: string, path: string, depth: number): Tree {
    const outer = this.#inAlias;
    this.#inAlias = true;
    const tree = this.read(this.#anchors.get(name) ?? null, path, depth + 1);
    this.#inAlias = outer;
    return tree;
  }

  #map(pairs: { key: unknown; value: unknown }[], path: string, depth: number): Tree {
    const map = new Map<string, Tree>();
    for (const pair of pairs) {
      const key = this.#key(pair.key, path);
      if (key === undefined) continue;
      const at = path === "" ? key : entry(path, key);
      if (map.has(key)) this.#faults.add(at, "this key is there twice");
      else map.set(key, this.read(pair.value as Node | null, at, depth + 1));
    }
    return map;
  }

  /** Keys are text; of other scalars (`true: a`) their own spelling. */
  #key(node: unknown, path: string): string | undefined {
    const key = isAlias(node) ? this.#anchors.get(node.source) : node;
    if (!isScalar(key)) {
      this.#faults.add(path, "a key must be text");
      return undefined;
    }
    return typeof key.value === "string" ? key.value : (key.source ?? String(key.value));
  }
}

function scalar(value: unknown): Tree {
  const type = typeof value;
  if (type === "string" || type === "number" || type === "bigint" || type === "boolean") return value as Tree;
  return null;
}
