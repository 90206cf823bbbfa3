import type { SchemaMigration } from "../gen/cairn/v1/graph_pb.ts";
import { branchTo, isControl, joinChannel } from "./names.ts";

type Names = Pick<SchemaMigration, "renameChannels" | "renameNodes">;

/** What a migration calls nodes and channels, the engine's own channels included. */
export class Renames {
  /** New node name by the old one. */
  readonly nodes: ReadonlyMap<string, string>;
  readonly #channels: ReadonlyMap<string, string>;

  constructor({ renameChannels, renameNodes }: Names) {
    this.nodes = new Map(Object.entries(renameNodes));
    this.#channels = new Map(Object.entries(renameChannels));
  }

  node(name: string): string {
    return this.nodes.get(name) ?? name;
  }

  channel(name: string): string {
    return isControl(name) ? this.#control(name) : (this.#channels.get(name) ?? name);
  }

  /** Triggers and barriers are named after nodes. */
  #control(name: string): string {
    const [kind, middle = "", last] = name.split(":");
    if (kind === "branch" && middle === "to" && last !== undefined) return branchTo(this.node(last));
    if (isBarrier(name) && last !== undefined) {
      const from = middle.split("|").map((node) => this.node(node));
      return joinChannel(from, this.node(last));
    }
    return name;
  }
}

/** Whether a channel waits for nodes: what it holds, and what is written to it, are nodes' names. */
export function isBarrier(channel: string): boolean {
  return channel.startsWith("join:");
}
