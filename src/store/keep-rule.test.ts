import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { CheckpointSchema, Origin } from "../gen/cairn/v1/checkpoint_pb.ts";
import { keptBy, knownOf, type PruneRule } from "./keep-rule.ts";

interface Given {
  id: string;
  namespace?: string;
  parents?: { [namespace: string]: string };
  heads?: { [namespace: string]: string };
  foreign?: boolean;
}

/** What is kept of checkpoints that were put in this order, one a second. */
function kept(rule: PruneRule, given: Given[]): string[] {
  const known = given.map(({ id, namespace = "", parents = {}, heads = {}, foreign }, index) => {
    const origin = foreign ? Origin.LANGGRAPH : Origin.NATIVE;
    const fields = { id, namespace, parents, subgraphHeads: heads, origin, seq: BigInt(index + 1) };
    return knownOf(index + 1, index * 1000, create(CheckpointSchema, fields));
  });
  return [...keptBy(rule, known)].map((name) => name.split("\0")[1] as string).sort();
}

describe("what a prune keeps", () => {
  test("the newest in each namespace", () => {
    const given = [{ id: "a" }, { id: "x", namespace: "s" }, { id: "b" }, { id: "c" }, { id: "y", namespace: "s" }];
    expect(kept({ keep: 1 }, given)).toEqual(["c", "y"]);
    expect(kept({ keep: 2 }, given)).toEqual(["b", "c", "x", "y"]);
  });

  test("whatever is not old enough, also beyond that number", () => {
    const given = ["a", "b", "c", "d"].map((id) => ({ id }));
    expect(kept({ keep: 1, olderThanMs: 1000 }, given)).toEqual(["b", "c", "d"]);
    expect(kept({ keep: 2, olderThanMs: 9000 }, given)).toEqual(["c", "d"]);
  });

  test("where the kept ones say that subgraphs stood, but not what called those", () => {
    const given: Given[] = [
      { id: "a" },
      { id: "s1", namespace: "sub", parents: { "": "a" } },
      { id: "b", heads: { sub: "s1" } },
      { id: "s2", namespace: "sub", parents: { "": "b" } },
      { id: "c", heads: { sub: "s2" } },
      { id: "s3", namespace: "sub", parents: { "": "c" } },
      { id: "d", heads: { sub: "s3" } },
    ];
    expect(kept({ keep: 1 }, given)).toEqual(["d", "s3"]);
    expect(kept({ keep: 2 }, given)).toEqual(["c", "d", "s2", "s3"]);
  });

  test("of a call's state as much as its caller, at any depth", () => {
    const given: Given[] = [
      { id: "a" },
      { id: "p1", namespace: "p:1", parents: { "": "a" } },
      { id: "q1", namespace: "p:1|q:9", parents: { "": "a", "p:1": "p1" } },
      { id: "b" },
      { id: "p2", namespace: "p:2", parents: { "": "b" } },
      { id: "p2b", namespace: "p:2", parents: { "": "b" } },
      { id: "q2", namespace: "p:2|q:8", parents: { "": "b", "p:2": "p2b" } },
    ];
    expect(kept({ keep: 1 }, given)).toEqual(["b", "p2b", "q2"]);
    // A young one keeps those that called it.
    expect(kept({ keep: 1, olderThanMs: 2000 }, given)).toEqual(["a", "b", "p1", "p2", "p2b", "q1", "q2"]);
  });

  test("of another framework's the newest in each namespace, whatever called it", () => {
    const given: Given[] = [
      { id: "a", foreign: true },
      { id: "x", namespace: "p:1", parents: { "": "a" }, foreign: true },
      { id: "b", foreign: true },
    ];
    expect(kept({ keep: 1 }, given)).toEqual(["b", "x"]);
  });
});
