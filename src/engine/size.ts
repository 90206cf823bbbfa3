import { CairnError } from "../errors.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import { limits } from "../limits.ts";

/** What is wrong with the size of a value; undefined when it fits. */
export function oversize(sizeBytes: number): string | undefined {
  if (sizeBytes <= limits.nodeValueBytesMax) return undefined;
  return `the value has ${sizeBytes} bytes, the limit is ${limits.nodeValueBytesMax}`;
}

/** Refuses a value of a request that is over the limit. Throws VALUE_TOO_LARGE, naming field, channel and both sizes. */
export function checkSize(field: string, channel: string, sizeBytes: number): void {
  const fault = oversize(sizeBytes);
  if (fault === undefined) return;
  throw new CairnError(ErrorReason.VALUE_TOO_LARGE, `${field}: ${fault}`, {
    metadata: { field, channel, size_bytes: String(sizeBytes), limit_bytes: String(limits.nodeValueBytesMax) },
    violations: [{ field, description: `at most ${limits.nodeValueBytesMax} bytes` }],
  });
}
