import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { CheckpointSchema, Origin } from "../gen/cairn/v1/checkpoint_pb.ts";
import { keptBy, knownOf, type PruneRule } from "./keep-rule.ts";

interface Given {
  id: string;
  namespace?: string;
  parents?: { [namespace: string]: string };
  heads?: { [namespace: string]: string };
  foreign?: boolean;
  /** A delta channel that it holds whole, or only by what was written to it since its parent. */
  delta?: "whole" | "written" | "untouched";
}

/** What is kept of checkpoints that were put in this order, one a second. */
function kept(rule: PruneRule, given: Given[]): string[] {
  const known = given.map(({ id, namespace = "", parents = {}, heads = {}, foreign, delta }, index) => {
    const origin = foreign || delta ? Origin.LANGGRAPH : Origin.NATIVE;
    const fields = { id, namespace, parents, subgraphHeads: heads, origin, seq: BigInt(index + 1), ...deltaOf(delta) };
    const parentId = given.slice(0, index).findLast((before) => (before.namespace ?? "") === namespace)?.id;
    return knownOf(index + 1, index * 1000, create(CheckpointSchema, { ...fields, parentId }));
  });
  return [...keptBy(rule, known)].map((name) => name.split("\0")[1] as string).sort();
}

function deltaOf(delta: Given["delta"]): MessageInitShape<typeof CheckpointSchema> {
  if (!delta) return {};
  const versions = { log: { number: { case: "int64Value" as const, value: 1n } } };
  const values = { log: { source: { case: "ref" as const, value: "1.0" } } };
  return {
    deltaCounters: { log: { updates: 1n, supersteps: 1n } },
    channelVersions: { versions: delta === "untouched" ? {} : versions },
    channelValues: delta === "whole" ? values : {},
  };
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

  test("what a delta channel is rebuilt from, back to where it was last whole", () => {
    const given: Given[] = [
      { id: "a", delta: "whole" },
      { id: "b", delta: "whole" },
      { id: "c", delta: "written" },
      { id: "x", namespace: "s", delta: "written" },
      { id: "d", delta: "written" },
    ];
    expect(kept({ keep: 1 }, given)).toEqual(["b", "c", "d", "x"]);
    expect(kept({ keep: 1 }, [...given, { id: "e", delta: "whole" }])).toEqual(["e", "x"]);
    expect(kept({ keep: 1 }, [{ id: "a" }, { id: "b", delta: "untouched" }])).toEqual(["b"]);
  });
});
