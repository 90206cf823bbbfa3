import { CairnError } from "../errors.ts";
import type { Checkpoint, PendingWrite } from "../gen/cairn/v1/checkpoint_pb.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import type { TypedValue, Value } from "../gen/cairn/v1/value_pb.ts";
import { type JsonSlice, jsonDocument, sliceObject } from "../values/json-slices.ts";
import { encodeUtf8 } from "../values/utf8.ts";
import { mapOf, type Read, sliceOfMembers } from "./json-readers.ts";

/** A checkpoint of another framework as Cairn keeps it. Its values are inline. */
export interface Converted {
  checkpoint: Checkpoint;
  writes: PendingWrite[];
}

/** Replaces, in place, each reference by the value that a reader was given for it. */
export function putInline({ checkpoint, writes }: Converted, values: ReadonlyMap<string, TypedValue>): void {
  const all: (Value | undefined)[] = [
    ...Object.values(checkpoint.channelValues),
    ...checkpoint.pendingTasks.map(({ stateOverride }) => stateOverride),
    ...[...checkpoint.pendingSends, ...checkpoint.pendingInterrupts, ...writes].map(({ value }) => value),
  ];
  for (const value of all) {
    const found = value?.source.case === "ref" ? values.get(value.source.value) : undefined;
    if (value !== undefined && found !== undefined) value.source = { case: "inline", value: found };
  }
}

/**
 * An origin's document, from which one member after the other is taken. What is left in the end, because no field is
 * for it or because the field could not give it back as it is, goes into `extra`, from where `Export` has it again.
 */
export class Import {
  readonly #left: Map<string, JsonSlice>;
  readonly #absent: string[] = [];
  readonly #what: string;

  /** `what` names the document in errors. */
  constructor(bytes: Uint8Array, what: string) {
    const members = sliceObject(jsonDocument(bytes));
    if (members === undefined) throw malformed(what, "must be a JSON object");
    this.#left = members;
    this.#what = what;
  }

  /** The member, if it is there and `read` can read it. */
  take<T>(name: string, read: Read<T>): T | undefined {
    const slice = this.#left.get(name);
    const value = slice === undefined ? undefined : read(slice);
    if (value !== undefined) this.#left.delete(name);
    return value;
  }

  /** A list or a map, whose field can't be absent: that the document had none is noted. */
  takeAll<T>(name: string, read: Read<T>): T | undefined {
    if (!this.#left.has(name)) this.#absent.push(name);
    return this.take(name, read);
  }

  /** Without this member it is no checkpoint. */
  must<T>(name: string, read: Read<T>): T {
    const value = this.take(name, read);
    if (value === undefined) throw malformed(`${this.#what}.${name}`, "is missing or not what it should be");
    return value;
  }

  /** Leaves something for `extra` in the name of a member of which the rest has been taken. */
  leave(name: string, slice: JsonSlice): void {
    this.#left.set(name, slice);
  }

  /** What is left. To be called when everything has been taken. */
  extra(): { [name: string]: Uint8Array } {
    const names = [...this.#left.keys()];
    const broken = names.find((name) => !name.isWellFormed());
    if (broken !== undefined) throw malformed(`${this.#what}[${JSON.stringify(broken)}]`, "its name is no Unicode");
    const bytes = (slice: JsonSlice) => encodeUtf8(slice);
    return mapOf([
      ...[...this.#left].map(([name, slice]): [string, Uint8Array] => [escaped(name), bytes(slice)]),
      ...this.#absent.map((name): [string, Uint8Array] => [absent(name), new Uint8Array()]),
    ]);
  }
}

/** Puts an origin's document together again. */
export class Export {
  readonly #members = new Map<string, JsonSlice>();
  readonly #extra: { [name: string]: Uint8Array };

  constructor({ extra }: Checkpoint) {
    this.#extra = extra;
  }

  /** A member; undefined when its field is absent. What was left in `extra` in its name stands in its place. */
  put(name: string, slice: JsonSlice | undefined): void {
    if (slice !== undefined && !Object.hasOwn(this.#extra, absent(name))) this.#members.set(name, slice);
  }

  /** What a member left in `extra`. */
  left(name: string): JsonSlice | undefined {
    const bytes = Object.hasOwn(this.#extra, escaped(name)) ? this.#extra[escaped(name)] : undefined;
    return bytes && new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  }

  /** The document; `replaced` are members of which only a part was left in `extra`. */
  document(...replaced: string[]): Uint8Array {
    for (const name of membersLeft({ extra: this.#extra })) {
      if (!replaced.includes(name)) this.#members.set(name, this.left(name) ?? "null");
    }
    return encodeUtf8(sliceOfMembers(this.#members));
  }
}

/** The members that a document left in `extra`, whole or in part. */
export function membersLeft({ extra }: Pick<Checkpoint, "extra">): string[] {
  const keys = Object.keys(extra).filter((key) => !key.startsWith("!") || key.startsWith("!!"));
  return keys.map((key) => (key.startsWith("!!") ? key.slice(1) : key));
}

/** Keys of `extra` that begin with one "!" are notes of ours, so a member's name that does gets another. */
function escaped(name: string): string {
  return name.startsWith("!") ? `!${name}` : name;
}

function absent(name: string): string {
  return `!absent ${name}`;
}

export function malformed(path: string, what: string): CairnError {
  return new CairnError(ErrorReason.VALUE_MALFORMED, `${path}: ${what}`, { metadata: { path } });
}
