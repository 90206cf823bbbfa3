// Contestants that make durable steps. Their figures are those of a step: a call is divided by the steps it makes.
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { create, type DescMessage, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import type { CairnClient } from "../../clients/typescript/src/index.ts";
import { encodeChannels } from "../../clients/typescript/src/values/typed-value.ts";
import { RunRequestSchema, RunStepRequestSchema } from "../../src/gen/cairn/v1/run_service_pb.ts";
import { drive, type Figures, Requests } from "./load.ts";
import { runMethod, stepMethod } from "./methods.ts";
import type { Contestant } from "./rounds.ts";
import type { Served } from "./served.ts";

/** Callers that a contestant may have. */
const CALLERS_MAX = 64;

/** The graphs that are run, in test/bench/graphs. */
export const graphs = join(import.meta.dirname, "graphs");

export async function registerGraphs(client: CairnClient): Promise<void> {
  for (const name of ["line", "pair"]) {
    await client.graphs.register(readFileSync(join(graphs, `${name}.yaml`), "utf8"));
  }
}

/** Runs a graph again and again, each caller on a thread of its own. */
export async function runs(name: string, server: Served, graph: "line" | "pair"): Promise<Contestant> {
  const prefix = `${graph} run`;
  // All supersteps of a run are steps, and so is the input's checkpoint, which is committed as they are.
  const first = server.client.thread(`${prefix} first`);
  await first.run({ note: note() }, { graph, recursionLimit: 100 });
  let steps = 0;
  for await (const _ of first.history()) steps++;
  const options = { graphName: graph, recursionLimit: 100 };
  const requests = own(RunRequestSchema, prefix, (threadId, input) => ({ threadId, input, options }));
  return driven(name, server, runMethod, requests, steps);
}

/** Calls that each take an input and make one superstep: two commits, one that takes the lease and one of the step. */
export function singleSteps(name: string, server: Served): Contestant {
  const options = { graphName: "line" };
  const requests = own(RunStepRequestSchema, "single", (threadId, input) => ({ threadId, input, options }));
  return driven(name, server, stepMethod, requests, 1);
}

function driven(name: string, server: Served, method: string, requests: Requests, steps: number): Contestant {
  return {
    name,
    async measure(callers, seconds) {
      return perStep(await drive({ ...server, method, requests, callers, seconds }), steps);
    },
  };
}

export function perStep({ calls, perSecond, p50, p99, cpu }: Figures, steps: number): Figures {
  return { calls: calls * steps, perSecond: perSecond * steps, p50: p50 / steps, p99: p99 / steps, cpu: cpu / steps };
}

type Filled<Desc extends DescMessage> = (
  threadId: string,
  input: { values: ReturnType<typeof encodeChannels> },
) => MessageInitShape<Desc>;

/** A request for each caller, about a thread of its own. */
function own<Desc extends DescMessage>(schema: Desc, prefix: string, fill: Filled<Desc>): Requests {
  const encoded = Array.from({ length: CALLERS_MAX }, (_, index) => {
    const request = fill(`${prefix} ${index}`, { values: encodeChannels({ note: note() }) });
    return toBinary(schema, create(schema, request));
  });
  return new Requests("own", encoded);
}

/** 1 KB of text. */
export function note(): string {
  return randomBytes(512).toString("hex");
}
