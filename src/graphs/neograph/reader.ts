import { entry, type Faults, item, member } from "../faults.ts";
import type { Tree } from "../text-tree.ts";

/** Something to know about what was imported, besides the graph. */
export interface Note {
  path: string;
  message: string;
}

/** A part of a file with its path. */
export interface Place {
  path: string;
  tree: Tree | undefined;
}

/** Reads a tree member by member. What is not as it has to be is a fault, and reads as if it were not there. */
export class Reader {
  readonly faults: Faults;
  readonly notes: Note[] = [];

  constructor(faults: Faults) {
    this.faults = faults;
  }

  fault(path: string, message: string): undefined {
    this.faults.add(path, message);
    return undefined;
  }

  note(path: string, message: string): void {
    this.notes.push({ path, message });
  }

  /** A map whose keys are a user's own. */
  map({ path, tree }: Place): Map<string, Place> {
    if (tree === undefined) return new Map();
    if (!(tree instanceof Map)) {
      this.fault(path, "must be an object");
      return new Map();
    }
    return new Map([...tree].map(([key, value]) => [key, { path: entry(path, key), tree: value }]));
  }

  /** A map of fixed members. Others are faults, apart from annotations, which are told to be left out. */
  members(place: Place, known: readonly string[]): (name: string) => Place {
    const tree = place.tree instanceof Map ? place.tree : new Map<string, Tree>();
    if (place.tree !== undefined && !(place.tree instanceof Map)) this.fault(place.path, "must be an object");
    for (const key of tree.keys()) {
      const path = member(place.path, key);
      if (isAnnotation(key)) this.note(path, "an annotation: left out");
      else if (!known.includes(key)) this.fault(path, `unknown key; known are ${known.join(", ")}`);
    }
    return (name) => ({ path: member(place.path, name), tree: tree.get(name) });
  }

  list({ path, tree }: Place): Place[] {
    if (tree === undefined) return [];
    if (!Array.isArray(tree)) {
      this.fault(path, "must be a list");
      return [];
    }
    return tree.map((each, i) => ({ path: item(path, i), tree: each }));
  }

  /** A text that must be there and must not be empty. */
  text({ path, tree }: Place): string | undefined {
    if (typeof tree === "string" && tree !== "") return tree;
    return this.fault(path, tree === undefined ? "is missing" : "must be text that is not empty");
  }

  /** A number that may be left out. */
  number({ path, tree }: Place, isFit: (n: number) => boolean, form: string): number | undefined {
    if (tree === undefined) return undefined;
    const number = typeof tree === "bigint" || typeof tree === "number" ? Number(tree) : Number.NaN;
    return isFit(number) ? number : this.fault(path, form);
  }
}

/** Keys that NeoGraph leaves to whoever writes the file. */
export function isAnnotation(key: string): boolean {
  return key.startsWith("_") || key.startsWith("x-");
}
