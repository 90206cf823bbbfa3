/** Brings those who play at the same time together between two steps of theirs, so that something can happen to all. */
export class Lockstep {
  readonly #act: () => Promise<void>;
  #playing: number;
  #waiting: PromiseWithResolvers<void>[] = [];

  constructor(playing: number, act: () => Promise<void>) {
    this.#playing = playing;
    this.#act = act;
  }

  /** One has made its step. Resolves when all others have, too, and the act is over. */
  arrive(): Promise<void> {
    const turn = Promise.withResolvers<void>();
    this.#waiting.push(turn);
    this.#check();
    return turn.promise;
  }

  /** One is at its end. */
  leave(): void {
    this.#playing--;
    this.#check();
  }

  #check(): void {
    if (this.#waiting.length === 0 || this.#waiting.length < this.#playing) return;
    const all = this.#waiting;
    this.#waiting = [];
    this.#act().then(
      () => all.forEach(({ resolve }) => void resolve()),
      (fault) => all.forEach(({ reject }) => void reject(fault)),
    );
  }
}
