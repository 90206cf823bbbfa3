// Messages whose fields must fit each other before anything of theirs is looked at.

import fc from "fast-check";
import { encodeMsgpack } from "../../src/values/msgpack-encode.ts";
import { graphText } from "./graphs.ts";
import type { Special } from "./messages.ts";
import type { Pools } from "./pools.ts";
import { brokenUtf8, hostileJson, hostileText, jsonText } from "./texts.ts";
import { type Bytes, concat, delimited, float, record, text, varint, wire } from "./wire.ts";

const utf8 = (given: string): Bytes => new TextEncoder().encode(given);

/** A type and its bytes, that fit. */
const typed: fc.Arbitrary<[type: string, data: Bytes]> = fc.oneof(
  { weight: 5, arbitrary: jsonText.map((json): [string, Bytes] => ["json", utf8(json)]) },
  {
    weight: 3,
    arbitrary: fc.json({ maxDepth: 3 }).map((json): [string, Bytes] => ["msgpack", encodeMsgpack(JSON.parse(json))]),
  },
  { weight: 1, arbitrary: fc.constant<[string, Bytes]>(["null", new Uint8Array()]) },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 0, max: 400_000 }).map((size): [string, Bytes] => ["bytes", new Uint8Array(size)]),
  },
);

/** A type and bytes that don't fit. */
const mistyped: fc.Arbitrary<[type: string, data: Bytes]> = fc.tuple(
  fc.oneof(fc.constantFrom("json", "msgpack", "null", "bytes", "pickle", "msgpack+aes"), hostileText),
  fc.oneof(
    hostileJson,
    brokenUtf8,
    fc.uint8Array({ maxLength: 60 }).map((bytes) => new Uint8Array(bytes)),
    // MessagePack: arrays and maps that say they are huge, nested ones, keys that are no text.
    fc.constantFrom(
      new Uint8Array([0xdd, 0xff, 0xff, 0xff, 0xff]),
      new Uint8Array([0xdf, 0x7f, 0xff, 0xff, 0xff, 0x00]),
      new Uint8Array(30_000).fill(0x91),
      new Uint8Array([0x82, 0xc0, 0x01, 0x80, 0x02]),
      new Uint8Array([0xc7, 0x01, 0x05, 0x00]),
      new Uint8Array(900_000).fill(0x61),
    ),
  ),
);

const either = fc.oneof({ weight: 12, arbitrary: typed }, { weight: 1, arbitrary: mistyped });

export function typedValue(value: [type: string, data: Bytes]): Bytes {
  return concat([record(1, text(value[0].toWellFormed())), record(2, delimited(value[1]))]);
}

const oddVersion = fc.oneof(
  fc
    .constantFrom(-1n, 2n ** 53n, 2n ** 63n - 1n)
    .map((count) => record(1, { type: wire.varint, bytes: varint(count) })),
  fc.constant(record(2, { type: wire.varint, bytes: varint(2n ** 64n - 1n) })),
  fc.constantFrom(1.5, Number.NaN, -0).map((count) => record(3, float(count, 64))),
  hostileText.map((count) => record(4, text(count.toWellFormed()))),
);

export function special(pools: Pools): Special {
  return {
    "cairn.v1.TypedValue": (style) => (style === "tame" ? either : mistyped).map(typedValue),
    "cairn.v1.Value": (style) =>
      fc.oneof(
        {
          weight: 12,
          arbitrary: (style === "tame" ? either : mistyped).map((value) => record(1, delimited(typedValue(value)))),
        },
        { weight: 1, arbitrary: pools.any("ref").map((ref) => record(2, text(ref))) },
      ),
    // Mostly as Cairn's own engine counts.
    "cairn.v1.Version": (style) =>
      fc.oneof(
        {
          weight: 30,
          arbitrary: fc.nat({ max: 9 }).map((count) => record(1, { type: wire.varint, bytes: varint(count) })),
        },
        { weight: style === "tame" ? 1 : 30, arbitrary: oddVersion },
      ),
    "cairn.v1.GraphSource": () => graphText.map((source) => record(2, text(source.toWellFormed()))),
    "cairn.v1.MetadataFilter": (style) =>
      fc
        .tuple(
          fc.oneof(fc.constantFrom("source", "step", "run_id", "node", "graph_name", "n"), hostileText),
          style === "tame" ? jsonText.map(utf8) : hostileJson,
        )
        .map(([key, json]) => concat([record(1, text(key.toWellFormed() || "k")), record(2, delimited(json))])),
  };
}
