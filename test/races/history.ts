// What clients did and were told, and what was there in the end.
import { hrtime } from "node:process";
import { CairnClientError } from "../../clients/typescript/src/index.ts";

/** One call. Moments are nanoseconds of a clock that all processes of the machine share. */
export interface Entry {
  client: number;
  call: Call;
  from: number;
  to: number;
  outcome: Outcome;
}

export type Outcome =
  | { ok: true; answer: Answer }
  /** Refused: nothing was done. */
  | { ok: false; reason: string; told: Record<string, string> }
  /** The connection broke, or the server could not say: it may have been done or not. */
  | { ok: false; reason: "UNKNOWN"; told: Record<string, string> };

export interface Call {
  kind: "put" | "run" | "resume" | "update" | "delete" | "read";
  thread: string;
  /** What it writes: every value of one call has this text in it. */
  tag: string;
  requestId: string;
  /** Of a put: the head it expects; null: none. Absent: it does not care. */
  expectedHead?: string | null;
}

export interface Answer {
  checkpointId?: string;
  runId?: string;
  status?: string;
  /** The texts that a read found in the values of one checkpoint. */
  tags?: string[];
}

/** A thread as it was left. */
export interface Final {
  /** Oldest first. */
  checkpoints: { id: string; tags: string[]; log: string[] }[];
  /** Durable events, in order. */
  events: FinalEvent[];
  /** How often each task began, as "RUN TASK". */
  begun: Record<string, number>;
}

export interface FinalEvent {
  number: number;
  type: string;
  runId: string;
  epoch?: number;
  checkpointId?: string;
  source?: string;
  task?: string;
}

const uncertain = new Set(["STORE_UNAVAILABLE", "SERVER_STOPPING", "CALL_ENDED", "STALE_EPOCH", "INTERNAL", ""]);

/** Makes a call and notes what came of it. */
export async function noted(client: number, call: Call, make: () => Promise<Answer>): Promise<Entry> {
  const from = Number(hrtime.bigint());
  const outcome = await make().then(
    (answer): Outcome => ({ ok: true, answer }),
    (thrown: unknown): Outcome => {
      if (!(thrown instanceof CairnClientError)) throw thrown;
      const { reason, metadata, message } = thrown;
      const told = { ...metadata, message };
      return uncertain.has(reason) ? { ok: false, reason: "UNKNOWN", told } : { ok: false, reason, told };
    },
  );
  return { client, call, from, to: Number(hrtime.bigint()), outcome };
}
