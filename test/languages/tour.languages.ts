// The ten tasks of docs/clients.md in each language: what the page quotes runs, and does the same everywhere.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Language, languages, missingPrograms, runProgram, tour } from "../../examples/programs.ts";
import { Bench } from "../runs/support/bench.ts";

const path = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url));
const read = (name: string) => readFileSync(path(name), "utf8");

describe("docs/clients.md", () => {
  let bench: Bench;
  beforeAll(async () => {
    expect(missingPrograms(tour), "make demo-languages builds them").toEqual([]);
    bench = await Bench.start("embedded");
  });
  afterAll(() => bench.end());

  it.each(languages)("does its ten tasks in %s", async (language) => {
    const file = language === "cpp" ? [path("examples/tour/desk.yaml")] : [];
    const printed = await runProgram(tour, language, [bench.listen, bench.space, ...file]);
    const { events, ...seen } = JSON.parse(printed);
    expect(seen).toEqual({
      run: "interrupted",
      values: { text: "Where is my parcel?", score: 19, approved: true },
      next: [],
      steps: [2, 1, 0, -1],
      asked: [{ publish: "Better" }],
      refused: "THREAD_NOT_FOUND",
    });
    let counted = 0;
    for await (const _ of bench.client.thread(language).events({ after: 0, untilStop: true })) counted++;
    expect(events).toBe(counted);
  });
});

const sources: Record<string, [Language, string]> = {
  ts: ["typescript", "examples/tour/tour.ts"],
  python: ["python", "examples/tour/tour.py"],
  rust: ["rust", "clients/rust/examples/tour.rs"],
  cpp: ["cpp", "clients/cpp/examples/tour.cpp"],
};

describe("each piece of code in docs/clients.md", () => {
  const tasks = read("docs/clients.md").split(/^## /m).slice(1);
  it.each(tasks.map((task) => [task.split("\n", 1)[0], task]))("of %s is in the program that runs", (_, task = "") => {
    const pieces = [...task.matchAll(/^```(\w+)\n(.*?)^```$/gms)];
    expect(pieces.map(([, language]) => language)).toEqual(Object.keys(sources));
    for (const [, language = "", code = ""] of pieces) {
      expect(unindented(read(sources[language]?.[1] ?? ""))).toContain(unindented(code));
    }
  });
});

/** How deep a piece stands in its program is no matter. */
function unindented(code: string): string {
  return code.replace(/^\s+/gm, "");
}
