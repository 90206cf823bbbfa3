// Counts what came of every call, and keeps what must not have come.
import { status } from "@grpc/grpc-js";
import { faultOf, type Manner, type Outcome } from "./outcome.ts";

const faultsMax = 20;
/** Of a request at fault, so much is told that most can be sent again as they were. */
const requestBytesTold = 3_000;

export class Tally {
  sent = 0;
  readonly faults: string[] = [];
  readonly #byStatus = new Map<string, number>();
  readonly #byReason = new Map<string, number>();
  readonly #byMethod = new Map<string, { ok: number; refused: number; reasons: Set<string> }>();

  count(path: string, manner: Manner, requests: readonly Uint8Array[], outcome: Outcome): void {
    this.sent++;
    const name = status[outcome.code];
    add(this.#byStatus, name);
    if (outcome.reason !== "") add(this.#byReason, outcome.reason);
    const method = this.#byMethod.get(path) ?? { ok: 0, refused: 0, reasons: new Set() };
    this.#byMethod.set(path, method);
    if (outcome.code === status.OK) method.ok++;
    else if (outcome.reason !== "") {
      method.refused++;
      method.reasons.add(outcome.reason);
    }
    const fault = faultOf(outcome, manner);
    if (fault === undefined) return;
    const sent = requests.map((bytes) => Buffer.from(bytes.subarray(0, requestBytesTold)).toString("base64"));
    this.fail(
      `${path} (${manner.kind}): ${fault}: ${name} ${outcome.reason} ${outcome.details}, request in base64: ${sent}`,
    );
  }

  fail(fault: string): void {
    if (this.faults.length < faultsMax) this.faults.push(fault);
  }

  get succeeded(): number {
    return this.#byStatus.get("OK") ?? 0;
  }

  /** Methods that are built, were called often, and never succeeded: what they do was not tried. */
  get untried(): string[] {
    return [...this.#byMethod].flatMap(([path, { ok, refused, reasons }]) => {
      const isBuilt = [...reasons].some((reason) => reason !== "" && !notBuilt.has(reason));
      return ok === 0 && isBuilt && refused >= oftenEnough ? [path] : [];
    });
  }

  toString(): string {
    const lines = [...this.#byMethod].map(([path, { ok }]) => `  ${ok} ok of ${path}`);
    return [`${this.sent} requests: ${told(this.#byStatus)}`, `reasons: ${told(this.#byReason)}`, ...lines].join("\n");
  }
}

/** Of so many tries one succeeds, or none can. */
const oftenEnough = 200;

/** A method that is not built yet answers these. */
const notBuilt = new Set(["NOT_IMPLEMENTED", "INVALID_FIELD"]);

function add(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

function told(counts: Map<string, number>): string {
  const sorted = [...counts].sort(([, a], [, b]) => b - a);
  return sorted.map(([name, count]) => `${count} ${name}`).join(", ");
}
