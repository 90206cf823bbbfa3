import { uuid5 } from "@langchain/langgraph-checkpoint";
import type { Checkpoint } from "../gen/cairn/v1/checkpoint_pb.ts";
import { fromVersionMap } from "./versions.ts";

const [PULL, PUSH] = ["__pregel_pull", "__pregel_push"];

/**
 * The ids that LangGraph.js gives to tasks of the outermost graph, for those that LangGraph for Python has given: a task that
 * has finished there does not run again here. Both make them from the same things (LangGraph.js 1.4, `pregel/algo`); the
 * path of a task says which one it is. What is not certainly the other's stays as it is.
 */
export function ownTaskIds(checkpoint: Checkpoint, sends: unknown): (taskId: string, taskPath: string) => string {
  const { id, namespace, step } = checkpoint;
  if (namespace !== "" || step === undefined) return (taskId) => taskId;
  const idOf = (node: string, kind: string, which: unknown) =>
    uuid5(JSON.stringify([node, `${step + 1n}`, node, kind, which]), id);
  const ownOf = (taskPath: string): string[] => {
    const node = taskPath.match(/^~__pregel_pull, ([^,]+)(, 0{10})?$/)?.[1];
    if (node !== undefined) return firedFirst(checkpoint, node).map((channel) => idOf(node, PULL, [channel]));
    const index = taskPath.match(/^~__pregel_push, (\d{10})(, 0{10})?$/)?.[1];
    const send = index !== undefined && Array.isArray(sends) ? sends[Number(index)] : undefined;
    return typeof send?.node === "string" ? [idOf(send.node, PUSH, `${Number(index)}`)] : [];
  };
  // A task has several writes.
  const known = new Map<string, string[]>();
  return (taskId, taskPath) => {
    const own = known.get(taskPath) ?? ownOf(taskPath);
    known.set(taskPath, own);
    // The id itself when it is one that this LangGraph could have given, else the likeliest of those.
    return own.includes(taskId) ? taskId : (own[0] ?? taskId);
  };
}

/** The channels by which a node of a StateGraph may have been triggered; those that it has not seen come first. */
function firedFirst({ channelVersions, versionsSeen }: Checkpoint, node: string): string[] {
  const triggers = Object.keys(channelVersions?.versions ?? {}).filter(
    (channel) => channel === `branch:to:${node}` || (channel.startsWith("join:") && channel.endsWith(`:${node}`)),
  );
  if (triggers.length < 2) return triggers;
  const [versions, seen] = [channelVersions, versionsSeen?.nodes[node]].map((map) => (map ? fromVersionMap(map) : {}));
  const isNew = (channel: string) => versions?.[channel] !== seen?.[channel];
  return [...triggers.filter(isNew), ...triggers.filter((channel) => !isNew(channel))];
}
