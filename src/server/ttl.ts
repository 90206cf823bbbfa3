import { type Duration, durationMs } from "@bufbuild/protobuf/wkt";
import { invalidField } from "../errors.ts";
import { limits } from "../limits.ts";

/** A time to live in milliseconds; undefined when none is given. `zero` tells whether 0, for ever, may be asked for. */
export function ttlOf(ttl: Duration | undefined, zero: "zero" | "no zero"): number | undefined {
  if (ttl === undefined) return undefined;
  const ms = durationMs(ttl);
  if (ms === 0 && zero === "zero") return 0;
  if (ms >= limits.ttlMsMin && ms <= limits.ttlMsMax) return Math.trunc(ms);
  throw invalidField("ttl", "must be from 1 second to 100 years");
}
