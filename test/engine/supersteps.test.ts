// How a superstep's writes are applied, and which tasks follow from it.
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { applyWrites } from "../../src/engine/apply.ts";
import { Cell } from "../../src/engine/cell.ts";
import { RunFailure } from "../../src/engine/failure.ts";
import { joinChannel, SENDS } from "../../src/engine/names.ts";
import { refusalOf } from "../../src/engine/refusal.ts";
import { copyState, type GraphState } from "../../src/engine/state.ts";
import { interruptId, prepareTasks } from "../../src/engine/tasks.ts";
import { sendWrite } from "../../src/engine/write.ts";
import { limits } from "../../src/limits.ts";
import {
  ADD,
  ANY_VALUE,
  APPEND,
  DELTA,
  EPHEMERAL,
  LAST_VALUE,
  ran,
  read,
  set,
  stateOf,
  TOPIC,
  UNTRACKED,
} from "./graphs.ts";

const due = (state: GraphState) => prepareTasks(state).map(({ node }) => node);

/** A state in which the named nodes are due. */
function startedAt(state: GraphState, ...nodes: string[]): GraphState {
  applyWrites(state, [ran(state, "__start__", ...nodes.map((node) => set(`branch:to:${node}`, null)))]);
  return state;
}

describe("applying writes", () => {
  it("goes by the tasks' paths, not by who finished first", () => {
    const state = startedAt(stateOf({ log: APPEND }, ["a", "b", "é", "z"], []), "a", "b", "é", "z");
    const tasks = ["é", "b", "z", "a"].map((node) => ran(state, node, set("log", [node])));
    applyWrites(state, tasks);
    expect(read(state, "log")).toEqual(["a", "b", "z", "é"]);
  });

  it("gives one new version to all that changed, and leaves the others theirs", () => {
    const state = startedAt(stateOf({ n: ADD, m: ADD }, ["a", "b"], [["a", "b"]]), "a");
    const before = new Map(state.versions);
    applyWrites(state, [ran(state, "a", set("n", 1))]);
    const version = Math.max(...before.values()) + 1;
    expect(state.versions.get("n")).toBe(version);
    expect(state.versions.get("branch:to:b")).toBe(version);
    expect(state.versions.get("m")).toBe(before.get("m"));
    expect(state.updated).toEqual(new Set(["n", "branch:to:b"]));
    expect(state.seen.get("a")).toEqual(new Map([["branch:to:a", before.get("branch:to:a")]]));
    expect(due(state)).toEqual(["b"]);
  });

  it("keeps values for as long as their kind says", () => {
    const kinds = { last: LAST_VALUE, any: ANY_VALUE, brief: EPHEMERAL, secret: UNTRACKED, topic: TOPIC };
    const state = startedAt(stateOf(kinds, ["a", "b"], [["a", "b"]]), "a");
    const values = Object.keys(kinds).map((name) => set(name, name === "topic" ? [1, 2] : name));
    applyWrites(state, [ran(state, "a", ...values)]);
    expect(Object.keys(kinds).map((name) => read(state, name))).toEqual(["last", "any", "brief", "secret", [1, 2]]);
    expect(state.channels.get("secret")?.saved()).toBeUndefined();
    applyWrites(state, [ran(state, "b", set("last", null))]);
    expect(Object.keys(kinds).map((name) => read(state, name))).toEqual([
      null,
      undefined,
      undefined,
      "secret",
      undefined,
    ]);
  });

  it("refuses two writes where one is allowed, and a copy is not touched by it", () => {
    const state = startedAt(stateOf({ x: LAST_VALUE, same: ANY_VALUE }, ["a", "b"], []), "a", "b");
    const copy = copyState(state);
    const twice = [ran(state, "a", set("x", 1)), ran(state, "b", set("x", 2))];
    expect(() => applyWrites(copy, twice)).toThrow(RunFailure);
    expect(refusalOf(state, [set("x", 1)], [set("x", 2)])).toMatchObject({ channel: "x" });
    expect(refusalOf(state, [set("same", 1)], [set("same", 1)])).toBeUndefined();
    applyWrites(state, twice.slice(0, 1));
    expect([read(state, "x"), read(copy, "same")]).toEqual([1, undefined]);
  });

  it("overwrites once a superstep; plain writes after it are dropped", () => {
    const state = startedAt(stateOf({ n: ADD }, ["a", "b"], []), "a", "b");
    applyWrites(state, [ran(state, "a", set("n", 10, true)), ran(state, "b", set("n", 5))]);
    expect(read(state, "n")).toBe(10);
    expect(refusalOf(state, [set("n", 1, true)], [set("n", 2, true)])).toMatchObject({ channel: "n" });
  });

  it("appends to a delta channel, whose overwrite takes the place of all the superstep's writes, and empties it if null", () => {
    const state = startedAt(stateOf({ log: DELTA }, ["a", "b", "c"], []), "a", "b", "c");
    expect(read(state, "log")).toEqual([]);
    applyWrites(state, [ran(state, "a", set("log", [1])), ran(state, "b", set("log", [2, 3]))]);
    expect(read(state, "log")).toEqual([1, 2, 3]);
    applyWrites(state, [
      ran(state, "a", set("log", [4])),
      ran(state, "b", set("log", [5], true)),
      ran(state, "c", set("log", [6])),
    ]);
    expect(read(state, "log")).toEqual([5]);
    applyWrites(state, [ran(state, "a", set("log", null, true))]);
    expect(read(state, "log")).toEqual([]);
  });

  it("refuses what a reducer can't take beside an overwrite, too, which may come after it", () => {
    const state = startedAt(stateOf({ n: ADD }, ["a", "b"], []), "a", "b");
    const [text, overwrite] = [set("n", "text"), set("n", 0, true)];
    expect(() => applyWrites(copyState(state), [ran(state, "a", text), ran(state, "b", overwrite)])).toThrow(
      RunFailure,
    );
    expect(refusalOf(state, [overwrite], [text])).toMatchObject({ channel: "n" });
    expect(refusalOf(state, [overwrite], [set("n", 1)])).toBeUndefined();
  });

  it("refuses a value over the limit before it counts as a result", () => {
    const state = startedAt(stateOf({ x: LAST_VALUE }, ["a"], []), "a");
    const large = refusalOf(state, [], [set("x", new Uint8Array(limits.nodeValueBytesMax))]);
    expect(large).toMatchObject({ channel: "x", message: expect.stringContaining(String(limits.nodeValueBytesMax)) });
  });
});

describe("a waiting edge", () => {
  it("fires once all have arrived, however many supersteps that takes, and starts over", () => {
    const state = startedAt(
      stateOf(
        {},
        ["a", "b", "c", "j"],
        [
          ["b", "c"],
          [["a", "c"], "j"],
        ],
      ),
      "a",
      "b",
    );
    for (let round = 0; round < 2; round++) {
      applyWrites(state, [ran(state, "a"), ran(state, "b")]);
      expect(due(state)).toEqual(["c"]);
      applyWrites(state, [ran(state, "c")]);
      expect(due(state)).toEqual(["j"]);
      applyWrites(state, [ran(state, "j")]);
      expect(due(state)).toEqual([]);
      startedAt(state, "a", "b");
    }
  });
});

describe("ids", () => {
  const formula = (...parts: string[]) => {
    const hex = createHash("sha256").update(parts.join("\0")).digest("hex");
    return hex.slice(0, 32).replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  };

  it("of tasks follow from where they stand, and from nothing else", () => {
    const join = joinChannel(["a", "b"], "j");
    const state = stateOf({ x: LAST_VALUE }, ["a", "b", "j"], [[["a", "b"], "j"]]);
    state.checkpointId = "checkpoint";
    state.step = 4;
    const sends = ["x", "y"].map((item) =>
      sendWrite({ node: "a", arg: Cell.of(item), sourceNode: "b", timeout: undefined }),
    );
    applyWrites(state, [ran(state, "__start__", set("branch:to:b", null), ...sends, set(join, "a"), set(join, "b"))]);
    expect(state.channels.get(SENDS)?.available).toBe(true);
    expect(prepareTasks(state).map(({ id, node, path }) => [id, node, path])).toEqual([
      [formula("checkpoint", "", "5", "a", "push", "0"), "a", "~push, 0000000000"],
      [formula("checkpoint", "", "5", "a", "push", "1"), "a", "~push, 0000000001"],
      [formula("checkpoint", "", "5", "b", "pull", "branch:to:b"), "b", "~pull, b"],
      [formula("checkpoint", "", "5", "j", "pull", "branch:to:j", join), "j", "~pull, j"],
    ]);
    const again = prepareTasks(copyState(state)).map(({ id }) => id);
    expect(prepareTasks(state).map(({ id }) => id)).toEqual(again);
  });

  it("of interrupts tell questions of one task apart", () => {
    expect(interruptId("task", "ns", 1)).toBe(formula("task", "ns", "interrupt", "1"));
  });
});
