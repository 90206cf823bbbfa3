import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ServerProcess, serve } from "./cairn.ts";

const desk = join(import.meta.dirname, "desk.yaml");

/** A superstep of which one task finishes, one fails and one asks. */
const stands = `
name: stands
channels: { n: add, x: last_value }
nodes:
  first: { expression: {} }
  works: { expression: { update: { n: "1" } } }
  fails: { expression: { update: { n: state.x } } }
  asks: { ask: { question: '"?"', into: x } }
edges: [START -> first, first -> works, first -> fails, first -> asks]
`;

/** Node to mark, as a drawing has them. */
function marks(mermaid: string): Record<string, string> {
  const names = new Map([...mermaid.matchAll(/^ {2}(n\d+)\[\/?"(\w+)/gm)].map(([, id, name]) => [id, name]));
  const classes = [...mermaid.matchAll(/^ {2}class (n\d+) (\w+)$/gm)];
  return Object.fromEntries(classes.map(([, id, mark]) => [names.get(id), mark]));
}

let server: ServerProcess;
beforeAll(async () => {
  server = await serve();
});
afterAll(() => server.remove());

describe("cairn graph", () => {
  test("register, list, show, draw", async () => {
    const registered = await server.cairn(["graph", "register", desk]);
    expect(registered).toMatchObject({ code: 0, stderr: "" });
    expect(registered.stdout).toMatch(/^registered desk revision 1, [0-9a-f]{12}\n$/);
    const again = await server.cairn(["graph", "register", desk, "--json"]);
    expect(JSON.parse(again.stdout)).toMatchObject({ name: "desk", revision: 1, created: false });
    expect((await server.cairn(["graph", "list", "--json"])).stdout.split("\n")).toHaveLength(2);
    const shown = await server.cairn(["graph", "show", "desk"]);
    const reread = join(server.folder, "shown.yaml");
    writeFileSync(reread, shown.stdout);
    expect((await server.cairn(["graph", "register", reread])).stdout).toMatch(/^unchanged desk/);
    const drawn = (await server.cairn(["graph", "draw", "desk"])).stdout;
    expect(drawn).toMatch(/^flowchart/);
    expect((await server.cairn(["graph", "draw", desk])).stdout).toBe(drawn);
  });

  test("faults: every one, with its path, and exit code 1", async () => {
    const bad = join(server.folder, "bad.yaml");
    writeFileSync(
      bad,
      readFileSync(desk, "utf8").replace("to: send", "to: nowhere").replace("into: approved", "into: x"),
    );
    const validated = await server.cairn(["graph", "validate", bad, "--json"]);
    expect(validated.code).toBe(1);
    const paths = JSON.parse(validated.stdout).faults.map(({ path }: { path: string }) => path);
    expect(paths).toEqual(expect.arrayContaining(["edges[2].to", "nodes.check.ask.into"]));
    const refused = await server.cairn(["graph", "register", bad]);
    expect(refused.code).toBe(1);
    for (const path of paths) expect(refused.stderr).toContain(path);
    expect(await server.cairn(["graph", "validate", "-"], { stdin: readFileSync(desk, "utf8") })).toMatchObject({
      code: 0,
    });
  });

  test("draw --thread: where a thread stands, at its head and before", async () => {
    const file = join(server.folder, "stands.yaml");
    writeFileSync(file, stands);
    await server.cairn(["graph", "register", file]);
    expect((await server.cairn(["run", "s1", "--graph", "stands", "--input", '{"n": 1}'])).code).toBe(1);
    const drawn = (await server.cairn(["graph", "draw", "--thread", "s1"])).stdout;
    expect(marks(drawn)).toEqual({ works: "finished", asks: "waits", fails: "failed" });
    const plain = (await server.cairn(["graph", "draw", "stands"])).stdout;
    expect(drawn.startsWith(plain.trimEnd())).toBe(true);
    expect(plain).not.toContain("class");
    const history = (await server.cairn(["history", "s1", "--json"])).stdout.trim().split("\n");
    // The oldest is the input's, which START alone follows.
    const checkpoint = JSON.parse(history.at(-2) ?? "").checkpoint_id;
    const before = await server.cairn(["graph", "draw", "--thread", "s1", "--checkpoint", checkpoint, "--json"]);
    expect(marks(JSON.parse(before.stdout).mermaid)).toEqual({ first: "finished" });
    expect((await server.cairn(["graph", "draw", "--thread", "nope"])).code).toBe(4);
    for (const args of [[], [desk, "--thread", "s1"], [desk, "--checkpoint", "x"]]) {
      expect((await server.cairn(["graph", "draw", ...args])).code, args.join(" ")).toBe(2);
    }
  });

  test("migrate: what would change, then what has, then nothing", async () => {
    const file = join(server.folder, "moves.yaml");
    const channels = (name: string) => `name: moves\nchannels: { ${name}: last_value, said: last_value }\n`;
    const flow = (node: string) =>
      `nodes: { ${node}: { ask: { question: '"?"', into: said } } }\nedges: [START -> ${node}]\n`;
    writeFileSync(file, `${channels("n")}${flow("asks")}`);
    await server.cairn(["graph", "register", file]);
    for (const [thread, n] of [
      ["m1", "1"],
      ["m2", '"x"'],
    ] as const) {
      expect((await server.cairn(["run", thread, "--graph", "moves", "--input", `{"n": ${n}}`])).code).toBe(3);
    }
    const migration = "{from: 0, to: 1, drop: [n], set: {m: state.n + 1}, rename_nodes: {asks: wonders}}";
    writeFileSync(file, `${channels("m")}${flow("wonders")}schema_version: 1\nmigrations: [${migration}]\n`);
    await server.cairn(["graph", "register", file]);
    const tried = await server.cairn(["graph", "migrate", "moves", "--dry-run"]);
    expect(tried.code).toBe(1);
    expect(tried.stdout).toMatch(/^m1 +0 -> 1 +to migrate +n dropped, m set, node asks renamed wonders$/m);
    expect(tried.stdout).toMatch(/^m2 +0 -> 1 +refused +the migration from schema_version 0 to 1: channel "m": .+$/m);
    expect(tried.stderr).toMatch(/^to migrate 1, busy 0, refused 1; looked at \d+$/m);
    expect((await server.cairn(["state", "m1"])).stdout).toMatch(/next +asks/);
    const json = await server.cairn(["graph", "migrate", "moves", "--json"]);
    const lines = json.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.find(({ thread_id }) => thread_id === "m1")).toMatchObject({
      outcome: "migrated",
      steps: [{ from: 0, to: 1, dropped_channels: ["n"], set_channels: ["m"], renamed_nodes: { asks: "wonders" } }],
    });
    expect((await server.cairn(["state", "m1"])).stdout).toMatch(/next +wonders/);
    expect((await server.cairn(["graph", "migrate", "moves", "--dry-run"])).stdout).not.toContain("m1");
    expect((await server.cairn(["resume", "m1", "--answer", '"yes"'])).code).toBe(0);
  });

  test("import: a graph file that can be registered, or every fault", async () => {
    const definition = {
      schema_version: 1,
      name: "agent",
      _editor: "x",
      channels: { messages: { reducer: "append" } },
      nodes: { think: { type: "llm_call" }, act: { type: "tools" } },
      edges: [
        { from: "__start__", to: "think" },
        { from: "act", to: "think" },
      ],
      conditional_edges: [{ from: "think", condition: "has_tool_calls", routes: { true: "act", false: "__end__" } }],
    };
    const file = join(server.folder, "agent.json");
    const importing = ["graph", "import", "--from", "neograph", file];
    writeFileSync(file, JSON.stringify(definition));
    const refused = await server.cairn([...importing, "--json"]);
    expect(refused).toMatchObject({ code: 1, stdout: "" });
    expect(JSON.parse(refused.stderr).error).toMatchObject({
      code: "INVALID_ARGUMENT",
      reason: "GRAPH_INVALID",
      violations: [{ field: "nodes.think.type" }],
    });
    expect((await server.cairn(importing)).stderr).toMatch(
      /can't be imported \(faults: 1\): nodes\.think\.type: llm_call/,
    );
    const output = join(server.folder, "agent.yaml");
    const imported = await server.cairn([...importing, "--function", "llm_call=think", "--output", output]);
    expect(imported).toEqual({ code: 0, stdout: "", stderr: "_editor  an annotation: left out\n" });
    expect((await server.cairn(["graph", "register", output])).stdout).toMatch(/^registered agent/);
    const asJson = await server.cairn([...importing, "--function", "llm_call=think", "--json"]);
    const json = await server.cairn(["graph", "register", "-"], { stdin: asJson.stdout });
    expect(json.stdout).toMatch(/^unchanged agent/);
  });

  test("import: what makes no sense has exit code 2", async () => {
    for (const args of [
      ["graph", "import", desk],
      ["graph", "import", "--from", "langgraph", desk],
      ["graph", "import", "--from", "neograph", "--function", "nameless", desk],
      ["graph", "import", "--from", "neograph", join(server.folder, "absent.json")],
    ]) {
      expect((await server.cairn(args)).code, args.join(" ")).toBe(2);
    }
  });

  test("what is not there: exit code 4", async () => {
    for (const args of [
      ["graph", "show", "nope"],
      ["graph", "draw", "nope"],
      ["graph", "migrate", "nope"],
      ["show", "nope"],
      ["delete", "nope"],
    ]) {
      expect((await server.cairn(args)).code, args.join(" ")).toBe(4);
    }
  });
});
