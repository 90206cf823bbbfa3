import { create, equals, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { Logger } from "pino";
import { type Letter, type Wants, WantsSchema } from "../../gen/cairn/store/v1/letter_pb.ts";
import { type Post, WANT_KEPT_MS } from "../../store/post.ts";
import type { Environment } from "../../system/environment.ts";
import { workerTerms } from "../terms.ts";
import type { WorkerHub } from "../worker-hub.ts";
import type { WorkerSession } from "../worker-session.ts";
import { Borrower } from "./borrower.ts";
import { Lender, type OthersWant } from "./lender.ts";
import { Postbox } from "./postbox.ts";

export interface PeersParts {
  hub: WorkerHub;
  post: Post;
  serverId: string;
  environment: Environment;
  log: Logger;
}

/**
 * The other servers of the store, as far as workers go: a task that waits here may go to a worker there, and the other way.
 * A server says in the store what it looks for; one that has it lends it, and the two write each other letters.
 */
export class Peers {
  readonly #parts: PeersParts;
  readonly #postbox: Postbox;
  readonly #lender: Lender;
  readonly #borrower: Borrower;
  /** What this server has said that it looks for, and when. */
  #said: Wants = create(WantsSchema);
  #saidAtMs = 0;
  #busyUntilMs = 0;
  #stopTimer = (): void => {};
  #round: Promise<void> | undefined;
  /** Something happened while it looked. */
  #isWoken = false;
  #isClosed = false;
  #isTroubled = false;

  constructor(parts: PeersParts) {
    const { hub, post, serverId, environment } = parts;
    this.#parts = parts;
    this.#postbox = new Postbox(post, serverId);
    this.#borrower = new Borrower(environment.clock, hub);
    this.#lender = new Lender(hub, environment.clock, (to, lending, content) =>
      this.#write(to, { lending, byLender: true, content }),
    );
  }

  /** What this server looks for, or has, is not what it was. */
  wake(): void {
    this.#isWoken = true;
    if (this.#isClosed || this.#round !== undefined) return;
    this.#stopTimer();
    // What a worker of this server's takes at once nobody else need know of.
    this.#stopTimer = this.#parts.environment.clock.after(workerTerms.lettersBusyMs, () => this.#look());
  }

  onRoom(): void {
    this.#lender.offer();
  }

  onGone(session: WorkerSession): void {
    this.#lender.dropSession(session);
    this.wake();
  }

  /** Looks no more, and sends what is still to be sent, as long as a store that is away does not keep it from stopping. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stopTimer();
    const { clock } = this.#parts.environment;
    const patience = new Promise<void>((resolve) => clock.after(workerTerms.farewellMs, resolve));
    await Promise.race([this.#sayFarewell(), patience]);
  }

  async #sayFarewell(): Promise<void> {
    await this.#round;
    try {
      if (this.#said.wants.length > 0) await this.#parts.post.want(this.#parts.serverId, undefined);
      await this.#postbox.send();
    } catch (thrown) {
      this.#parts.log.warn({ err: thrown }, "other servers could not be told of the end of this one");
    }
  }

  #look(): void {
    this.#isWoken = false;
    this.#round = this.#roundOnce().finally(() => {
      this.#round = undefined;
      if (this.#isClosed) return;
      const { clock } = this.#parts.environment;
      const isBusy = (this.#isBusy() || this.#isWoken) && !this.#isTroubled;
      const pauseMs = isBusy ? workerTerms.lettersBusyMs : workerTerms.lettersIdleMs;
      if (this.#isNeeded()) this.#stopTimer = clock.after(pauseMs, () => this.#look());
    });
  }

  /** Without workers, tasks that wait for one, and letters on their way there is nothing to look for. */
  #isNeeded(): boolean {
    const { hub } = this.#parts;
    return this.#isWoken || this.#isExpecting() || this.#postbox.waiting > 0 || hub.hasOwnWorkers();
  }

  /** Others may write. */
  #isExpecting(): boolean {
    return this.#isBusy() || this.#said.wants.length + this.#borrower.count + this.#lender.count > 0;
  }

  #isBusy(): boolean {
    return this.#parts.environment.clock.nowMs() < this.#busyUntilMs;
  }

  async #roundOnce(): Promise<void> {
    try {
      await this.#say();
      if (this.#isExpecting()) await this.#fetch();
      if (this.#parts.hub.hasOwnWorkers()) this.#lender.look(await this.#wanted());
      this.#lender.lookAfter();
      await this.#postbox.send();
      this.#isTroubled = false;
    } catch (thrown) {
      if (!this.#isTroubled) this.#parts.log.warn({ err: thrown }, "other servers' workers can't be reached");
      this.#isTroubled = true;
    }
  }

  async #say(): Promise<void> {
    const wants = create(WantsSchema, { wants: this.#parts.hub.wants() });
    const nowMs = this.#parts.environment.clock.nowMs();
    const isSaid = equals(WantsSchema, wants, this.#said);
    if (isSaid && (wants.wants.length === 0 || nowMs - this.#saidAtMs < WANT_KEPT_MS / 4)) return;
    const body = wants.wants.length === 0 ? undefined : toBinary(WantsSchema, wants);
    await this.#parts.post.want(this.#parts.serverId, body);
    this.#said = wants;
    this.#saidAtMs = nowMs;
    this.#beBusy();
  }

  async #wanted(): Promise<OthersWant[]> {
    const wanted = await this.#parts.post.wanted(this.#parts.serverId);
    return wanted.flatMap(({ server, body }) => fromBinary(WantsSchema, body).wants.map((want) => ({ server, want })));
  }

  async #fetch(): Promise<void> {
    const onGap = (from: string): void => {
      this.#lender.endAllOf(from);
      this.#borrower.endAllOf(from);
    };
    const count = await this.#postbox.fetch((from, letter) => this.#hear(from, letter), onGap);
    if (count > 0) this.#beBusy();
  }

  #hear(from: string, letter: Letter): void {
    const { lending, byLender } = letter;
    const answer = (content: Letter["content"]): void => this.#write(from, { lending, byLender: !byLender, content });
    if (byLender) this.#borrower.hear(from, letter, answer);
    else this.#lender.hear(from, letter, answer);
  }

  #write(to: string, letter: Pick<Letter, "lending" | "byLender" | "content">): void {
    this.#postbox.write(to, letter);
    this.#beBusy();
    // All that is written in this turn goes together.
    queueMicrotask(() => this.#postbox.send().catch(() => this.wake()));
  }

  #beBusy(): void {
    this.#busyUntilMs = this.#parts.environment.clock.nowMs() + workerTerms.lettersBusyForMs;
  }
}
