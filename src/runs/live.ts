import type { RunOutcome } from "../gen/cairn/v1/run_service_pb.ts";
import type { Run } from "./run.ts";

/** A run of this server, from just before its first record until just after its last. */
export class Live {
  readonly runId: string;
  readonly ended = Promise.withResolvers<RunOutcome>();
  /** Another run waits for this one's end. */
  hasNext = false;
  #run: Run | undefined;
  #cancel: { gracefully: boolean } | undefined;

  constructor(runId: string) {
    this.runId = runId;
    // A caller that went away leaves nobody to hear of a failure.
    this.ended.promise.catch(() => {});
  }

  get run(): Run | undefined {
    return this.#run;
  }

  /** Its first record is written. */
  begins(run: Run): void {
    this.#run = run;
    if (this.#cancel !== undefined) run.cancel(this.#cancel.gracefully);
  }

  /** Cancels the run, or sees to it once it begins. */
  cancel(gracefully: boolean): void {
    this.#cancel = { gracefully };
    this.#run?.cancel(gracefully);
  }
}
