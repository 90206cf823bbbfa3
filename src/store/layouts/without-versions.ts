import type { Record } from "../../gen/cairn/store/v1/record_pb.ts";
import type { Checkpoint } from "../../gen/cairn/v1/checkpoint_pb.ts";

/** A record as layout 4 has it: versions that are a value are not told in the checkpoint again. What prunes ask of them is. */
export function withoutVersions(record: Record): Record {
  const { checkpoint, versions } = record;
  if (!checkpoint || !versions) return record;
  return { ...record, checkpoint: { ...checkpoint, versionsSeen: undefined, channelVersions: ofDeltas(checkpoint) } };
}

function ofDeltas({ channelVersions, deltaCounters }: Checkpoint): Checkpoint["channelVersions"] {
  const all = Object.entries(channelVersions?.versions ?? {});
  const told = all.filter(([channel]) => Object.hasOwn(deltaCounters, channel));
  return channelVersions && told.length > 0 ? { ...channelVersions, versions: Object.fromEntries(told) } : undefined;
}
