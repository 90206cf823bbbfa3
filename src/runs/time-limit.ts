import { type Duration, durationMs } from "@bufbuild/protobuf/wkt";
import { RunFailure } from "../engine/failure.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import type { TimeoutPolicy } from "../gen/cairn/v1/graph_pb.ts";
import type { Clock } from "../system/environment.ts";

/** What is timed. */
export interface Timed {
  clock: Clock;
  /** Ends the work with its run. */
  signal: AbortSignal;
  policy: TimeoutPolicy | undefined;
  /** A Send's own limit, in place of the node's. */
  ownLimit: Duration | undefined;
  node: string;
}

/**
 * Does work that may take only so long in all, and so long without a sign of life. What is too slow is told to stop by
 * its signal, and whatever it still brings is dropped. Throws RunFailure (NODE_TIMEOUT).
 */
export async function withinTime<Result>(
  { clock, signal, policy, ownLimit, node }: Timed,
  work: (signal: AbortSignal, alive: () => void) => Promise<Result>,
): Promise<Result> {
  const runLimit = ownLimit ?? policy?.run;
  const idleLimit = policy?.idle;
  if (runLimit === undefined && idleLimit === undefined) return work(signal, () => {});
  const late = Promise.withResolvers<never>();
  const own = new AbortController();
  const expire = (limit: Duration, what: string): void => {
    const message = `node ${JSON.stringify(node)} took longer than ${durationMs(limit)} ms${what}`;
    late.reject(new RunFailure(ErrorReason.NODE_TIMEOUT, message, { node, kind: "Timeout" }));
    own.abort();
  };
  const arm = (limit: Duration | undefined, what: string): (() => void) =>
    limit === undefined ? () => {} : clock.after(durationMs(limit), () => expire(limit, what));
  const idle = " without a sign of life";
  const stopRun = arm(runLimit, "");
  let stopIdle = arm(idleLimit, idle);
  try {
    const alive = (): void => {
      stopIdle();
      stopIdle = arm(idleLimit, idle);
    };
    return await Promise.race([work(AbortSignal.any([signal, own.signal]), alive), late.promise]);
  } finally {
    stopRun();
    stopIdle();
  }
}
