import type { Row } from "../log.ts";
import type { SqlRow } from "./database.ts";

/** The columns of a row, in the order that `rowColumns` gives their values. */
export const ROW_COLUMNS =
  "space, thread, n, attempt, namespace, checkpoint, seq, floor, expires_at, keys, tags, layout, body";

export function rowColumns(row: Row) {
  return [
    row.n,
    row.attempt,
    row.checkpoint?.namespace ?? null,
    row.checkpoint?.id ?? null,
    row.checkpoint?.seq ?? null,
    row.floor ? 1 : 0,
    row.expiresAtMs ?? null,
    JSON.stringify(row.keys),
    JSON.stringify(row.tags),
    row.layout,
    row.body,
  ];
}

export function rowOf(columns: SqlRow): Row {
  const { n, attempt, namespace, checkpoint, seq, floor, expires_at, keys, tags, layout, body } = columns;
  return {
    n: n as number,
    attempt: attempt as string,
    ...(checkpoint !== null && {
      checkpoint: { namespace: namespace as string, id: checkpoint as string, seq: seq as number },
    }),
    floor: floor === 1,
    keys: JSON.parse(keys as string) as string[],
    tags: JSON.parse(tags as string) as string[],
    layout: layout as number,
    body: body as Uint8Array,
    ...(expires_at !== null && { expiresAtMs: expires_at as number }),
  };
}
