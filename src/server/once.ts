import { type DescMessage, fromBinary, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { CairnError, isRefusal } from "../errors.ts";
import type { Record } from "../gen/cairn/store/v1/record_pb.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import type { KnownRequest, RequestDraft, Store, ThreadKey, ThreadTail } from "../store/store.ts";
import { canonicalBytes } from "../values/canonical.ts";
import { sha256 } from "../values/digest.ts";

/** Any request that can be repeated. */
export type Repeatable = { requestId: string };

export interface OnceCall<I extends DescMessage, O extends DescMessage> {
  key: ThreadKey;
  method: string;
  input: I;
  request: MessageShape<I> & Repeatable;
  output: O;
  /**
   * Does the work, once. `stamp` is to be called while the draft is made, with the answer or with what makes it of
   * the finished record; what it returns belongs into the draft, so that effect and answer are committed in one act.
   * It throws when another server was faster with the same request, which then counts.
   */
  work(stamp: Stamp<O>): Promise<MessageShape<O>>;
  /** Fills in what is too large to be kept with the request; `n` is the position of the record that answered. */
  restore?(answer: MessageShape<O>, n: number): Promise<MessageShape<O>>;
}

/** An answer, or what makes it of the record that it is committed with. */
type Answer<O extends DescMessage> = MessageShape<O> | ((record: Record) => MessageShape<O>);

/** `after` is the thread's end behind which the draft is to stand, where it is known. */
export type Stamp<O extends DescMessage> = (answer: Answer<O>, after?: ThreadTail) => Promise<RequestDraft | undefined>;

/** Makes a repeated request return the first answer. One for each process: it knows which ones are still going. */
export class Requests {
  readonly #store: Store;
  readonly #going = new Map<string, { bodyHash: Buffer; answer: Promise<unknown> }>();

  constructor(store: Store) {
    this.#store = store;
  }

  async once<I extends DescMessage, O extends DescMessage>(call: OnceCall<I, O>): Promise<MessageShape<O>> {
    const id = call.request.requestId;
    if (id === "") return call.work(async () => undefined);
    const bodyHash = hashBody(call);
    const name = JSON.stringify([call.key.space, call.key.thread, id]);
    const before = this.#going.get(name);
    if (before !== undefined) {
      checkBody(id, before.bodyHash, bodyHash);
      return before.answer as Promise<MessageShape<O>>;
    }
    const answer = this.#first(call, id, bodyHash);
    this.#going.set(name, { bodyHash, answer });
    try {
      return await answer;
    } finally {
      this.#going.delete(name);
    }
  }

  async #first<I extends DescMessage, O extends DescMessage>(
    call: OnceCall<I, O>,
    id: string,
    bodyHash: Buffer,
  ): Promise<MessageShape<O>> {
    try {
      return await call.work(async (answer, after) => {
        const known = await this.#store.findRequest(call.key, id, after);
        if (known === undefined) return { id, bodyHash, answer: encoder(call.output, answer) };
        throw new AnsweredBefore(known);
      });
    } catch (thrown) {
      const known = thrown instanceof AnsweredBefore ? thrown.known : await this.#doneBefore(call, thrown);
      if (known === undefined) throw thrown;
      checkBody(id, known.bodyHash, bodyHash);
      // All answers here are committed with their effect, so a request without one is another method's.
      if (known.answer === undefined) throw reused(id);
      const answer = fromBinary(call.output, known.answer);
      return call.restore === undefined ? answer : await call.restore(answer, known.n);
    }
  }

  /** What is refused now, as the thread is held or has gone on, may have been done when it was first asked for. */
  async #doneBefore({ key, request }: Pick<OnceCall<DescMessage, DescMessage>, "key" | "request">, thrown: unknown) {
    return isRefusal(thrown) ? await this.#store.findRequest(key, request.requestId) : undefined;
  }
}

/** Leaves the making of a draft: nothing is to be written. */
class AnsweredBefore extends Error {
  readonly known: KnownRequest;

  constructor(known: KnownRequest) {
    super("answered before");
    this.known = known;
  }
}

function encoder<O extends DescMessage>(output: O, answer: Answer<O>): (record: Record) => Uint8Array {
  return (record) => toBinary(output, typeof answer === "function" ? answer(record) : answer);
}

export function hashBody<I extends DescMessage>(
  call: Pick<OnceCall<I, DescMessage>, "method" | "input" | "request">,
): Buffer {
  const body = { ...call.request, requestId: "" };
  return sha256(call.method, "\0", canonicalBytes(call.input, body));
}

function checkBody(id: string, before: Uint8Array, now: Uint8Array): void {
  if (Buffer.compare(before, now) !== 0) throw reused(id);
}

function reused(id: string): CairnError {
  return new CairnError(ErrorReason.REQUEST_ID_REUSED, "this request_id came with another request before", {
    metadata: { request_id: id },
    violations: [{ field: "request_id", description: "came with another request before" }],
  });
}
