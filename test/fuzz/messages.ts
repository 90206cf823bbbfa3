// Requests of any type, made from its descriptor: a new RPC or field is fuzzed without a change here.
import type { DescEnum, DescField, DescMessage, DescOneof } from "@bufbuild/protobuf";
import fc from "fast-check";
import type { Pools } from "./pools.ts";
import { isRequired, limitsOf } from "./rules.ts";
import { enumeration, type Style, scalar } from "./scalars.ts";
import { type Bytes, concat, delimited, type Encoded, empty, record, varint, wire } from "./wire.ts";

/** Messages in messages: deeper ones are empty, unless somebody asks for depth itself. */
const depthMax = 5;

/** Generators for the insides of messages whose fields must fit each other, by the messages' names. */
export type Special = Record<string, (style: Style) => fc.Arbitrary<Bytes>>;

export class Messages {
  readonly #pools: Pools;
  readonly #special: Special;
  readonly #made = new Map<string, fc.Arbitrary<Bytes>>();

  constructor(pools: Pools, special: Special) {
    this.#pools = pools;
    this.#special = special;
  }

  /** A whole request of this type: mostly one that could be served, and what is made of one by breaking it. */
  request(desc: DescMessage): fc.Arbitrary<Bytes> {
    const tame = this.message(desc, "tame", 0);
    return fc.oneof(
      { weight: 10, arbitrary: tame },
      { weight: 8, arbitrary: this.message(desc, "odd", 0) },
      { weight: 3, arbitrary: this.message(desc, "wild", 0) },
      { weight: 2, arbitrary: mutated(tame) },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => new Uint8Array(bytes)) },
      { weight: 1, arbitrary: nested(desc) },
    );
  }

  message(desc: DescMessage, style: Style, depth: number): fc.Arbitrary<Bytes> {
    if (depth > depthMax) return fc.constant(empty);
    const name = `${style} ${depth} ${desc.typeName}`;
    let made = this.#made.get(name);
    if (made === undefined) {
      made = this.#make(desc, style, depth);
      this.#made.set(name, made);
    }
    return made;
  }

  #make(desc: DescMessage, style: Style, depth: number): fc.Arbitrary<Bytes> {
    const special = this.#special[desc.typeName]?.(style);
    if (special !== undefined && style !== "wild") return special;
    const members = (of: Style) =>
      desc.members.map((member) =>
        member.kind === "oneof" ? this.#oneof(member, of, depth) : this.#field(member, of, depth),
      );
    if (style === "tame") return fc.tuple(...members("tame")).map(concat);
    if (style === "odd") return this.#odd(desc, members("tame"), depth);
    const wild = fc.tuple(...members("wild"), fc.oneof({ weight: 5, arbitrary: fc.constant(empty) }, junk)).map(concat);
    return special === undefined ? wild : fc.oneof(wild, special);
  }

  /** A tame message but for one field, so that each field's limits are met by themselves. */
  #odd(desc: DescMessage, tame: fc.Arbitrary<Bytes>[], depth: number): fc.Arbitrary<Bytes> {
    if (desc.fields.length === 0) return junk;
    const one = desc.fields.map((field) => {
      const at = desc.members.indexOf(field.oneof ?? field);
      const odd = this.#occurrences(field, field.message === undefined ? "wild" : "odd", depth);
      return fc.tuple(...tame.with(at, odd)).map(concat);
    });
    return fc.oneof(...one);
  }

  #field(field: DescField, style: Style, depth: number): fc.Arbitrary<Bytes> {
    const { required, min, itemsMin } = limitsOf(field);
    // What says nothing without its value mostly has one.
    const isValue = field.fieldKind === "message" && field.message.typeName === "cairn.v1.Value";
    const isNeeded = required || min > 0 || itemsMin > 0 || isValue;
    // The deeper, the fewer fields are set, so that requests stay small.
    const absent = isNeeded ? 0 : 2 + 2 * depth;
    const choices = [
      { weight: absent, arbitrary: fc.constant(empty) },
      { weight: 3, arbitrary: this.#occurrences(field, "tame", depth) },
    ];
    if (style === "wild") {
      choices.push({ weight: 1, arbitrary: this.#occurrences(field, "wild", depth) });
      if (isNeeded) choices.push({ weight: 0.1, arbitrary: fc.constant(empty) });
    }
    return fc.oneof(...choices.map(({ weight, arbitrary }) => ({ weight: Math.ceil(weight * 10), arbitrary })));
  }

  /** One member; of a wild one sometimes two, of which the last counts. */
  #oneof(oneof: DescOneof, style: Style, depth: number): fc.Arbitrary<Bytes> {
    const members = oneof.fields.map((field) => this.#occurrences(field, style, depth));
    const one = fc.oneof(...members);
    const none = { weight: isRequired(oneof) && style === "tame" ? 0 : 1, arbitrary: fc.constant(empty) };
    const two = { weight: style === "wild" ? 1 : 0, arbitrary: fc.tuple(one, one).map(concat) };
    return fc.oneof({ weight: 8, arbitrary: one }, none, two);
  }

  /** Everything that a message says of one field. */
  #occurrences(field: DescField, style: Style, depth: number): fc.Arbitrary<Bytes> {
    if (field.fieldKind === "map") return this.#map(field, style, depth);
    const value = this.#value(field, style, depth);
    const one = value.map((given) => record(field.number, given));
    if (field.fieldKind !== "list") return one;
    const { itemsMin, itemsMax } = limitsOf(field);
    const few = fc.array(one, { minLength: itemsMin, maxLength: Math.max(itemsMin, 3) }).map(concat);
    if (style === "tame") return few;
    // The same item over and over, at the limit and just over it, as long as that stays small.
    const counts = [0, ...(itemsMax === undefined ? [3_000] : [itemsMax, itemsMax + 1])];
    const many = fc
      .tuple(fc.constantFrom(...counts), one)
      .map(([count, item]) => concat(Array(Math.min(count, Math.ceil(200_000 / (item.length + 1)))).fill(item)));
    return fc.oneof({ weight: 3, arbitrary: few }, { weight: 1, arbitrary: many });
  }

  #map(field: DescField & { fieldKind: "map" }, style: Style, depth: number): fc.Arbitrary<Bytes> {
    const key = scalar(field, field.mapKey, style, this.#pools).map((given) => record(1, given));
    const value = this.#value(field, style, depth).map((given) => record(2, given));
    const entry = fc.tuple(key, value).map((parts) => record(field.number, delimited(concat(parts))));
    const few = fc.array(entry, { maxLength: 3 }).map(concat);
    if (style === "tame") return few;
    const { itemsMax } = limitsOf(field);
    const count = Math.min((itemsMax ?? 3_000) + 1, 10_001);
    const many = value.map((same) => {
      const size = Math.min(count, Math.ceil(400_000 / (same.length + 12)));
      const entries = Array.from({ length: size }, (_, i) => {
        const name = delimited(new TextEncoder().encode(`k${i}`));
        return record(field.number, delimited(concat([record(1, name), same])));
      });
      return concat(entries);
    });
    const keyless = value.map((only) => record(field.number, delimited(only)));
    return fc.oneof({ weight: 6, arbitrary: few }, { weight: 1, arbitrary: many }, { weight: 1, arbitrary: keyless });
  }

  #value(field: DescField, style: Style, depth: number): fc.Arbitrary<Encoded> {
    if (field.message !== undefined) return this.message(field.message, style, depth + 1).map(delimited);
    if (field.enum !== undefined) return enumeration(field.enum as DescEnum, style);
    return scalar(field, field.scalar as NonNullable<typeof field.scalar>, style, this.#pools);
  }
}

/** Fields that no message has, groups, and tags that are none. */
const junk: fc.Arbitrary<Bytes> = fc.oneof(
  fc.integer({ min: 1, max: 40 }).map((number) => record(number, { type: wire.varint, bytes: varint(7n) })),
  fc.integer({ min: 1, max: 40 }).map((number) => record(number, { type: wire.fixed64, bytes: new Uint8Array(8) })),
  fc.integer({ min: 1_000, max: 2 ** 28 }).map((number) => record(number, delimited(new Uint8Array(3)))),
  fc.integer({ min: 1, max: 2_000 }).map((depth) => new Uint8Array(depth).fill((1 << 3) | wire.groupStart)),
  fc.constantFrom(new Uint8Array([0]), new Uint8Array([0x0f]), new Uint8Array([0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f])),
);

/** Bytes changed, cut off, said twice or moved. */
function mutated(valid: fc.Arbitrary<Bytes>): fc.Arbitrary<Bytes> {
  const change = fc.record({
    kind: fc.nat({ max: 4 }),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    byte: fc.nat({ max: 255 }),
  });
  return fc.tuple(valid, fc.array(change, { minLength: 1, maxLength: 4 })).map(([bytes, changes]) =>
    changes.reduce((before, { kind, at, byte }) => {
      const i = Math.floor(at * before.length);
      const [head, tail] = [before.slice(0, i), before.slice(i)];
      if (kind === 0) return head;
      if (kind === 1) return concat([head, new Uint8Array([byte]), tail.slice(1)]);
      if (kind === 2) return concat([head, new Uint8Array([byte]), tail]);
      if (kind === 3) return concat([before, tail]);
      return concat([tail, head]);
    }, bytes),
  );
}

/** A message that holds itself, if it does, as often as fits; otherwise bytes that look as if. */
function nested(desc: DescMessage): fc.Arbitrary<Bytes> {
  const loops = desc.fields.filter(({ message }) => message !== undefined).map(({ number }) => number);
  return fc
    .tuple(fc.constantFrom(...(loops.length > 0 ? loops : [1])), fc.integer({ min: 2, max: 3_000 }))
    .map(([number, depth]) => {
      let inner: Bytes = empty;
      for (let i = 0; i < Math.min(depth, 1_500); i++) inner = record(number, delimited(inner));
      return inner;
    });
}
