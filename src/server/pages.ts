import { limits } from "../limits.ts";

/** How many rows a page holds: AIP-158 takes too much for the most there is. */
export function pageSizeOf({ pageSize }: { pageSize: number }): number {
  return pageSize === 0 ? limits.pageSizeDefault : Math.min(pageSize, limits.pageSizeMax);
}
