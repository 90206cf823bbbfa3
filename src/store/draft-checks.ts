import { CairnError } from "../errors.ts";
import type { Record } from "../gen/cairn/store/v1/record_pb.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import { checkpointKey } from "./keys.ts";
import type { Log, Row, ThreadKey } from "./log.ts";
import { decodeRow } from "./record-codec.ts";
import type { Draft, ThreadTail } from "./store.ts";
import { parseRef, valueNotFound } from "./value-ref.ts";

/** The row whose checkpoint has the id of the one to be put. */
export interface Conflict {
  row: Row;
  record: Record;
  seq: number;
}

/**
 * Checks what a draft asks of its thread, in one round trip and in none where nothing has to be asked. Throws
 * HEAD_MISMATCH, CHECKPOINT_EXISTS, VALUE_NOT_FOUND.
 */
export async function lookUp(
  log: Log,
  key: ThreadKey,
  thread: ThreadTail,
  draft: Draft,
  { unknownRefs, lacksKey }: { unknownRefs: string[]; lacksKey: (lookup: string) => boolean },
): Promise<Conflict | undefined> {
  const { checkpoint, expectedHead } = draft;
  const positions = new Set(unknownRefs.map((ref) => placeIn(thread, ref)));
  const mayBeThere = checkpoint && thread.exists && !draft.hasFreshId && !lacksKey(checkpointKey(checkpoint.id));
  const keys = mayBeThere ? [checkpointKey(checkpoint.id)] : [];
  const asksHead = checkpoint !== undefined && expectedHead !== undefined;
  const [found, head] = await Promise.all([
    positions.size + keys.length > 0 ? log.gather(key, { positions: [...positions], parts: [], keys }) : undefined,
    asksHead ? headOf(log, key, thread, checkpoint.namespace) : undefined,
  ]);
  if (asksHead && head !== (expectedHead ?? "")) throw headMismatch(head ?? "");
  checkRefs(key, unknownRefs, found?.rows ?? []);
  const row = found?.keyed.find(
    ({ checkpoint: other }) => other?.id === checkpoint?.id && other?.namespace === checkpoint?.namespace,
  );
  if (!row?.checkpoint) return undefined;
  if (draft.onConflict === "fail") throw checkpointExists(row.checkpoint.id);
  return { row, record: decodeRow(key, row), seq: row.checkpoint.seq };
}

/** The position a reference names, which must lie within the thread as it now is. */
function placeIn(thread: ThreadTail, ref: string): number {
  const { n } = parseRef(ref);
  if (!thread.exists || n > thread.n || n <= Number(thread.tail.floor)) throw valueNotFound(ref);
  return n;
}

function checkRefs(key: ThreadKey, refs: string[], rows: Row[]): void {
  const records = new Map(rows.map((row) => [row.n, decodeRow(key, row)]));
  for (const ref of refs) {
    const { n, index } = parseRef(ref);
    if (!records.get(n)?.values[index]?.storage.case) throw valueNotFound(ref);
  }
}

/** The id of a namespace's head, "" when it has none. */
async function headOf(log: Log, key: ThreadKey, thread: ThreadTail, namespace: string): Promise<string> {
  if (!thread.exists) return "";
  if (namespace === "") return thread.tail.headCheckpointId;
  const [row] = await log.checkpoints(key, { namespace, order: "seq", tags: [], limit: 1 });
  return row?.checkpoint?.id ?? "";
}

function headMismatch(head: string): CairnError {
  const found = head === "" ? "there is none" : `it is ${JSON.stringify(head)}`;
  return new CairnError(ErrorReason.HEAD_MISMATCH, `the head is not the one expected: ${found}`, {
    metadata: { head },
  });
}

function checkpointExists(id: string): CairnError {
  return new CairnError(ErrorReason.CHECKPOINT_EXISTS, `checkpoint ${JSON.stringify(id)} exists`, {
    metadata: { checkpoint_id: id },
  });
}
