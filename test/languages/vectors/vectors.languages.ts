// Every client encodes, decodes and refuses the same: four programs write the vectors, and each reads what each wrote.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { create, fromBinary, toJsonString } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Language, languages, missingPrograms, runProgram } from "../../../examples/programs.ts";
import { type Checkpoint, CheckpointSchema } from "../../../src/gen/cairn/v1/checkpoint_pb.ts";
import { TypedValueSchema } from "../../../src/gen/cairn/v1/value_pb.ts";
import { putInline } from "../../../src/origins/document.ts";
import { Bench } from "../../runs/support/bench.ts";
import { floatOf, type Tagged, type Vectors } from "./vectors.ts";

const file = fileURLToPath(new URL("../vectors.json", import.meta.url));
const vectors = JSON.parse(readFileSync(file, "utf8")) as Vectors;
const programs = { name: "vectors", script: "test/languages/vectors/vectors" };
const encodings = ["msgpack", "json"] as const;

interface Line {
  encoding: (typeof encodings)[number];
  name: string;
  value: Tagged;
}

interface Got {
  name: string;
  message: string;
  values: Record<string, [type: string, data: string]>;
}

const decoded = (message: string): Checkpoint => fromBinary(CheckpointSchema, Buffer.from(message, "hex"));

/** JavaScript has one kind of number: its client reads a float that is whole as an integer, as its README says. */
function asRead(value: Tagged, by: Language): Tagged {
  if (by !== "typescript" || typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => asRead(item, by));
  const { $float: bits } = value as { $float?: Tagged };
  if (typeof bits === "string" && Object.keys(value).length === 1) {
    const number = floatOf(bits);
    return Number.isInteger(number) && !Object.is(number, -0) ? { $int: String(number) } : value;
  }
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, asRead(member as Tagged, by)]));
}

describe("the vectors", () => {
  let bench: Bench;
  const run = async (language: Language, what: string, thread: string) => {
    const printed = await runProgram(programs, language, [what, bench.listen, bench.space, thread, file]);
    return printed.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line)]));
  };

  beforeAll(async () => {
    expect(missingPrograms(programs), "make demo-languages builds them").toEqual([]);
    bench = await Bench.start("embedded");
    await bench.graph(
      {
        channels: { values: "last_value", done: "last_value" },
        nodes: { end: { expression: { update: { done: "true" } } } },
        edges: ["START -> end"],
      },
      "vectors",
    );
    for (const language of languages) {
      await run(language, "write", language);
      await run(language, "put", language);
    }
  }, 120_000);
  afterAll(() => bench.end());

  it.each(languages)("are read in %s as each language wrote them", { timeout: 120_000 }, async (reader) => {
    for (const writer of languages) {
      const lines = (await run(reader, "read", writer)) as Line[];
      for (const encoding of encodings) {
        const read = new Map(
          lines.filter((line) => line.encoding === encoding).map(({ name, value }) => [name, value]),
        );
        const all = [...vectors.picked, ...vectors.generated];
        const expected = all.filter(({ json = true }) => json || encoding === "msgpack");
        expect([...read.keys()].sort(), `${writer} to ${reader}, ${encoding}`).toEqual(
          expected.map(({ name }) => name).sort(),
        );
        for (const { name, value } of expected) {
          expect(read.get(name), `${name}: ${writer} to ${reader}, ${encoding}`).toEqual(asRead(value, reader));
        }
      }
    }
  });

  it.each(languages)("that are checkpoints are got in %s as each language put them", async (reader) => {
    for (const writer of languages) {
      const lines = (await run(reader, "get", writer)) as Got[];
      expect(lines.map(({ name }) => name)).toEqual(vectors.checkpoints.map(({ name }) => name));
      for (const [n, { name, message, values }] of lines.entries()) {
        const expected = { ...decoded(vectors.checkpoints[n]?.message ?? ""), threadId: `${writer} ${name}` };
        const got = decoded(message);
        got.seq = 0n;
        const typed = ([type, data]: [string, string]) =>
          create(TypedValueSchema, { type, data: Buffer.from(data, "hex") });
        putInline(
          { checkpoint: got, writes: [] },
          new Map(Object.entries(values).map(([ref, value]) => [ref, typed(value)])),
        );
        const told = (one: Checkpoint) => toJsonString(CheckpointSchema, one);
        expect(JSON.parse(told(got)), `${name}: ${writer} to ${reader}`).toEqual(JSON.parse(told(expected)));
      }
    }
  });

  it.each(languages)("that no encoding has a form for are refused in %s, with the place", async (language) => {
    const lines = (await run(language, "refuse", `${language} refused`)) as { name: string; message: string }[];
    expect(lines.map(({ name }) => name)).toEqual(vectors.refused.map(({ name }) => name));
    for (const { name, message } of lines) expect(message, name).toMatch(/values.*at.*0/);
  });

  it.each(languages)("of errors are the native errors of %s", async (language) => {
    expect(await run(language, "errors", `${language} errors`)).toEqual(vectors.errors);
  });
});
