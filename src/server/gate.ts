import type { DescMethod } from "@bufbuild/protobuf";
import { AdminService } from "../gen/cairn/v1/admin_service_pb.ts";
import { type Authenticate, type Caller, checkSpace } from "./auth.ts";
import { type Call, type CallContext, callEnded, serverStopping, spaceOf } from "./context.ts";

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
    const controller = new AbortController();
    const onCancelled = () => controller.abort(callEnded());
    if (call.cancelled) onCancelled();
    call.on("cancelled", onCancelled);
    const streams = method.methodKind !== "unary";
    if (streams) this.#streams.add(controller);
    const deadline = call.getDeadline();
    return {
      context: { space, caller, signal: controller.signal, deadlineMs: Number(deadline) },
      end: () => {
        call.off("cancelled", onCancelled);
        if (streams) this.#streams.delete(controller);
      },
    };
  }

  /** Lets nobody in any more and ends the streams. Calls that are going may finish. */
  close(): void {
    this.#closed = true;
    for (const controller of this.#streams) controller.abort(serverStopping());
  }
}
