import { type Command, Option } from "commander";
import type { RunOptions } from "../../clients/typescript/src/index.ts";
import type { Session } from "./action.ts";
import { collect, type Flags, parseCount } from "./flags.ts";
import { readObject } from "./read-input.ts";

/** Flags of the commands that run a graph. */
export interface RunFlags extends Flags {
  graph?: string;
  graphHash?: string;
  checkpoint?: string;
  namespace?: string;
  recursionLimit?: number;
  interruptBefore?: string[];
  interruptAfter?: string[];
  metadata?: string;
  requestId?: string;
}

/** Flags of those that wait for a run, unless they are told not to. */
export interface WaitingFlags extends RunFlags {
  watch?: boolean;
  background?: boolean;
}

/** Adds them. */
export function addRunFlags(command: Command): Command {
  return command
    .option("--graph <name>", "the graph; without, the one the thread last ran")
    .option("--graph-hash <hash>", "this version of it; without, the latest")
    .option("--checkpoint <id>", "start from this checkpoint in place of the head: a fork")
    .option("--namespace <namespace>", "the subgraph that --checkpoint is of")
    .option("--recursion-limit <count>", "supersteps allowed (default: 25)", parseCount(1))
    .option("--interrupt-before <node>", "stop before this node, `*` for all; may be repeated", collect)
    .option("--interrupt-after <node>", "stop after this node, `*` for all; may be repeated", collect)
    .option("--metadata <json>", "a JSON object kept with the run's checkpoints; @FILE or - for stdin")
    .option("--request-id <id>", "the same id again within 24 hours gives the first answer");
}

/** Adds the flags of those that wait for a run. */
export function addWaitingFlags(command: Command): Command {
  return command
    .option("--watch", "show what happens as it happens")
    .addOption(new Option("--background", "don't wait: cairn wait does, cairn runs tells").conflicts("watch"));
}

/** What they say to the client. */
export async function runOptions(flags: RunFlags, { signal }: Session): Promise<RunOptions> {
  return {
    graph: flags.graph,
    graphHash: flags.graphHash,
    checkpointId: flags.checkpoint,
    namespace: flags.namespace,
    recursionLimit: flags.recursionLimit,
    interruptBefore: flags.interruptBefore,
    interruptAfter: flags.interruptAfter,
    metadata: flags.metadata === undefined ? undefined : await readObject(flags.metadata, "--metadata"),
    requestId: flags.requestId,
    signal,
  };
}
