import type { RunnableConfig } from "@langchain/core/runnables";
import { Code } from "../code.ts";
import { CairnClientError } from "../error.ts";

/** What a config says about where to read or write; undefined is what it does not say. */
export interface Place {
  threadId?: string;
  namespace?: string;
  checkpointId?: string;
}

/** A checkpoint by its name. */
export interface CheckpointName {
  threadId: string;
  namespace: string;
  checkpointId: string;
}

/** Reads a config. Throws INVALID_ARGUMENT for what is no text. `thread_ts` is an older name of `checkpoint_id`. */
export function placeOf({ configurable = {} }: RunnableConfig): Place {
  return {
    threadId: textOf(configurable, "thread_id"),
    namespace: textOf(configurable, "checkpoint_ns"),
    checkpointId: textOf(configurable, "checkpoint_id") || textOf(configurable, "thread_ts") || undefined,
  };
}

/** The config that names a checkpoint. */
export function configOf({ threadId, namespace, checkpointId }: CheckpointName) {
  return { configurable: { thread_id: threadId, checkpoint_ns: namespace, checkpoint_id: checkpointId } };
}

/** A part of the config that the call can't do without. Throws INVALID_ARGUMENT. */
export function required(value: string | undefined, name: string): string {
  if (value !== undefined && value !== "") return value;
  throw invalidConfig(name, "is missing");
}

function textOf(configurable: Record<string, unknown>, name: string): string | undefined {
  const value = configurable[name] ?? undefined;
  if (value === undefined || typeof value === "string") return value;
  throw invalidConfig(name, `must be a string, not ${typeof value}`);
}

function invalidConfig(name: string, what: string): CairnClientError {
  const field = `config.configurable.${name}`;
  const violations = [{ field, description: what }];
  return new CairnClientError({ code: Code.InvalidArgument, message: `${field} ${what}`, violations });
}
