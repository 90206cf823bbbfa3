import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { type Letter, LetterSchema } from "../../gen/cairn/store/v1/letter_pb.ts";
import type { Post, PostedLetter } from "../../store/post.ts";
import { workerTerms } from "../terms.ts";

/** A letter that is worth less than the room it takes when many wait. */
function isProgress({ content }: Letter): boolean {
  return content.case === "up" && content.value.message.case === "progress";
}

/**
 * The letters of one server: those that it writes go out in order, those that it gets are read once and in order. A letter
 * that does not come in time is passed over: `onGap` hears whose it was.
 */
export class Postbox {
  readonly #post: Post;
  readonly #server: string;
  readonly #outgoing: PostedLetter[] = [];
  /** Of the letters to each server, how many there have been. */
  readonly #sent = new Map<string, number>();
  /** Of the letters of each server, how many have been read; while one is missing, how often it was looked for. */
  readonly #read = new Map<string, { n: number; misses: number }>();
  #sending: Promise<void> | undefined;

  constructor(post: Post, server: string) {
    this.#post = post;
    this.#server = server;
  }

  /** Letters that wait to be sent. */
  get waiting(): number {
    return this.#outgoing.length;
  }

  write(to: string, init: MessageInitShape<typeof LetterSchema>): void {
    const letter = create(LetterSchema, init);
    if (isProgress(letter) && this.#outgoing.length >= workerTerms.lettersWaitingMax) return;
    const body = toBinary(LetterSchema, letter);
    const n = (this.#sent.get(to) ?? 0) + 1;
    this.#sent.set(to, n);
    this.#outgoing.push({ from: this.#server, to, n, body });
  }

  /** Sends what waits. Throws STORE_UNAVAILABLE; what waits then waits on. */
  async send(): Promise<void> {
    this.#sending ??= this.#sendAll().finally(() => (this.#sending = undefined));
    await this.#sending;
  }

  /** Reads what has come, and tells how much it was. Throws STORE_UNAVAILABLE. */
  async fetch(hear: (from: string, letter: Letter) => void, onGap: (from: string) => void): Promise<number> {
    let count = 0;
    for (;;) {
      const come = await this.#post.fetch(this.#server, workerTerms.lettersAtOnce);
      const done = come.filter((letter) => this.#hear(letter, hear, onGap));
      count += done.length;
      if (done.length > 0) await this.#post.remove(done);
      if (done.length === 0 || come.length < workerTerms.lettersAtOnce) return count;
    }
  }

  async #sendAll(): Promise<void> {
    while (this.#outgoing.length > 0) {
      const batch = this.#outgoing.slice(0, workerTerms.lettersAtOnce);
      await this.#post.send(batch);
      this.#outgoing.splice(0, batch.length);
    }
  }

  /** False: it has to wait for one that comes before it. */
  #hear({ from, n, body }: PostedLetter, hear: (from: string, letter: Letter) => void, onGap: (from: string) => void) {
    const read = this.#read.get(from) ?? { n: 0, misses: 0 };
    this.#read.set(from, read);
    if (n > read.n + 1) {
      if (++read.misses < workerTerms.letterMissesMax) return false;
      onGap(from);
    }
    read.misses = 0;
    // What could not be removed comes again.
    if (n <= read.n) return true;
    read.n = n;
    hear(from, fromBinary(LetterSchema, body));
    return true;
  }
}
