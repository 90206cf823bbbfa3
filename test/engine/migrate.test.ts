// Migrations of a state without a server: what each step does, and that renaming changes nothing but names.
import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { applyWrites } from "../../src/engine/apply.ts";
import { Cell } from "../../src/engine/cell.ts";
import { emptyState, stateOf, toCheckpoint } from "../../src/engine/checkpoint.ts";
import { type CompiledGraph, compileGraph } from "../../src/engine/graph.ts";
import { applyInput } from "../../src/engine/input.ts";
import { migrate, type SavedState, savedState, stateCells } from "../../src/engine/migrate.ts";
import { migrationsFrom } from "../../src/engine/migrations.ts";
import { valuesByCel } from "../../src/engine/new-values.ts";
import type { GraphState } from "../../src/engine/state.ts";
import { type CellSource, readStatuses, resultPendingWrites } from "../../src/engine/task-status.ts";
import { prepareTasks, type Task } from "../../src/engine/tasks.ts";
import { sendWrite, type Write } from "../../src/engine/write.ts";
import type { Checkpoint, PendingWrite } from "../../src/gen/cairn/v1/checkpoint_pb.ts";
import { InputSchema } from "../../src/gen/cairn/v1/run_service_pb.ts";
import { parseGraph } from "../../src/graphs/parse.ts";
import { validateGraph } from "../../src/graphs/validate.ts";
import { isSoak, seed } from "../support/size-and-seed.ts";
import { set } from "./graphs.ts";

/** Nothing is stored here: every value is inline. */
const cellOf: CellSource = ({ source }) => {
  if (source.case !== "inline") throw new Error("a reference");
  return new Cell(source.value);
};

function compile(text: string): CompiledGraph {
  const { spec, faults } = parseGraph(text);
  expect([...faults, ...validateGraph(spec)]).toEqual([]);
  return compileGraph(spec, "hash");
}

let minted = 0;

function save(state: GraphState, source: "input" | "loop"): Checkpoint {
  const id = `c${minted++}`;
  const context = { id, threadId: "t", parentId: undefined, runId: "", nowMs: 0, metadata: new Uint8Array() };
  return toCheckpoint(state, { ...context, source, ran: [], previousVersions: new Map() }).checkpoint;
}

function begun(graph: CompiledGraph): { state: GraphState; checkpoint: Checkpoint } {
  const state = emptyState(graph, "");
  applyInput(state, create(InputSchema, { values: {} }));
  return { state, checkpoint: save(state, "input") };
}

/** What a task writes that has run: its updates, and the signals of its edges. */
function resultOf(graph: CompiledGraph, task: Task, updates: Write[]): Write[] {
  const signals = graph.nodes.get(task.node)?.signals ?? [];
  return [...updates, ...signals.map(({ channel, barrier }) => set(channel, barrier ? task.node : null))];
}

function walk(graph: CompiledGraph, from: number, before: SavedState): SavedState {
  let saved = before;
  for (const step of migrationsFrom(graph, from)) {
    saved = migrate(saved, step, valuesByCel(step, stateCells(saved, cellOf)), cellOf).saved;
  }
  return saved;
}

function migratedState(graph: CompiledGraph, saved: SavedState): GraphState {
  const state = stateOf(graph, saved.checkpoint, cellOf);
  state.kept = saved.kept;
  return state;
}

describe("a migration", () => {
  const v0 = compile(
    "{name: g, channels: {a: last_value, b: append}, nodes: {n: {expression: {}}}, edges: [START -> n]}",
  );
  const latest = (migration: string) =>
    compile(
      `{name: g, schema_version: 1, channels: {a: last_value, b: append, c: last_value}, nodes: {n: {expression: {}}}, edges: [START -> n], migrations: [{from: 0, to: 1, ${migration}}]}`,
    );

  function held(values: Record<string, Cell>): Checkpoint {
    const { state } = begun(v0);
    const updates = Object.entries(values).map(([channel, cell]) => ({ channel, cell, overwrite: false }));
    applyWrites(
      state,
      prepareTasks(state).map((task) => ({ ...task, writes: resultOf(v0, task, updates) })),
    );
    return save(state, "loop");
  }

  const valuesAfter = (migration: string, checkpoint: Checkpoint) => {
    const graph = latest(migration);
    const saved = walk(graph, 0, savedState(checkpoint, []));
    return Object.fromEntries([...stateCells(saved, cellOf)].map(([name, cell]) => [name, cell.value]));
  };

  it("sets, drops and renames at once: expressions see the old names and values", () => {
    const checkpoint = held({ a: Cell.of(1), b: Cell.of(["x"]) });
    expect(valuesAfter("rename_channels: {a: c}, set: {a: 'size(state.b)'}, drop: [b]", checkpoint)).toEqual({
      a: 1,
      c: 1,
    });
    expect(valuesAfter("rename_channels: {a: c}, set: {a: state.a + 1}", checkpoint)).toEqual({ a: 2, c: 1, b: ["x"] });
    // What holds no value is not there.
    expect(valuesAfter("set: {c: 'has(state.c) ? state.c : 7'}", held({ a: Cell.of(1) }))).toEqual({ a: 1, c: 7 });
    // The checkpoint is what it was.
    expect(Object.keys(checkpoint.channelValues)).toContain("b");
  });

  it("leaves what it does not name as it is, byte for byte", () => {
    const cell = Cell.of([1, "two"]);
    const checkpoint = held({ b: cell });
    const saved = walk(latest("set: {c: '1'}"), 0, savedState(checkpoint, []));
    expect(saved.checkpoint.channelValues.b).toBe(checkpoint.channelValues.b);
    expect(saved.checkpoint.channelVersions?.versions.b).toBe(checkpoint.channelVersions?.versions.b);
  });

  it("does not let one channel take another's place", () => {
    const checkpoint = held({ a: Cell.of(1), b: Cell.of(["x"]) });
    expect(() => valuesAfter("rename_channels: {a: b}", checkpoint)).toThrow(
      /from schema_version 0 to 1: "b" is there already/,
    );
  });

  it("tells what it would miss", () => {
    const checkpoint = held({ a: Cell.of(1) });
    const [due] = prepareTasks(begun(v0).state);
    const writes = resultPendingWrites(due?.id ?? "", due?.path ?? "", [set("b", ["late"])]);
    const missed = (migration: string) => walk(latest(migration), 0, savedState(checkpoint, writes)).missed?.message;
    expect(missed("set: {c: 'has(state.b) ? size(state.b) : 0'}")).toContain('channel "b"');
    expect(missed("set: {b: '[]'}")).toContain('channel "b"');
    expect(missed("set: {c: state.a}, drop: [b]")).toBeUndefined();
  });

  it.each([
    ["from: 1, to: 2", "schema_version 3", /migrations\[0\].to: no migration leads on from 2/],
    ["from: 0, to: 3, rename_nodes: {n: m}", "", /migrations\[0\].rename_nodes.n: there is no node "m"/],
    ["from: 0, to: 3, rename_channels: {a: z}", "", /rename_channels.a: there is no channel "z"/],
    ["from: 0, to: 3, rename_channels: {x: a, y: a}", "", /rename_channels.y: another one is renamed to "a"/],
    ["from: 0, to: 3, rename_channels: {x: a}, drop: [x]", "", /drop\[0\]: is renamed as well/],
    ["from: 0, to: 3, rename_channels: {x: a}, set: {a: '1'}", "", /set.a: another channel is renamed to it/],
    ["from: 0, to: 3, set: {z: '1'}", "", /set.z: there is no channel "z"/],
    ["from: 0, to: 3, module: f, drop: [x]", "", /module: excludes rename_channels, set and drop/],
    ["from: 0, to: 3, module: {params: {}}", "", /module.function: must be named/],
  ])("%s is a fault", (migration, _, message) => {
    const { spec, faults } = parseGraph(
      `{name: g, schema_version: 3, channels: {a: last_value}, nodes: {n: {expression: {}}}, edges: [START -> n], migrations: [{${migration}}]}`,
    );
    const all = [...faults, ...validateGraph(spec)].map(({ path, message: text }) => `${path}: ${text}`);
    expect(all).toEqual([expect.stringMatching(message)]);
  });
});

/** Names in an order that renaming keeps: tasks' writes are applied in the order of their nodes' names. */
const nodeNames = ["a", "b", "c", "d", "e"];
const channelNames = ["k", "l", "m"];

interface Shape {
  edges: [from: number[], to: number][];
  deferred: boolean[];
}

interface Turn {
  /** What tasks do, in turn: write to a channel, send to a node. */
  acts: { channel: number; value: number; send: number | undefined }[];
}

const shape: fc.Arbitrary<Shape> = fc.record({
  edges: fc.array(fc.tuple(fc.uniqueArray(fc.nat({ max: 4 }), { minLength: 1, maxLength: 3 }), fc.nat({ max: 4 })), {
    minLength: 3,
    maxLength: 9,
  }),
  deferred: fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }),
});

const turns: fc.Arbitrary<Turn[]> = fc.array(
  fc.record({
    acts: fc.array(
      fc.record({
        channel: fc.nat({ max: 2 }),
        value: fc.nat({ max: 99 }),
        send: fc.option(fc.nat({ max: 4 }), { nil: undefined }),
      }),
      { minLength: 1, maxLength: 4 },
    ),
  }),
  { minLength: 2, maxLength: 6 },
);

type Name = (name: string) => string;

function graphOf({ edges, deferred }: Shape, node: Name, channel: Name, more: object): CompiledGraph {
  const names = nodeNames.map(node);
  return compile(
    JSON.stringify({
      name: "g",
      channels: Object.fromEntries(channelNames.map((name) => [channel(name), "append"])),
      nodes: Object.fromEntries(names.map((name, i) => [name, { expression: {}, defer: deferred[i] }])),
      edges: [
        ...names.slice(0, 2).map((name) => ({ from: ["START"], to: name })),
        ...edges.map(([from, to]) => ({ from: from.map((i) => names[i]), to: names[to] })),
      ],
      ...more,
    }),
  );
}

function writesOf({ acts }: Turn, task: Task, i: number, graph: CompiledGraph, node: Name, channel: Name): Write[] {
  if (task.node === "__start__") return resultOf(graph, task, []);
  const { channel: c, value, send } = acts[i % acts.length] as Turn["acts"][number];
  const updates = [set(channel(channelNames[c] as string), [`${i}:${value}`])];
  const to = send === undefined ? undefined : node(nodeNames[send] as string);
  const packet = { node: to ?? "", arg: Cell.of(value), sourceNode: task.node, timeout: undefined };
  return resultOf(graph, task, to === undefined ? updates : [...updates, sendWrite(packet)]);
}

/** Half of a superstep's tasks have their results saved, as at a question; the others run afterwards. */
function half(tasks: Task[], writes: Write[][]): PendingWrite[] {
  return tasks.flatMap(({ id, path }, i) => (i % 2 === 0 ? resultPendingWrites(id, path, writes[i] ?? []) : []));
}

function play(
  state: GraphState,
  script: Turn[],
  node: Name,
  channel: Name,
  saved: readonly PendingWrite[] = [],
): Checkpoint[] {
  const made: Checkpoint[] = [];
  let statuses = readStatuses(saved, cellOf);
  for (const turn of script) {
    const tasks = prepareTasks(state);
    if (tasks.length === 0) break;
    const finished = tasks.map((task, i) => {
      const writes = statuses.get(task.id)?.writes ?? writesOf(turn, task, i, state.graph, node, channel);
      return { ...task, writes };
    });
    applyWrites(state, finished);
    statuses = new Map();
    made.push(save(state, "loop"));
  }
  return made;
}

/** What there is to see of checkpoints, in the new names. */
function told(checkpoints: Checkpoint[], node: Name, channel: Name) {
  return checkpoints.map(({ channelValues, nextNodes, pendingSends, step }) => ({
    step,
    values: Object.fromEntries(
      channelNames
        .map((name) => [channel(name), channelValues[channel(name)]])
        .map(([name, value]) => [
          String(name).replace(/^new_/, ""),
          typeof value === "object" && value ? cellOf(value).value : undefined,
        ]),
    ),
    next: nextNodes.map((name) => name.replace(/^new_/, "")),
    sends: pendingSends.map((send) => [send.node.replace(/^new_/, ""), send.sourceNode?.replace(/^new_/, "")]),
    named: [...nextNodes].every((name) => name === "__start__" || name === node(name.replace(/^new_/, ""))),
  }));
}

const same: Name = (name) => name;
const renamed: Name = (name) => `new_${name}`;

describe("renaming", () => {
  it("changes nothing but names, wherever a thread stands", () => {
    fc.assert(
      fc.property(shape, turns, fc.nat({ max: 4 }), (given, script, stop) => {
        const old = graphOf(given, same, same, {});
        const names = (list: string[]) => Object.fromEntries(list.map((name) => [name, renamed(name)]));
        const migrations = [{ from: 0, to: 1, renameChannels: names(channelNames), renameNodes: names(nodeNames) }];
        const latest = graphOf(given, renamed, renamed, { schemaVersion: 1, migrations });
        const { state, checkpoint: entered } = begun(old);
        const before = play(state, script.slice(0, stop), same, same);
        const checkpoint = before.at(-1) ?? entered;
        const standing = stateOf(old, checkpoint, cellOf);
        const tasks = prepareTasks(standing);
        const seen = [...standing.seen].map(([node, of]) => [node.startsWith("__") ? node : renamed(node), of.size]);
        const rest = script.slice(stop);
        const [turn] = rest;
        const saved =
          turn === undefined
            ? []
            : half(
                tasks,
                tasks.map((task, i) => writesOf(turn, task, i, old, same, same)),
              );
        const expected = play(standing, rest, same, same, saved);
        const moved = walk(latest, 0, savedState(checkpoint, saved));
        const migrated = migratedState(latest, moved);
        expect([...migrated.seen].map(([node, of]) => [node, of.size])).toEqual(seen);
        // The tasks are the same ones, by their ids.
        expect(prepareTasks(migrated).map(({ id }) => id)).toEqual(tasks.map(({ id }) => id));
        const actual = play(migrated, rest, renamed, renamed, moved.writes);
        expect(told(actual, renamed, renamed)).toEqual(told(expected, same, same));
        expect(prepareTasks(migrated).map(({ node }) => node)).toEqual(
          prepareTasks(standing).map(({ node }) => renamed(node)),
        );
      }),
      { numRuns: isSoak ? 5000 : 300, seed },
    );
  });
});
