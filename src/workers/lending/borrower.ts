import { create } from "@bufbuild/protobuf";
import { toCairnError } from "../../errors.ts";
import type { Letter } from "../../gen/cairn/store/v1/letter_pb.ts";
import { WorkerHelloSchema } from "../../gen/cairn/v1/worker_service_pb.ts";
import type { Clock } from "../../system/environment.ts";
import { Outbox } from "../outbox.ts";
import type { WorkerHub } from "../worker-hub.ts";
import type { WorkerSession } from "../worker-session.ts";

/** Writes one letter about a lending. */
export type Answer = (content: Letter["content"]) => void;

interface Borrowed {
  session: WorkerSession;
  outbox: Outbox;
}

/** Workers of other servers, which this one's tasks are lent: to the hub each is one that is connected. */
export class Borrower {
  readonly #clock: Clock;
  readonly #hub: Pick<WorkerHub, "connect">;
  /** By lender and lending. */
  readonly #borrowed = new Map<string, Borrowed>();

  constructor(clock: Clock, hub: Pick<WorkerHub, "connect">) {
    this.#clock = clock;
    this.#hub = hub;
  }

  get count(): number {
    return this.#borrowed.size;
  }

  hear(from: string, { lending, content }: Letter, answer: Answer): void {
    const name = `${from} ${lending}`;
    const borrowed = this.#borrowed.get(name);
    if (content.case === "worker") this.#begin(name, content.value, answer);
    else if (borrowed === undefined) {
      if (content.case === "up") answer({ case: "ended", value: "the lending is not known" });
    } else if (content.case === "up") {
      try {
        borrowed.session.hear(content.value, borrowed.outbox);
      } catch (thrown) {
        borrowed.outbox.end(thrown);
      }
    } else if (content.case === "ended") this.#end(name, borrowed);
  }

  /** Letters of a server are lost: nothing that it lends can be relied on. */
  endAllOf(from: string): void {
    for (const [name, borrowed] of this.#borrowed) if (name.startsWith(`${from} `)) this.#end(name, borrowed);
  }

  #begin(name: string, { space, hello = create(WorkerHelloSchema) }: WorkerLent, answer: Answer): void {
    const outbox = new Outbox(this.#clock);
    try {
      const giveBack = (tasks: number): void => answer({ case: "spare", value: tasks });
      const session = this.#hub.connect(space, hello, outbox, giveBack);
      this.#borrowed.set(name, { session, outbox });
      // The terms are those of the worker's own server.
      outbox.send({ case: "welcome", value: {} });
      void this.#pass(name, outbox, answer);
    } catch (thrown) {
      answer({ case: "ended", value: toCairnError(thrown).message });
    }
  }

  /** Passes on what the worker is told, until its stream is ended here. */
  async #pass(name: string, outbox: Outbox, answer: Answer): Promise<void> {
    let why = "the borrower has ended it";
    try {
      for await (const message of outbox) answer({ case: "down", value: message });
    } catch (thrown) {
      why = toCairnError(thrown).message;
    }
    const borrowed = this.#borrowed.get(name);
    if (borrowed?.outbox !== outbox) return;
    this.#end(name, borrowed);
    answer({ case: "ended", value: why });
  }

  #end(name: string, { session, outbox }: Borrowed): void {
    this.#borrowed.delete(name);
    session.disconnect(outbox);
    outbox.end();
  }
}

type WorkerLent = Extract<Letter["content"], { case: "worker" }>["value"];
