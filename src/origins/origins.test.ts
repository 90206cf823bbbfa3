// What Cairn makes of the documents that the origins' own engines write. Generated ones are in test/round-trips.
import { describe, expect, it } from "vitest";
import { Origin, Phase, ValuesLayout } from "../gen/cairn/v1/checkpoint_pb.ts";
import type { Converted } from "./document.ts";
import { sliceOfValue } from "./json-readers.ts";
import { fromJuncture, toJuncture } from "./juncture.ts";
import { fromLanggraph } from "./langgraph.ts";
import { fromNeograph, toNeograph } from "./neograph.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (given: Uint8Array | undefined) => new TextDecoder().decode(given);
const valuesOf = ({ checkpoint }: Converted) =>
  Object.entries(checkpoint.channelValues).map(([name, value]) => [name, sliceOfValue(value)]);

const neograph = (more: string) => bytes(`{"id":"c","thread_id":"t"${more}}`);

describe("NeoGraph", () => {
  it("what its engine writes has its place", () => {
    const converted = fromNeograph(
      neograph(
        ',"channel_values":{"channels":{"log":{"value":["a"],"version":1},"n":{"value":-0.0,"version":2}},"global_version":2},' +
          '"channel_versions":null,"metadata":null,"parent_id":"","current_node":"a","next_nodes":["b","c"],' +
          '"interrupt_phase":"completed","barrier_state":{"j":[]},"step":0,"timestamp":1795289715830,"schema_version":4',
      ),
    );
    expect(converted.checkpoint).toMatchObject({
      origin: Origin.NEOGRAPH,
      parentId: "",
      currentNode: "a",
      nextNodes: ["b", "c"],
      phase: Phase.COMPLETED,
      step: 0n,
      createdAtMs: 1795289715830n,
      schemaVersion: 4,
      valuesLayout: ValuesLayout.NEOGRAPH,
      channelVersions: { isNull: true },
      barrierState: { j: { names: [] } },
    });
    expect(text(converted.checkpoint.metadata)).toBe("null");
    expect(valuesOf(converted)).toEqual([
      ["log", '["a"]'],
      ["n", "-0.0"],
    ]);
    expect(text(converted.checkpoint.extra.channel_values)).toBe(
      '{"channels":{"log":{"version":1},"n":{"version":2}},"global_version":2}',
    );
  });

  it("layout 0 shows its one next node as a list, and is exported without one", () => {
    const document = neograph(',"next_node":"b","schema_version":0');
    const converted = fromNeograph(document);
    expect(converted.checkpoint).toMatchObject({ nextNodes: ["b"], schemaVersion: 0 });
    expect(JSON.parse(text(toNeograph(converted).json))).toEqual(JSON.parse(text(document)));
  });

  const journal = '{"_neograph":{"subgraph_write_journal":[{"mode":"overwrite"}]}}';
  it.each([
    // Without a version it is of layout 0, which had one next node.
    ["none", ',"next_node":"b"', { nextNodes: ["b"] }],
    ["0", ',"next_node":"b","schema_version":0', { nextNodes: ["b"], schemaVersion: 0 }],
    ["0, ended", ',"next_node":"","schema_version":0', { nextNodes: [], schemaVersion: 0 }],
    ["0, null", ',"next_node":null,"schema_version":0', { nextNodes: [], schemaVersion: 0 }],
    ["1", ',"next_nodes":["b","c"],"schema_version":1', { nextNodes: ["b", "c"], schemaVersion: 1 }],
    ["1 with a stray one", ',"next_nodes":["c"],"next_node":"b","schema_version":1', { nextNodes: ["c"] }],
    [
      "2",
      ',"next_nodes":["b"],"barrier_state":{"j":["a"]},"schema_version":2',
      { barrierState: { j: { names: ["a"] } } },
    ],
    ["3", ',"next_nodes":["b"],"barrier_state":{},"schema_version":3', { nextNodes: ["b"], barrierState: {} }],
    ["4", `,"next_nodes":["__end__"],"metadata":${journal},"schema_version":4`, { metadata: bytes(journal) }],
  ])("layout %s has the meaning that it had, and is exported as it was", (_, more, meaning) => {
    const converted = fromNeograph(neograph(more));
    expect(converted.checkpoint).toMatchObject(meaning);
    expect(JSON.parse(text(toNeograph(converted).json))).toEqual(JSON.parse(text(neograph(more))));
  });

  it("pending writes of layout 3, which may overwrite, and of those before are kept whole", () => {
    const record = (mode: string) =>
      bytes(`{"task_id":"t1","task_path":"s0:a","writes":[{"channel":"n","value":1.0${mode}}],"sends":[]}`);
    for (const given of [record(""), record(',"mode":"overwrite"')]) {
      const converted = fromNeograph(neograph(',"schema_version":3'), [given]);
      expect(converted.writes).toMatchObject([{ taskId: "t1", taskPath: "s0:a", idx: 0 }]);
      expect(toNeograph(converted).writes.map(text)).toEqual([text(given)]);
    }
  });

  it("what no field can hold is kept and given back", () => {
    const odd =
      ',"step":1.0,"next_nodes":null,"barrier_state":{"j":["b","a"]},"channel_values":[1e0],"!absent step":2,"x":{"y":1E2}';
    const converted = fromNeograph(neograph(odd));
    expect(converted.checkpoint).toMatchObject({ nextNodes: [], valuesLayout: ValuesLayout.WHOLE });
    expect(converted.checkpoint.step).toBeUndefined();
    expect(JSON.parse(text(toNeograph(converted).json))).toEqual(JSON.parse(text(neograph(odd))));
    expect(text(toNeograph(converted).json)).toContain('"x":{"y":1E2}');
  });

  it("a document that is no checkpoint is refused with its path", () => {
    expect(() => fromNeograph(bytes("[]"))).toThrow(/checkpoint: must be a JSON object/);
    expect(() => fromNeograph(bytes('{"id":"c","thread_id":null}'))).toThrow(/checkpoint.thread_id/);
    expect(() => fromNeograph(bytes('{"id":"c"'))).toThrow(/at byte/);
    expect(() => fromNeograph(neograph(""), [bytes('{"task_id":1}')])).toThrow(/writes\[0\].task_id/);
  });
});

describe("juncture", () => {
  const tuple = (checkpoint: string, metadata: string) => ({
    threadId: "t",
    namespace: "|node:1",
    checkpoint: bytes(checkpoint),
    metadata: bytes(metadata),
    writes: [],
  });

  it("sources, interrupts and versions of 64 bits have their places", () => {
    const { checkpoint } = fromJuncture(
      tuple(
        '{"id":"c","channel_versions":{"field_0":18446744073709551615},"channel_values":{"n":1.0},"pending_interrupts":' +
          '[{"index":0,"id":null,"payload":"q","timestamp":"2026-11-22T02:29:43.893586284Z"}]}',
        '{"source":{"Interrupt":{"node":"x"}},"step":3,"writes":{},"parents":{"":"p"},"run_id":"r"}',
      ),
    );
    expect(checkpoint).toMatchObject({
      source: "interrupt",
      sourceNode: "x",
      step: 3n,
      runId: "r",
      parents: { "": "p" },
    });
    expect(checkpoint.channelVersions?.versions.field_0?.number).toEqual({
      case: "uint64Value",
      value: 2n ** 64n - 1n,
    });
    expect(checkpoint.pendingInterrupts[0]).toMatchObject({ index: 0n, createdAt: "2026-11-22T02:29:43.893586284Z" });
    expect(checkpoint.pendingInterrupts[0]?.id).toBeUndefined();
  });

  it("a state that is no object is kept whole", () => {
    const converted = fromJuncture(tuple('{"id":"c","channel_values":[1e0, 2]}', '{"source":"Loop"}'));
    expect(converted.checkpoint).toMatchObject({ valuesLayout: ValuesLayout.WHOLE, source: "loop" });
    expect(valuesOf(converted)).toEqual([["", "[1e0, 2]"]]);
    expect(text(toJuncture(converted).checkpoint)).toBe('{"id":"c","channel_values":[1e0, 2]}');
  });
});

describe("LangGraph", () => {
  it("versions keep their type, and metadata are read as well as kept", () => {
    const { checkpoint } = fromLanggraph({
      threadId: "t",
      namespace: "",
      checkpoint: bytes(
        '{"v":4,"id":"c","ts":"now","channel_versions":{"a":1,"b":1.0,"c":"01.5"},"versions_seen":{"__input__":{}},"updated_channels":null}',
      ),
      channelValues: { a: { type: "msgpack", data: new Uint8Array([1]) } },
      metadata: bytes('{"source":"loop","step":-1,"counters_since_delta_snapshot":{"a":[1,2]},"x":1e0}'),
      writes: [],
    });
    const cases = Object.values(checkpoint.channelVersions?.versions ?? {}).map(({ number }) => number.case);
    expect(cases).toEqual(["int64Value", "doubleValue", "stringValue"]);
    expect(checkpoint).toMatchObject({
      formatVersion: 4,
      createdAt: "now",
      source: "loop",
      step: -1n,
      updatedChannels: { isNull: true },
      deltaCounters: { a: { updates: 1n, supersteps: 2n } },
    });
    expect(text(checkpoint.metadata)).toContain('"x":1e0');
  });
});
