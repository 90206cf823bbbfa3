import { toBinary } from "@bufbuild/protobuf";
import { VersionsSchema } from "../gen/cairn/store/v1/record_pb.ts";
import type { Checkpoint } from "../gen/cairn/v1/checkpoint_pb.ts";
import type { TypedValue } from "../gen/cairn/v1/value_pb.ts";
import { corrupt, decodeMessage } from "./record-codec.ts";
import { LINE_VALUE_BYTES_MIN } from "./value-cache.ts";

/**
 * The versions of a checkpoint, which name every channel and, for each node, every channel again, though a step changes few
 * of them. Where they are large they are a value of the record, and so stored as what changed since the checkpoint before.
 */

/** The channel that they count as: none that anyone would have. */
export const VERSIONS_CHANNEL = "\0versions";
const TYPE = "cairn.store.v1.Versions";

/** With fewer, they are not large. */
const COUNT_MIN = 16;

/** A checkpoint's versions as a value; undefined where they are small, and stand in the checkpoint itself. */
export function versionsValue({ channelVersions, versionsSeen }: Checkpoint): TypedValue | undefined {
  if (countOf({ channelVersions, versionsSeen }) < COUNT_MIN) return undefined;
  const data = toBinary(VersionsSchema, { $typeName: "cairn.store.v1.Versions", channelVersions, versionsSeen });
  return data.length < LINE_VALUE_BYTES_MIN ? undefined : { $typeName: "cairn.v1.TypedValue", type: TYPE, data };
}

function countOf({ channelVersions, versionsSeen }: Pick<Checkpoint, "channelVersions" | "versionsSeen">): number {
  let count = sizeOf(channelVersions?.versions);
  for (const seen of Object.values(versionsSeen?.nodes ?? {})) count += 1 + sizeOf(seen.versions);
  return count;
}

const sizeOf = (map: object = {}): number => Object.keys(map).length;

/** The checkpoint with the versions that the value holds. Throws DATA_CORRUPT. */
export function withVersions(checkpoint: Checkpoint, { type, data }: TypedValue): Checkpoint {
  const what = `the versions of checkpoint ${JSON.stringify(checkpoint.id)}`;
  if (type !== TYPE) throw corrupt(what, `they are a value of type ${JSON.stringify(type)}`);
  const { channelVersions, versionsSeen } = decodeMessage(VersionsSchema, data, what);
  return { ...checkpoint, channelVersions, versionsSeen };
}
