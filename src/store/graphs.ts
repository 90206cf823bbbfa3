import { invalidField } from "../errors.ts";
import type { GraphRecord } from "../gen/cairn/store/v1/record_pb.ts";
import type { GraphRow, Log } from "./log.ts";
import { isText, pageSizeOf, pageTokens } from "./page-token.ts";
import { decodeGraph, encodeGraph, LAYOUT } from "./record-codec.ts";

export interface StoredGraph {
  revision: number;
  graph: GraphRecord;
}

/** Makes a graph the latest of its name, as a new revision unless it is that already. */
export async function putGraph(log: Log, space: string, graph: GraphRecord) {
  const name = graph.spec?.name;
  if (!name) throw invalidField("graph.name", "must not be empty");
  const body = encodeGraph(graph);
  for (;;) {
    const latest = await log.getGraph(space, name);
    // Nothing is put behind what this build can't read.
    if (latest) decodeGraph(latest);
    if (latest?.hash === graph.hash) return { revision: latest.revision, created: false };
    const revision = (latest?.revision ?? 0) + 1;
    const outcome = await log.putGraph(space, { name, hash: graph.hash, revision, layout: LAYOUT, body });
    if (outcome === "put") return { revision, created: true };
  }
}

export async function getGraph(log: Log, space: string, name: string, hash?: string): Promise<StoredGraph | undefined> {
  const row = await log.getGraph(space, name, hash);
  return row && storedGraph(row);
}

/** The latest graph of each name, by name. */
export async function listGraphs(log: Log, space: string, pageSize: number, pageToken: string) {
  const tokens = pageTokens(["graphs", space], isText);
  const limit = pageSizeOf(pageSize);
  const found = await log.listGraphs(space, tokens.read(pageToken) ?? "", limit + 1);
  const page = found.slice(0, limit);
  const last = page.at(-1);
  return { graphs: page.map(storedGraph), nextPageToken: found.length > limit && last ? tokens.write(last.name) : "" };
}

/** The names of spaces that hold anything. */
export async function listSpaces(log: Log, pageSize: number, pageToken: string) {
  const tokens = pageTokens(["spaces"], isText);
  const limit = pageSizeOf(pageSize);
  const found = await log.spaces(tokens.read(pageToken) ?? "", limit + 1);
  const spaces = found.slice(0, limit);
  const last = spaces.at(-1);
  return { spaces, nextPageToken: found.length > limit && last !== undefined ? tokens.write(last) : "" };
}

function storedGraph(row: GraphRow): StoredGraph {
  return { revision: row.revision, graph: decodeGraph(row) };
}
