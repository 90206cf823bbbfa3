// The few names that requests draw from, so that they meet what others have put, and what the server has answered.

import type { DescMessage } from "@bufbuild/protobuf";
import { type DescField, type Message, ScalarType } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import fc from "fast-check";

type Kind =
  | "thread"
  | "checkpoint"
  | "namespace"
  | "run"
  | "task"
  | "node"
  | "channel"
  | "graph"
  | "hash"
  | "ref"
  | "token"
  | "request"
  | "space"
  | "interrupt"
  | "created";

const first: Record<Kind, string[]> = {
  thread: ["t1", "t2", "__proto__", "a.b$c", "😀", "é", "constructor"],
  checkpoint: ["c1", "c2", "c3", "__proto__", "$where", "😀"],
  namespace: ["", "", "", "sub", "|node:1", "__proto__"],
  run: ["r1", "r2", "constructor"],
  task: ["task 1", "task 2", "", "__proto__"],
  node: ["a", "b", "a", "b", "ask", "__start__", "__end__", "__proto__"],
  channel: ["n", "log", "text", "map", "x", "n", "log", "branch:to:a", "branch:to:b", "__sends__", "a.b", "__proto__"],
  graph: ["steps", "asks", "g", "__proto__"],
  hash: ["", "", "", "0".repeat(64)],
  ref: ["1.0", "2.0", "3.1"],
  token: ["", "", ""],
  request: ["", "", "", "", "", "q1", "q2", "q3", "q4"],
  // Not "default", where most of it happens: deleting it would leave little to meet.
  space: ["s1", "s2", "s3"],
  interrupt: ["i"],
  created: ["2026-01-01T00:00:00.893586284Z", "", "yesterday"],
};

/** By the name of a field, whatever message it is in: a new field of an old name is drawn from the same pool. */
const kinds: Record<string, Kind> = {
  thread_id: "thread",
  thread_ids: "thread",
  new_thread_id: "thread",
  checkpoint_id: "checkpoint",
  parent_id: "checkpoint",
  ancestors_of: "checkpoint",
  before: "checkpoint",
  expected_head: "checkpoint",
  parents: "namespace",
  namespace: "namespace",
  run_id: "run",
  run_ids: "run",
  until_run_stops: "run",
  task_id: "task",
  as_node: "node",
  node: "node",
  current_node: "node",
  source_node: "node",
  next_nodes: "node",
  barrier_state: "node",
  nodes: "node",
  interrupt_before: "node",
  interrupt_after: "node",
  channel: "channel",
  channels: "channel",
  channel_values: "channel",
  values: "channel",
  versions: "channel",
  triggers: "channel",
  graph_name: "graph",
  graph_hash: "hash",
  hash: "hash",
  ref: "ref",
  held_refs: "ref",
  refs: "ref",
  base_ref: "ref",
  page_token: "token",
  next_page_token: "token",
  request_id: "request",
  space: "space",
  spaces: "space",
  by_id: "interrupt",
  interrupt_ids: "interrupt",
  created_at: "created",
};

/** `id` and `name` mean what their message is. */
const kindsOfMessages: Record<string, Kind> = {
  "cairn.v1.Checkpoint.id": "checkpoint",
  "cairn.v1.PendingTask.id": "task",
  "cairn.v1.PendingInterrupt.id": "interrupt",
  "cairn.v1.GetGraphRequest.name": "graph",
  "cairn.v1.DrawGraphRequest.name": "graph",
  "cairn.v1.MigrateThreadsRequest.name": "graph",
};

function kindOf(field: DescField): Kind | undefined {
  return kindsOfMessages[`${field.parent.typeName}.${field.name}`] ?? kinds[field.name];
}

/** Kinds of which answers tell new ones. The others stay few. */
const learned: readonly Kind[] = ["checkpoint", "run", "hash", "ref", "token", "interrupt"];
const learnedMax = 12;

export class Pools {
  readonly #known = structuredClone(first);

  /** A name for the field, or for its keys when it is a map; undefined when nothing is known of it. */
  of(field: DescField): fc.Arbitrary<string> | undefined {
    const kind = kindOf(field);
    return kind && this.any(kind);
  }

  any(kind: Kind): fc.Arbitrary<string> {
    const known = this.#known[kind];
    return fc.nat({ max: 1_000 }).map((index) => known[index % known.length] as string);
  }

  /** Remembers what an answer names. */
  learn(desc: DescMessage, answer: Message): void {
    this.#walk(reflect(desc, answer), 0);
  }

  #walk(message: ReflectMessage, depth: number): void {
    for (const field of message.fields) {
      if (!message.isSet(field)) continue;
      if (field.fieldKind === "scalar" && field.scalar === ScalarType.STRING) {
        const kind = kindOf(field);
        if (kind !== undefined) this.#add(kind, message.get(field) as string);
      } else if (field.fieldKind === "message" && depth < 5) {
        this.#walk(message.get(field) as ReflectMessage, depth + 1);
      } else if (field.fieldKind === "list" && field.listKind === "message" && depth < 5) {
        const last = [...message.get(field)].at(-1);
        if (last !== undefined) this.#walk(last as ReflectMessage, depth + 1);
      }
    }
  }

  /** The oldest of what was learned makes room. */
  #add(kind: Kind, name: string): void {
    const known = this.#known[kind];
    if (!learned.includes(kind) || name === "" || known.includes(name)) return;
    const kept = first[kind].length;
    if (known.length >= kept + learnedMax) known.splice(kept, 1);
    known.push(name);
  }
}
