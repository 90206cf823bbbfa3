import { create } from "@bufbuild/protobuf";
import { CairnError } from "../errors.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import { type GraphFault, GraphFaultSchema } from "../gen/cairn/v1/graph_service_pb.ts";

/** More than these are counted and not told. */
const faultsMax = 1000;

/** Collects everything that is wrong with a graph, in the order it is found. */
export class Faults {
  readonly list: GraphFault[] = [];
  #more = 0;

  add(path: string, message: string): void {
    if (this.list.length < faultsMax) this.list.push(create(GraphFaultSchema, { path, message }));
    else this.#more++;
  }

  /** All of them, with a line for those that are too many. */
  all(): GraphFault[] {
    if (this.#more === 0) return this.list;
    return [...this.list, create(GraphFaultSchema, { path: "", message: `faults left out: ${this.#more}` })];
  }
}

/** A field's path inside another. */
export function member(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

/** A map entry's path: `nodes.triage`, or `nodes["a b"]` where the key is no plain word. */
export function entry(path: string, key: string): string {
  return /^[A-Za-z_]\w*$/.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`;
}

/** A list item's path. */
export function item(path: string, index: number): string {
  return `${path}[${index}]`;
}

/** One fault as a line of text. */
export function faultLine({ path, message }: GraphFault): string {
  return path === "" ? message : `${path}: ${message}`;
}

/** GRAPH_INVALID with every fault. */
export function graphInvalid(faults: GraphFault[]): CairnError {
  const [first, ...others] = faults;
  const more = others.length === 0 ? "" : ` (faults in all: ${others.length + 1})`;
  const line = first === undefined ? "" : faultLine(first);
  return new CairnError(ErrorReason.GRAPH_INVALID, `the graph is not valid: ${line}${more}`, {
    metadata: { faults: String(faults.length) },
    violations: faults.map(({ path, message }) => ({ field: path, description: message })),
  });
}
