import fc from "fast-check";
import { noise } from "../../support/noise.ts";

/** The texts, documents and values that random operations choose among. */
export const THREADS = ["t", "ünï😀", "__proto__"];
export const NAMESPACES = ["", "$sub.a|b:1"];
export const IDS = ["b", "a", "😀", "\ue000", "$c.d", "__proto__", "é", "constructor"];
export const RUNS = ["r1", "$r.2"];
export const TASKS = ["t1", "__proto__", "😀"];
export const PATHS = ["", "p", "\uffee", "😀"];
export const DOCUMENTS = [
  undefined,
  '{"source":"loop","n":1}',
  '{"n":1.0e0,"o":{"x":1,"y":[true]}}',
  '{"n":9007199254740993}',
  '{"__proto__":{"x":1},"a.b":[1,{"y":2,"x":1}]}',
  '{"$gt":1}',
  "[1]",
];
/** Each filter with the numbers of the documents it matches. */
export const FILTERS: { key: string; json: string; matches: number[] }[] = [
  { key: "n", json: "1.00", matches: [1, 2] },
  { key: "n", json: "9007199254740992", matches: [] },
  { key: "n", json: "9007199254740993", matches: [3] },
  { key: "n", json: '{"$gt":0}', matches: [] },
  { key: "source", json: '"loop"', matches: [1] },
  { key: "o", json: '{"y":[true],"x":10e-1}', matches: [2] },
  { key: "__proto__", json: '{"x":1}', matches: [4] },
  { key: "a.b", json: '[1,{"x":1,"y":2}]', matches: [4] },
  { key: "$gt", json: "1", matches: [5] },
];

/** A document and what becomes of it: each is stored as a patch of whichever came before. */
const document = noise(3_000, "document");
const versions = [
  document,
  new Uint8Array([...document, ...noise(400, "more")]),
  new Uint8Array([...document.subarray(0, 1_000), ...noise(100, "changed"), ...document.subarray(1_500)]),
  document.subarray(100),
];

export const VALUES: Uint8Array[] = [
  new Uint8Array([0xcf, 255, 255, 255, 255, 255, 255, 255, 255]),
  new Uint8Array([0xcb, 0x80, 0, 0, 0, 0, 0, 0, 0]),
  new Uint8Array([0]),
  new Uint8Array(),
  new TextEncoder().encode('{"a":18446744073709551615}'),
  noise(300_000, "in parts"),
  noise(3_000_000, "in several"),
  ...versions,
];

const indexOf = (list: unknown[]) => fc.nat(list.length - 1);
/** Mostly small values: the large ones are slow and behave alike. */
const value = fc.oneof(
  { weight: 8, arbitrary: fc.nat(4) },
  { weight: 6, arbitrary: fc.integer({ min: 7, max: 10 }) },
  { weight: 2, arbitrary: fc.constant(5) },
  { weight: 1, arbitrary: fc.constant(6) },
);
/** Mostly the first few: only what meets the same place again finds anything. */
const favouring = (count: number, list: unknown[]) =>
  fc.oneof({ weight: 5, arbitrary: fc.nat(count - 1) }, { weight: 1, arbitrary: indexOf(list) });
const place = { thread: favouring(1, THREADS), namespace: favouring(1, NAMESPACES) };
const anId = favouring(3, IDS);

const put = fc.record({
  kind: fc.constant("put" as const),
  ...place,
  id: anId,
  /** Lower than the id's, so that no line of parents bites its tail. */
  parent: fc.option(fc.nat(7)),
  onConflict: fc.constantFrom("replace" as const, "touch" as const, "fail" as const),
  expectedHead: fc.oneof(
    { weight: 6, arbitrary: fc.constant("any" as const) },
    { weight: 1, arbitrary: fc.constantFrom("right" as const, "none" as const, "wrong" as const) },
  ),
  run: fc.option(indexOf(RUNS)),
  document: indexOf(DOCUMENTS),
  values: fc.array(value, { maxLength: 3 }),
  /** Also keeps the head's values, by reference. */
  keeps: fc.boolean(),
  request: fc.option(fc.record({ id: fc.nat(2), isAnswered: fc.boolean() })),
});

const writes = fc.record({
  kind: fc.constant("writes" as const),
  ...place,
  /** One beyond the ids stands for "before any checkpoint". */
  id: fc.oneof({ weight: 8, arbitrary: anId }, { weight: 1, arbitrary: fc.constant(IDS.length) }),
  writes: fc.array(
    fc.record({ task: favouring(1, TASKS), path: indexOf(PATHS), idx: fc.constantFrom(-4, -1, 0, 1), value }),
    { minLength: 1, maxLength: 4 },
  ),
});

const list = fc.record({
  kind: fc.constant("list" as const),
  thread: fc.option(favouring(1, THREADS)),
  namespace: fc.option(indexOf(NAMESPACES)),
  order: fc.constantFrom("seq" as const, "id" as const),
  before: fc.option(indexOf(IDS)),
  ancestorsOf: fc.option(anId),
  filters: fc.uniqueArray(indexOf(FILTERS), { maxLength: 2 }),
  pageSize: fc.integer({ min: 1, max: 4 }),
});

const prune = fc.record({
  kind: fc.constant("prune" as const),
  thread: favouring(1, THREADS),
  keep: fc.integer({ min: 1, max: 3 }),
});

const copy = fc.record({ kind: fc.constant("copy" as const), from: favouring(1, THREADS), to: indexOf(THREADS) });

const operation = fc.oneof(
  { weight: 10, arbitrary: put },
  { weight: 5, arbitrary: writes },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("clear" as const), ...place, id: anId }) },
  { weight: 5, arbitrary: list },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("get" as const), ...place, id: anId }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("find" as const), id: indexOf(IDS) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("deleteThread" as const), thread: indexOf(THREADS) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("deleteRuns" as const), runs: fc.subarray(RUNS) }) },
  { weight: 2, arbitrary: prune },
  { weight: 2, arbitrary: copy },
);

export type Operation = typeof operation extends fc.Arbitrary<infer Each> ? Each : never;
export type Put = Extract<Operation, { kind: "put" }>;
export type Writes = Extract<Operation, { kind: "writes" }>;
export type List = Extract<Operation, { kind: "list" }>;

export const operations = fc.array(operation, { minLength: 15, maxLength: 60, size: "max" });
