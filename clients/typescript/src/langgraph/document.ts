// LangGraph's checkpoint and Cairn's, without their values: the same form that the server's own conversion gives.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Checkpoint as LanggraphCheckpoint } from "@langchain/langgraph-checkpoint";
import { type Checkpoint, type CheckpointSchema, Origin, ValuesLayout } from "../gen/cairn/v1/checkpoint_pb.ts";
import { type ChannelVersion, fromVersionMap, toVersionMap } from "./versions.ts";

type DocumentFields = Omit<
  MessageInitShape<typeof CheckpointSchema>,
  "$typeName" | "threadId" | "channelValues" | "metadata"
>;

/** Everything of a checkpoint but its values. Members that Cairn has no field for go into `extra`, as JSON. */
export function toDocument(checkpoint: LanggraphCheckpoint): DocumentFields {
  const { id, ts, v, channel_values: _, channel_versions, versions_seen, ...others } = checkpoint;
  const { updated_channels, ...rest } = others as { updated_channels?: string[] };
  const seen = Object.entries(versions_seen ?? {}).map(([node, versions]) => [node, toVersionMap(versions)] as const);
  return {
    origin: Origin.LANGGRAPH,
    valuesLayout: ValuesLayout.CHANNELS,
    id,
    createdAt: ts,
    formatVersion: v,
    channelVersions: toVersionMap(channel_versions ?? {}),
    versionsSeen: { nodes: Object.fromEntries(seen) },
    updatedChannels: Array.isArray(updated_channels) ? { names: updated_channels } : undefined,
    extra: Object.fromEntries(Object.entries(rest).flatMap(([name, value]) => extraOf(name, value))),
  };
}

/** The checkpoint as LangGraph.js has it, with the values that were read, and members that Cairn has no field for. */
export function fromDocument(
  checkpoint: Checkpoint,
  channelValues: Record<string, unknown>,
  extra: Checkpoint["extra"],
): LanggraphCheckpoint<string, string> {
  const { id, createdAt, formatVersion, channelVersions, versionsSeen, updatedChannels } = checkpoint;
  const seen = Object.entries(versionsSeen?.nodes ?? {}).map(([node, map]) => [node, fromVersionMap(map)] as const);
  const document = {
    v: formatVersion ?? 1,
    id,
    ts: createdAt ?? "",
    channel_values: channelValues,
    channel_versions: channelVersions ? fromVersionMap(channelVersions) : {},
    versions_seen: Object.fromEntries(seen) as Record<string, Record<string, ChannelVersion>>,
    ...(updatedChannels && { updated_channels: updatedChannels.isNull ? null : updatedChannels.names }),
    ...Object.fromEntries(Object.entries(extra).flatMap(([key, bytes]) => memberOf(key, bytes))),
  };
  return document as LanggraphCheckpoint<string, string>;
}

/** Keys of `extra` that begin with one "!" are notes of the server's, so a member's name that does gets another. */
function extraOf(name: string, value: unknown): [string, Uint8Array][] {
  const text = JSON.stringify(value);
  return text === undefined ? [] : [[name.startsWith("!") ? `!${name}` : name, new TextEncoder().encode(text)]];
}

function memberOf(key: string, bytes: Uint8Array): [string, unknown][] {
  if (key.startsWith("!") && !key.startsWith("!!")) return [];
  return [[key.startsWith("!!") ? key.slice(1) : key, JSON.parse(new TextDecoder().decode(bytes))]];
}
