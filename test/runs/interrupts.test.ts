// Questions and answers: several at once, by id, partly, one after the other in one node; and static breakpoints.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { byId } from "../../clients/typescript/src/index.ts";
import { storeKinds } from "../support/stores.ts";
import { Bench, eventsOf, refusal } from "./support/bench.ts";

const channels = { log: "append", x: "last_value" };

describe.each(storeKinds)("interrupts on %s", (kind) => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await Bench.start(kind);
  });
  afterAll(() => bench.end());

  const pair = () =>
    bench.graph({
      channels,
      nodes: {
        left: bench.node("asks", { questions: ["l?"] }),
        right: bench.node("asks", { questions: ["r?"] }),
        quiet: bench.node("note"),
        last: bench.node("note"),
      },
      edges: ["START -> left", "START -> right", "START -> quiet", [["left", "right"], "last"]],
    });

  it("are answered by id, all at once", async () => {
    const thread = bench.thread();
    const asked = await thread.run({}, { graph: await pair() });
    expect(asked.status).toBe("interrupted");
    expect(asked.interrupts.map(({ node, value }) => [node, value])).toEqual([
      ["left", "l?"],
      ["right", "r?"],
    ]);
    expect(asked.state.next).toEqual(["left", "right"]);
    expect(asked.state.values.log).toEqual(["quiet"]);
    expect((await thread.info()).status).toBe("interrupted");
    const [left, right] = asked.interrupts.map(({ id }) => id);
    const done = await thread.resume(byId({ [left as string]: "L", [right as string]: "R" }));
    expect(done).toMatchObject({ status: "done", interrupts: [] });
    expect(done.state.values.log).toEqual(["left:L", "quiet", "right:R", "last"]);
  });

  it("are answered one by one: the other stays open under its id, and nothing that has finished runs again", async () => {
    const thread = bench.thread();
    const graph = await pair();
    const before = bench.traces("quiet").length;
    const asked = await thread.run({}, { graph });
    const [left, right] = asked.interrupts.map(({ id }) => id);
    const partly = await thread.resume(byId({ [right as string]: "R" }));
    expect(partly.status).toBe("interrupted");
    expect(partly.interrupts.map(({ id, node }) => [id, node])).toEqual([[left, "left"]]);
    expect(partly.state).toMatchObject({ next: ["left"], values: { log: ["quiet", "right:R"] } });
    const twice = await refusal(thread.resume(byId({ [right as string]: "again" })));
    expect([twice.codeName, twice.reason, twice.metadata.waiting]).toEqual([
      "FAILED_PRECONDITION",
      "INTERRUPT_NOT_FOUND",
      left,
    ]);
    const ran = bench.traces("right").length;
    const done = await thread.resume("L");
    expect(done.state.values.log).toEqual(["left:L", "quiet", "right:R", "last"]);
    expect(bench.traces("right")).toHaveLength(ran);
    expect(bench.traces("quiet")).toHaveLength(before + 1);
  });

  it("may be two in one node, told apart by their order", async () => {
    const graph = await bench.graph({
      channels,
      nodes: { two: bench.node("asks", { questions: ["name?", "age?"] }) },
      edges: ["START -> two"],
    });
    const thread = bench.thread();
    const first = await thread.run({}, { graph });
    const second = await thread.resume("Ada");
    expect(second.status).toBe("interrupted");
    expect([first, second].map(({ interrupts }) => interrupts.map(({ value }) => value))).toEqual([
      ["name?"],
      ["age?"],
    ]);
    const [asked, askedNext] = [first.interrupts[0], second.interrupts[0]];
    expect(askedNext?.taskId).toBe(asked?.taskId);
    expect(askedNext?.id).not.toBe(asked?.id);
    const stale = await refusal(thread.resume(byId({ [asked?.id ?? ""]: "Bob" })));
    expect([stale.reason, stale.metadata.waiting]).toEqual(["INTERRUPT_NOT_FOUND", askedNext?.id]);
    expect((await thread.resume(36)).state.values.log).toEqual(["two:Ada", "two:36"]);
    const answered = (await eventsOf(thread)).flatMap((event) =>
      event.type === "interrupt_answered" ? event.interruptIds : [],
    );
    expect(answered).toEqual([asked?.id, askedNext?.id]);
  });

  it("survive a null answer, which is an answer", async () => {
    const graph = await bench.graph({
      channels,
      nodes: { ask: { ask: { question: '"x?"', into: "x" } } },
      edges: ["START -> ask"],
    });
    const thread = bench.thread();
    await thread.run({}, { graph });
    expect(await thread.resume(null)).toMatchObject({ status: "done", state: { values: { x: null } } });
  });

  it("of Sends to one node are separate", async () => {
    const graph = await bench.graph({
      channels: { ...channels, items: "last_value", all: "topic" },
      nodes: { fan: bench.node("fansOut", { to: ["ask"] }), ask: { ask: { question: "state.item", into: "all" } } },
      edges: ["START -> fan"],
    });
    const thread = bench.thread();
    const asked = await thread.run({ items: ["p", "q", "r"] }, { graph });
    expect(asked.interrupts.map(({ value }) => value)).toEqual(["p", "q", "r"]);
    expect(new Set(asked.interrupts.map(({ id }) => id)).size).toBe(3);
    const ambiguous = await refusal(thread.resume("all of you"));
    expect([ambiguous.codeName, ambiguous.reason]).toEqual(["FAILED_PRECONDITION", "AMBIGUOUS_RESUME"]);
    expect(ambiguous.metadata.waiting).toBe(asked.interrupts.map(({ id }) => id).join(","));
    const answers = Object.fromEntries(asked.interrupts.map(({ id, value }) => [id, `${String(value)}!`]));
    expect((await thread.resume(byId(answers))).state.values.all).toEqual(["p!", "q!", "r!"]);
  });

  const straight = { channels, edges: ["START -> a", "a -> b"] };

  it("may be static, before and after nodes; going on passes them", async () => {
    const nodes = { a: bench.node("note"), b: bench.node("note") };
    const graph = await bench.graph({ ...straight, nodes, interruptBefore: ["b"] });
    const thread = bench.thread();
    const before = await thread.run({}, { graph });
    expect(before).toMatchObject({ status: "paused", interrupts: [], state: { next: ["b"], values: { log: ["a"] } } });
    expect((await thread.info()).status).toBe("interrupted");
    expect((await thread.run()).status).toBe("done");
    const after = await thread.run({}, { interruptAfter: ["a"], interruptBefore: ["nobody"] });
    expect(after).toMatchObject({ status: "paused", state: { next: ["b"] } });
    expect((await thread.run(undefined, { interruptBefore: ["nobody"] })).status).toBe("done");
    const everywhere = { graph, interruptBefore: ["*"] };
    const other = bench.thread();
    const stops: string[][] = [];
    for (
      let outcome = await other.run({}, everywhere);
      stops.length < 9;
      outcome = await other.run(undefined, everywhere)
    ) {
      stops.push(outcome.state.next);
      if (outcome.status === "done") break;
    }
    expect(stops).toEqual([["a"], ["b"], []]);
  });

  it("are dropped by a new input, whose turn begins afresh", async () => {
    const graph = await bench.graph({
      ...straight,
      nodes: { a: bench.node("asks", { questions: ["?"] }), b: bench.node("note") },
    });
    const thread = bench.thread();
    const first = await thread.run({}, { graph });
    const second = await thread.run({ x: 2 });
    expect(second.interrupts).toHaveLength(1);
    expect(second.interrupts[0]?.id).not.toBe(first.interrupts[0]?.id);
    const stale = await refusal(thread.resume(byId({ [first.interrupts[0]?.id ?? ""]: "late" })));
    expect([stale.reason, stale.metadata.waiting]).toEqual(["INTERRUPT_NOT_FOUND", second.interrupts[0]?.id]);
  });
});
