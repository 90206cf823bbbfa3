import { create } from "@bufbuild/protobuf";
import type { Checkpoint } from "../../../src/gen/cairn/v1/checkpoint_pb.ts";
import { VersionMapSchema, VersionsSeenSchema } from "../../../src/gen/cairn/v1/value_pb.ts";

const NODES = 200;

/** Of a graph of many nodes: each has a channel and has seen it, `step` of them once more. */
export function wideVersions(step: number): Pick<Checkpoint, "channelVersions" | "versionsSeen"> {
  const numberAt = (node: number) => `0000${1 + Math.floor((step + NODES - 1 - node) / NODES)}.0.5`;
  const names = Array.from({ length: NODES }, (_, node) => `branch:to:node ${node}`);
  const versions = names.map((name, node) => [name, stringVersion(numberAt(node))] as const);
  const seen = versions.map(([name, version]) => [
    name.slice("branch:to:".length),
    create(VersionMapSchema, { versions: { [name]: version } }),
  ]);
  return {
    channelVersions: create(VersionMapSchema, { versions: Object.fromEntries(versions) }),
    versionsSeen: create(VersionsSeenSchema, { nodes: Object.fromEntries(seen) }),
  };
}

const stringVersion = (value: string) => ({ number: { case: "stringValue" as const, value } });
