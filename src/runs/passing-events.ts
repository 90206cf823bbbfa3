import type { Event } from "../gen/cairn/v1/event_pb.ts";
import { limits } from "../limits.ts";

/** Up to so many that wait, pieces of a message stay as they were told. */
const APART_MAX = 64;

/**
 * Ephemeral events on their way to one reader. Each waits for its place between the durable ones. For a reader that does
 * not keep up the pieces of a message are joined; then the oldest events are lost, so that what waits for it has a limit.
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
    const last = this.#waiting.at(-1);
    const joined = this.#waiting.length < APART_MAX || last === undefined ? undefined : join(last, event);
    if (joined === undefined) this.#waiting.push(event);
    else this.#waiting[this.#waiting.length - 1] = joined;
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

/** Two pieces of one message as one, in the later one's place; undefined when they are none, or too long for one. */
function join(first: Event, second: Event): Event | undefined {
  const [{ body: one }, { body: other }] = [first, second];
  if (one.case !== "messageToken" || other.case !== "messageToken") return undefined;
  const isSame =
    first.number === second.number &&
    first.ephemeral?.epoch === second.ephemeral?.epoch &&
    first.namespace === second.namespace &&
    one.value.taskId === other.value.taskId &&
    one.value.messageId === other.value.messageId;
  if (!isSame || bytesOf(first) + bytesOf(second) > limits.ephemeralEventBytesMax) return undefined;
  const value = { ...other.value, text: one.value.text + other.value.text };
  // The events themselves are shared by all readers.
  return { ...second, body: { case: "messageToken", value } };
}

function bytesOf({ body }: Event): number {
  if (body.case === "messageToken") return body.value.messageId.length + body.value.text.length;
  const source = body.case === "custom" ? body.value.value?.source : undefined;
  return source?.case === "inline" ? source.value.data.length : 0;
}
