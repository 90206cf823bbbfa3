import type { DescMethod } from "@bufbuild/protobuf";
import { AdminService } from "../gen/cairn/v1/admin_service_pb.ts";
import { WorkerService } from "../gen/cairn/v1/worker_service_pb.ts";
import { type Authenticate, type Caller, checkSpace } from "./auth.ts";
import { type Call, type CallContext, callEnded, serverStopping, spaceOf } from "./context.ts";

/** Hears that a call's caller is gone, once somebody wants to know: most calls are over too soon to ask. */
class Cancellation {
  readonly #call: Call;
  #controller: AbortController | undefined;
  readonly #onCancelled = () => this.#controller?.abort(callEnded());

  constructor(call: Call) {
    this.#call = call;
  }

  get controller(): AbortController {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      this.#call.on("cancelled", this.#onCancelled);
      if (this.#call.cancelled) this.#onCancelled();
    }
    return this.#controller;
  }

  end(): void {
    if (this.#controller !== undefined) this.#call.off("cancelled", this.#onCancelled);
  }
}

/** Admits calls: says who calls and in which space, ends calls whose caller is gone, and closes when the server stops. */
export class Gate {
  #closed = false;
  readonly #streams = new Set<AbortController>();
  readonly #authenticate: Authenticate;

  constructor(authenticate: Authenticate) {
    this.#authenticate = authenticate;
  }

  /** Says who calls. Throws when nobody may, or not this caller. */
  identify({ metadata }: Pick<Call, "metadata">): Caller {
    if (this.#closed) throw serverStopping();
    return this.#authenticate(metadata);
  }

  admit(call: Call, method: DescMethod): { context: CallContext; end(): void } {
    const caller = this.identify(call);
    const space = spaceOf(call.metadata);
    // The admin service is about all spaces; it asks for the caller's right to each one itself.
    if (method.parent.typeName !== AdminService.typeName) checkSpace(caller, space);
    const cancellation = new Cancellation(call);
    const context = {
      space,
      caller,
      get signal() {
        return cancellation.controller.signal;
      },
      get deadlineMs() {
        return Number(call.getDeadline());
      },
    };
    // The workers' streams go on while runs stop that wait for them, and are ended then.
    const endsByItself = method.methodKind === "unary" || method.parent.typeName === WorkerService.typeName;
    if (endsByItself) return { context, end: () => cancellation.end() };
    const { controller } = cancellation;
    this.#streams.add(controller);
    const end = () => {
      cancellation.end();
      this.#streams.delete(controller);
    };
    return { context, end };
  }

  /** Lets nobody in any more and ends the streams. Calls that are going may finish. */
  close(): void {
    this.#closed = true;
    for (const controller of this.#streams) controller.abort(serverStopping());
  }
}
