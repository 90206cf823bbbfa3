import type { Event } from "../gen/cairn/v1/event_pb.ts";
import { limits } from "../limits.ts";

/**
 * Ephemeral events on their way to one reader. Each waits for its place between the durable ones. Of a reader that
 * does not keep up the oldest are lost, so that what waits for it has a limit.
 */
export class PassingEvents {
  readonly #waiting: Event[] = [];
  #bytes = 0;
  /** The durable event that the reader was given last, or that it asked to begin after. */
  #number: bigint;
  /** The epoch of the newest run that the reader knows of. */
  #epoch: bigint;

  constructor(number: bigint, epoch: bigint) {
    this.#number = number;
    this.#epoch = epoch;
  }

  add(event: Event): void {
    this.#waiting.push(event);
    this.#bytes += bytesOf(event);
    while (this.#waiting.length > limits.ephemeralEventsKeptMax || this.#bytes > limits.ephemeralBytesKeptMax) {
      this.#shift();
    }
  }

  /** Takes out those that belong before a durable event, which comes next. */
  *before(durable: Event): Generator<Event> {
    yield* this.upTo(durable.number - 1n);
    this.#number = durable.number;
    if (durable.body.case === "runStarted") this.#epoch = durable.body.value.epoch;
  }

  /** Takes out those whose durable event has a number up to this one. */
  *upTo(number: bigint): Generator<Event> {
    for (let first = this.#waiting[0]; first !== undefined && first.number <= number; first = this.#waiting[0]) {
      this.#shift();
      // A run that has lost its thread to another one may not know it yet.
      if ((first.ephemeral?.epoch ?? 0n) < this.#epoch) continue;
      // The log may show a record before the run that wrote it hears that it is there: what the run tells in between
      // comes after it. Its own number, which increases, stays.
      yield first.number < this.#number ? { ...first, number: this.#number } : first;
    }
  }

  #shift(): void {
    const event = this.#waiting.shift();
    if (event !== undefined) this.#bytes -= bytesOf(event);
  }
}

function bytesOf({ body }: Event): number {
  if (body.case === "messageToken") return body.value.messageId.length + body.value.text.length;
  const source = body.case === "custom" ? body.value.value?.source : undefined;
  return source?.case === "inline" ? source.value.data.length : 0;
}
