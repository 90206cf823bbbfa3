import { Code } from "./code.ts";
import { CairnClientError } from "./error.ts";

const NODE_MIN = 22;

/** Older ones lack what JSON is read with, and would fail at the first answer, in words that help nobody. */
export function checkNodeVersion(version = process.versions.node): void {
  if (Number.parseInt(version, 10) >= NODE_MIN) return;
  throw new CairnClientError({
    code: Code.FailedPrecondition,
    message: `the client needs Node.js ${NODE_MIN} or later, this is ${version}`,
  });
}
