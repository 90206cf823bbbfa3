import { CairnError } from "../errors.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import { limits } from "../limits.ts";
import { sha256 } from "../values/digest.ts";

/**
 * A page token says where the next page begins, and by a digest to which list it belongs. What it holds is
 * checked when it comes back: it only ever selects among rows that the caller may read anyway.
 */
export interface PageTokens<Position> {
  /** The position a token holds, undefined for the first page. Throws PAGE_TOKEN_INVALID. */
  read(token: string): Position | undefined;
  write(position: Position): string;
}

/** Tokens of one list: `query` is everything else that was asked for, `isPosition` tells what its positions look like. */
export function pageTokens<Position>(
  query: unknown[],
  isPosition: (position: unknown) => position is Position,
): PageTokens<Position> {
  const digest = sha256(JSON.stringify(query)).toString("base64url").slice(0, 16);
  return {
    read: (token) => {
      if (token === "") return undefined;
      const content = parse(token);
      if (!Array.isArray(content) || content[0] !== digest || !isPosition(content[1])) throw invalidToken();
      return content[1];
    },
    write: (position) => Buffer.from(JSON.stringify([digest, position])).toString("base64url"),
  };
}

export function isText(value: unknown): value is string {
  return typeof value === "string";
}

export function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value);
}

/** How many rows a page holds, of what was asked for. */
export function pageSizeOf(asked: number): number {
  return asked > 0 ? Math.min(asked, limits.pageSizeMax) : limits.pageSizeDefault;
}

function parse(token: string): unknown {
  try {
    return JSON.parse(Buffer.from(token, "base64url").toString());
  } catch {
    throw invalidToken();
  }
}

function invalidToken(): CairnError {
  return new CairnError(ErrorReason.PAGE_TOKEN_INVALID, "page_token does not belong to this list", {
    metadata: { field: "page_token" },
    violations: [{ field: "page_token", description: "must come from the same list's page before" }],
  });
}
