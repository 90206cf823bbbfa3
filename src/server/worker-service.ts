import { create } from "@bufbuild/protobuf";
import { durationFromMs, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { CairnError, invalidField } from "../errors.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import {
  ListWorkersResponseSchema,
  type WorkerHello,
  WorkerService,
  type WorkRequest,
  type WorkResponse,
} from "../gen/cairn/v1/worker_service_pb.ts";
import type { RunParts } from "../runs/parts.ts";
import { Outbox } from "../workers/outbox.ts";
import { workerTerms } from "../workers/terms.ts";
import type { WorkerSession } from "../workers/worker-session.ts";
import type { CallContext } from "./context.ts";
import { define, type Service } from "./service.ts";

type Parts = Pick<RunParts, "workers" | "serverId" | "environment">;

export function workerService(parts: Parts): Service {
  const { workers } = parts;
  return define(WorkerService, {
    work: (requests, context) => work(parts, requests, context),
    async listWorkers(_, { space }) {
      return create(ListWorkersResponseSchema, {
        workers: workers.workersOf(space).map(infoOf),
        unserved: workers.unservedOf(space),
      });
    },
  });
}

/** One stream of a worker, from its Hello to its end. */
async function* work(
  { workers, serverId, environment }: Parts,
  requests: AsyncIterable<WorkRequest>,
  { space, signal }: CallContext,
): AsyncIterable<WorkResponse> {
  const coming = requests[Symbol.asyncIterator]();
  const hello = await helloOf(coming);
  const outbox = new Outbox(environment.clock);
  outbox.send({
    case: "welcome",
    value: {
      heartbeat: durationFromMs(Math.floor(workers.leaseMs / workerTerms.heartbeatsPerLease)),
      lease: durationFromMs(workers.leaseMs),
      chunkBytes: workerTerms.chunkBytes,
      payloadBytesMax: BigInt(workerTerms.payloadBytesMax),
      serverId,
    },
  });
  const session = workers.connect(space, hello, outbox);
  const cut = (): void => outbox.end(signal.reason);
  signal.addEventListener("abort", cut, { once: true });
  void hearAll(coming, session, outbox);
  try {
    yield* outbox;
  } finally {
    signal.removeEventListener("abort", cut);
    session.disconnect(outbox);
  }
}

async function helloOf(coming: AsyncIterator<WorkRequest>): Promise<WorkerHello> {
  const first = await coming.next();
  if (first.done || first.value.message.case !== "hello") throw invalidField("hello", "must be the first message");
  const hello = first.value.message.value;
  if (hello.protocolVersion === workerTerms.protocolVersion) return hello;
  const { protocolVersion } = hello;
  throw new CairnError(
    ErrorReason.PROTOCOL_VERSION,
    `this server speaks version ${workerTerms.protocolVersion} of the workers' protocol, not ${protocolVersion}`,
    { metadata: { version: `${protocolVersion}`, supported: `${workerTerms.protocolVersion}` } },
  );
}

/** Passes on what a worker tells, until it has no more to tell. A message that is wrong ends its stream. */
async function hearAll(coming: AsyncIterator<WorkRequest>, session: WorkerSession, outbox: Outbox): Promise<void> {
  try {
    for (;;) {
      const next = await coming.next();
      if (next.done) return outbox.end();
      session.hear(next.value, outbox);
    }
  } catch (thrown) {
    outbox.end(thrown);
  }
}

function infoOf({ identity, tasks, connectedAtMs, isConnected }: WorkerSession) {
  const { workerId, sessionId, nodes, slots, sdk, pid } = identity;
  const connectedAt = connectedAtMs === 0 ? undefined : timestampFromMs(connectedAtMs);
  return { workerId, sessionId, nodes, slots, sdk, pid, tasks, connectedAt, connected: isConnected };
}
