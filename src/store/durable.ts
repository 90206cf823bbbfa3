import type { Environment } from "../system/environment.ts";

/**
 * Every act by which something becomes durable. Whoever adds one names it here and does it inside `durably`: a test
 * kills the server before and after each of them, and fails when it meets one that is not here or misses one that is.
 */
export const durablePoints = {
  embedded: [
    "tables",
    "graph",
    "parts",
    "keep-parts",
    "remove-parts",
    "append",
    "rewrite",
    "copy",
    "truncate",
    "expire",
    "remove",
    "delete-graphs",
    "migrate",
  ],
  mongodb: [
    "tables",
    "graph",
    "parts",
    "keep-parts",
    "remove-parts",
    "append",
    "rewrite",
    "copy",
    "summaries",
    "truncate",
    "expire",
    "delete-graphs",
    "migrate",
  ],
} as const;

export type DurablePoint = (typeof durablePoints)[keyof typeof durablePoints][number];

/** Makes something durable, and tells the environment just before and just after. */
export function durably<Result>(
  { onDurable }: Environment,
  point: DurablePoint,
  write: () => Promise<Result>,
): Promise<Result> {
  return onDurable === undefined ? write() : told(onDurable, point, write);
}

async function told<Result>(
  onDurable: NonNullable<Environment["onDurable"]>,
  point: DurablePoint,
  write: () => Promise<Result>,
): Promise<Result> {
  await onDurable(point, "before");
  const result = await write();
  await onDurable(point, "after");
  return result;
}
