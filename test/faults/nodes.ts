/** The nodes of the story that is told while servers die. Each leaves "RUN TASK begins" and "… ends" in a file. */
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { NodeContext, NodeState } from "../../src/runs/modules/api.ts";

function leave({ params, runId, taskId }: NodeContext, what: string): void {
  appendFileSync(join(String(params.folder), "traces"), `${runId} ${taskId} ${what}\n`);
}

/** Sends each item to a task of its own. */
export function plan(state: NodeState, context: NodeContext): unknown {
  leave(context, "begins");
  const items = state.items as string[];
  return context.command({ goto: items.map((item, index) => context.send("work", { item, index })) });
}

/** Takes the longer the later its item comes, so that results are saved one after the other. The first is large. */
export async function work({ item, index }: NodeState, context: NodeContext): Promise<unknown> {
  leave(context, "begins");
  await sleep(1 + Number(index) * 8);
  leave(context, "ends");
  return { log: [item], ...(index === 0 && { large: "x".repeat(400_000) }) };
}

/** Asks a person. */
export function approve(_state: NodeState, context: NodeContext): unknown {
  leave(context, "begins");
  return { log: [`approved: ${String(context.interrupt("may it go?"))}`] };
}

/** Just runs. */
export function finish(_state: NodeState, context: NodeContext): unknown {
  leave(context, "begins");
  return { log: ["finished"], count: 1 };
}

/** Writes its run's tag to two channels. Asks before it does, if it is told to. */
export async function mark(state: NodeState, context: NodeContext): Promise<unknown> {
  leave(context, "begins");
  await sleep(3);
  const tag = state.asks === true ? context.interrupt("which tag?") : state.tag;
  return { tag, a: tag, b: tag };
}
