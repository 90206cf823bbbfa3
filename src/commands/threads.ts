import { type Command, InvalidArgumentError, Option } from "commander";
import type { ThreadInfo, ThreadStatusName } from "../../clients/typescript/src/index.ts";
import { act } from "./action.ts";
import { addFlags, collect, type Flags, parseCount } from "./flags.ts";
import { jsonText, parseJson } from "./json-text.ts";
import { columns, moment, printable, short, spanText, styledStatus, table } from "./style.ts";

const help = `
The one created last comes first. --meta compares a top-level key of the thread's metadata; the value is JSON, or
text if it is not: --meta user=ada, --meta vip=true, --meta 'number="42"'.

Examples:
  $ cairn threads --status interrupted
  $ cairn threads --meta user=ada --limit 500 --json
`;

interface ThreadsFlags extends Flags {
  status?: ThreadStatusName;
  meta?: string[];
  limit: number;
}

/** `cairn threads` */
export function addThreads(program: Command): Command {
  const statuses = ["idle", "busy", "interrupted", "failed"];
  const command = program
    .command("threads")
    .description("list threads")
    .addOption(new Option("--status <status>", "only threads that are doing this").choices(statuses))
    .option("--meta <key=value>", "only threads with this in their metadata; may be repeated", collectPair)
    .option("--limit <count>", "at most so many", parseCount(1), 50);
  return addFlags(command).addHelpText("after", help).action(threads);
}

function threads(flags: ThreadsFlags): Promise<void> {
  return act(flags, async ({ client, output, signal, progress }) => {
    const metadata = Object.fromEntries((flags.meta ?? []).map(pairOf));
    const { status, limit } = flags;
    const rows: string[][] = [];
    let count = 0;
    progress.start(() => `${count} threads`);
    for await (const thread of client.threads.list({ status, metadata, pageSize: Math.min(limit, 500), signal })) {
      if (output.json) output.result(infoJson(thread), () => "");
      else rows.push(rowOf(thread));
      if (++count >= limit) break;
    }
    if (output.json) return undefined;
    if (count === 0) output.note("no threads");
    else output.line(table(["THREAD", "STATUS", "GRAPH", "STEP", "CHANGED", "TTL", "METADATA"], rows));
    return undefined;
  });
}

function infoJson(thread: ThreadInfo): Record<string, unknown> {
  return {
    id: thread.id,
    status: thread.status,
    metadata: thread.metadata,
    created_at: thread.createdAt,
    updated_at: thread.updatedAt,
    graph_name: thread.graphName,
    head_checkpoint_id: thread.headCheckpointId,
    head_step: thread.headStep,
    run_id: thread.runId,
    last_event_number: thread.lastEventNumber,
    ...(thread.ttlMs !== undefined && { ttl_ms: thread.ttlMs }),
  };
}

function rowOf(thread: ThreadInfo): string[] {
  const { id, status, graphName, headCheckpointId, headStep, updatedAt, ttlMs, metadata } = thread;
  return [
    printable(id),
    styledStatus(status),
    printable(graphName),
    headCheckpointId === "" ? "" : String(headStep),
    moment(updatedAt),
    ttlMs === undefined ? "" : spanText(ttlMs),
    short(jsonText(metadata), Math.max(20, columns() - 80)),
  ];
}

function collectPair(text: string, before?: string[]): string[] {
  if (!/^[^=]+=/.test(text)) throw new InvalidArgumentError("Expected key=value.");
  return collect(text, before);
}

function pairOf(text: string): [key: string, value: unknown] {
  const at = text.indexOf("=");
  const value = text.slice(at + 1);
  try {
    return [text.slice(0, at), parseJson(value, "--meta")];
  } catch {
    return [text.slice(0, at), value];
  }
}
