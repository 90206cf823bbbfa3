import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { RetryPolicySchema } from "../../gen/cairn/v1/graph_pb.ts";
import type { Definition } from "./definition.ts";
import type { Place, Reader } from "./reader.ts";

/** A policy's numbers, in NeoGraph's terms. */
interface Policy {
  maxRetries: number;
  initialDelayMs: number;
  backoffMultiplier: number;
  maxDelayMs: number;
}

/** What NeoGraph takes for numbers that are left out. */
const defaults: Policy = { maxRetries: 0, initialDelayMs: 100, backoffMultiplier: 2, maxDelayMs: 5000 };

const numberKeys = ["max_retries", "initial_delay_ms", "backoff_multiplier", "max_delay_ms"];
const intMax = 2 ** 31 - 1;

/** How each node's failures are retried: the node's own numbers, then the graph's. */
export class Retries {
  readonly #reader: Reader;
  readonly #ofGraph: Policy;

  constructor(reader: Reader, { retry }: Definition) {
    this.#reader = reader;
    this.#ofGraph = this.#read(retry, defaults, []);
  }

  /** Undefined: not at all. */
  of({ nodeRetries }: Definition, node: string): MessageInitShape<typeof RetryPolicySchema> | undefined {
    const own = nodeRetries.get(node);
    const policy = own === undefined ? this.#ofGraph : this.#read(own, this.#ofGraph, ownKeys);
    if (policy.maxRetries === 0) return undefined;
    return {
      maxAttempts: policy.maxRetries + 1,
      initialInterval: durationFromMs(policy.initialDelayMs),
      backoffFactor: policy.backoffMultiplier,
      maxInterval: durationFromMs(policy.maxDelayMs),
      noJitter: true,
    };
  }

  #read(place: Place, base: Policy, refused: string[]): Policy {
    const at = this.#reader.members(place, [...numberKeys, ...refused]);
    for (const key of refused) {
      const { path, tree } = at(key);
      if (tree !== undefined) this.#reader.fault(path, "can't be carried over");
    }
    const whole = (n: number) => Number.isInteger(n) && n >= 0 && n <= intMax;
    const count = (key: string) => this.#reader.number(at(key), whole, `must be a whole number from 0 to ${intMax}`);
    const factor = this.#reader.number(at("backoff_multiplier"), (n) => n > 0, "must be a number above 0");
    return {
      maxRetries: count("max_retries") ?? base.maxRetries,
      initialDelayMs: count("initial_delay_ms") ?? base.initialDelayMs,
      backoffMultiplier: factor ?? base.backoffMultiplier,
      maxDelayMs: count("max_delay_ms") ?? base.maxDelayMs,
    };
  }
}

/** What a node's own policy may say besides, and ours can't. */
const ownKeys = ["non_retryable", "max_visits", "error_text", "attempt_timeout_ms"];
