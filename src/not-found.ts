import { CairnError } from "./errors.ts";
import { ErrorReason } from "./gen/cairn/v1/error_pb.ts";

// What callers name and nobody has: one message for each kind, whichever call meets it.

export function threadNotFound(threadId: string): CairnError {
  return new CairnError(ErrorReason.THREAD_NOT_FOUND, `there is no thread ${JSON.stringify(threadId)}`, {
    metadata: { thread_id: threadId },
  });
}

/** Where it was looked for: a thread and a namespace of it, or less when the call asked in more places. */
export interface CheckpointPlace {
  thread?: string;
  namespace?: string;
}

/** Without an id: the latest was asked for, and the namespace has none. */
export function checkpointNotFound(id: string | undefined, { thread, namespace }: CheckpointPlace): CairnError {
  const where = [
    namespace === undefined || namespace === "" ? "" : ` in namespace ${JSON.stringify(namespace)}`,
    thread === undefined ? "" : ` of thread ${JSON.stringify(thread)}`,
  ].join("");
  const what = id === undefined ? "there is no checkpoint" : `there is no checkpoint ${JSON.stringify(id)}`;
  return new CairnError(ErrorReason.CHECKPOINT_NOT_FOUND, `${what}${where}`, {
    metadata: {
      checkpoint_id: id ?? "",
      ...(thread !== undefined && { thread_id: thread }),
      ...(namespace !== undefined && { namespace }),
    },
  });
}

/** `hash` is empty when the name's latest was asked for. */
export function graphNotFound(name: string, hash: string): CairnError {
  const which = hash === "" ? "" : ` with hash ${hash}`;
  return new CairnError(ErrorReason.GRAPH_NOT_FOUND, `no graph ${JSON.stringify(name)}${which} is registered`, {
    metadata: hash === "" ? { graph: name } : { graph: name, hash },
  });
}
