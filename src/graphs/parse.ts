import {
  create,
  type DescEnum,
  type DescField,
  type DescMessage,
  fromJson,
  type JsonValue,
  type Message,
  ScalarType,
} from "@bufbuild/protobuf";
import { type ReflectMessage, reflect, type ScalarValue } from "@bufbuild/protobuf/reflect";
import { DurationSchema, StructSchema, ValueSchema } from "@bufbuild/protobuf/wkt";
import { type GraphSpec, GraphSpecSchema } from "../gen/cairn/v1/graph_pb.ts";
import type { GraphFault } from "../gen/cairn/v1/graph_service_pb.ts";
import { entry, Faults, item, member } from "./faults.ts";
import { expandMessage, expandName, formsOf } from "./shorthand.ts";
import { readTree, type Tree } from "./text-tree.ts";
import { toJson, Unheld } from "./tree-json.ts";

/**
 * Reads a graph file: GraphSpec's JSON form in YAML or JSON, with shorthands. Tells every fault at once with its
 * path; the spec holds what could be read besides them.
 */
export function parseGraph(text: string): { spec: GraphSpec; faults: GraphFault[] } {
  const faults = new Faults();
  const spec = create(GraphSpecSchema);
  const tree = readTree(text, faults);
  if (tree !== undefined) new Walker(faults).fill(reflect(GraphSpecSchema, spec), tree, "");
  return { spec, faults: faults.all() };
}

/** Inline subgraphs nest. */
const messageDepthMax = 32;

class Walker {
  readonly #faults: Faults;
  #depth = 0;

  constructor(faults: Faults) {
    this.#faults = faults;
  }

  /** Sets a message's fields from a map, guided by its descriptor. */
  fill(message: ReflectMessage, tree: Tree, path: string): undefined {
    const map = expandMessage(message.desc.typeName, tree);
    if (map === undefined) return this.#fault(path, formsOf(message.desc.typeName));
    if (this.#depth >= messageDepthMax) return this.#fault(path, `nested deeper than ${messageDepthMax}`);
    this.#depth++;
    for (const [key, value] of map) {
      const field = message.fields.find(({ name, jsonName }) => name === key || jsonName === key);
      const at = member(path, field?.name ?? key);
      if (field === undefined) this.#fault(at, `unknown key; known are ${known(message.desc)}`);
      else if (message.isSet(field)) this.#fault(at, "is given twice");
      else if (value !== null || isValue(field)) this.#set(message, field, value, at);
    }
    this.#depth--;
  }

  #set(message: ReflectMessage, field: DescField, tree: Tree, path: string): undefined {
    const chosen = field.oneof && message.oneofCase(field.oneof);
    if (chosen !== undefined) return this.#fault(path, `excludes ${chosen.name}: only one of them can be given`);
    switch (field.fieldKind) {
      case "list":
        return this.#setList(message, field, tree, path);
      case "map":
        return this.#setMap(message, field, tree, path);
      default: {
        const value = this.#single(field, tree, path);
        if (value !== undefined) message.set(field, value as never);
      }
    }
  }

  #setList(message: ReflectMessage, field: DescField & { fieldKind: "list" }, tree: Tree, path: string): undefined {
    const isList = Array.isArray(tree);
    if (!isList && (field.listKind !== "scalar" || typeof tree !== "string")) {
      return this.#fault(path, "must be a list");
    }
    const items: Tree[] = isList ? tree : [tree];
    for (const [i, each] of items.entries()) {
      const value = this.#single(field, each, isList ? item(path, i) : path);
      if (value !== undefined) message.get(field).add(value as never);
    }
  }

  #setMap(message: ReflectMessage, field: DescField & { fieldKind: "map" }, tree: Tree, path: string): undefined {
    if (!(tree instanceof Map)) return this.#fault(path, "must be a map");
    for (const [key, each] of tree) {
      const value = this.#single(field, each, entry(path, key));
      if (value !== undefined) message.get(field).set(expandName(field, key), value as never);
    }
  }

  /** One value: a field's, a list item's, or a map entry's. Undefined after a fault. */
  #single(field: DescField, tree: Tree, path: string): unknown {
    if (field.message !== undefined) return this.#message(field.message, tree, path);
    if (field.enum !== undefined) return this.#enum(field.enum, tree, path);
    const { scalar } = field;
    if (scalar === undefined) return this.#fault(path, "can't be given in text");
    const value = scalarOf(scalar, tree);
    if (value === undefined) return this.#fault(path, scalarForms[scalar] ?? "has the wrong type");
    return typeof value === "string" ? expandName(field, value) : value;
  }

  #message(desc: DescMessage, tree: Tree, path: string): ReflectMessage | undefined {
    const wellKnown = wellKnownForms[desc.typeName];
    if (wellKnown === undefined) {
      const message = reflect(desc, create(desc));
      this.fill(message, tree, path);
      return message;
    }
    try {
      const json = toJson(tree);
      return reflect(desc, fromJson(desc, desc === DurationSchema ? seconds(json) : json) as Message);
    } catch (error) {
      const detail = error instanceof Unheld ? error.message : wellKnown;
      this.#fault(path, detail);
      return undefined;
    }
  }

  #enum(desc: DescEnum, tree: Tree, path: string): number | undefined {
    const short = ({ name }: { name: string }) => name.slice(desc.sharedPrefix?.length ?? 0).toLowerCase();
    const choices = desc.values.filter(({ number }) => number !== 0);
    const found = choices.find((value) => tree === short(value) || tree === value.name);
    if (found === undefined) this.#fault(path, `must be one of ${choices.map(short).join(", ")}`);
    return found?.number;
  }

  #fault(path: string, message: string): undefined {
    this.#faults.add(path, message);
    return undefined;
  }
}

function known({ fields }: DescMessage): string {
  return fields.map(({ name }) => name).join(", ");
}

function isValue(field: DescField): boolean {
  return field.fieldKind === "message" && field.message.typeName === ValueSchema.typeName;
}

const wellKnownForms: Record<string, string | undefined> = {
  [DurationSchema.typeName]: "must be a duration like 1.5s, or a number of seconds",
  [StructSchema.typeName]: "must be a map",
  [ValueSchema.typeName]: "must be a value that JSON has",
};

const scalarForms: Partial<Record<ScalarType, string>> = {
  [ScalarType.STRING]: "must be text (put it in quotes)",
  [ScalarType.BOOL]: "must be true or false",
  [ScalarType.UINT32]: "must be a whole number from 0 to 4294967295",
  [ScalarType.DOUBLE]: "must be a number",
};

function scalarOf(type: ScalarType, tree: Tree): ScalarValue | undefined {
  switch (type) {
    case ScalarType.STRING:
      return typeof tree === "string" ? tree : undefined;
    case ScalarType.BOOL:
      return typeof tree === "boolean" ? tree : undefined;
    case ScalarType.UINT32:
      return typeof tree === "bigint" && tree >= 0n && tree <= 0xffff_ffffn ? Number(tree) : undefined;
    case ScalarType.DOUBLE:
      return typeof tree === "bigint" || typeof tree === "number" ? Number(tree) : undefined;
    default:
      return undefined;
  }
}

function seconds(json: JsonValue): JsonValue {
  return typeof json === "number" ? `${json}s` : json;
}
