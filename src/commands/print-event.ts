import type { ThreadEvent } from "../../clients/typescript/src/index.ts";
import { jsonText } from "./json-text.ts";
import { failureJson, failureText } from "./print-state.ts";
import { columns, printable, short, style, styledStatus } from "./style.ts";

/** An event for programs: one flat object; names as in the API. */
export function eventJson(event: ThreadEvent): Record<string, unknown> {
  const { number, ephemeral, namespace, runId, at, raw: _raw, type, ...body } = event;
  const fields = Object.entries(body).map(([name, value]) => [
    name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    value,
  ]);
  return {
    number,
    ...(ephemeral && { ephemeral: { epoch: ephemeral.epoch, sub_number: ephemeral.subNumber } }),
    type,
    at,
    namespace,
    run_id: runId,
    ...Object.fromEntries(fields),
    ...("error" in event && event.error && { error: failureJson(event.error) }),
  };
}

/** An event for people: one line as wide as the terminal. */
export function eventText(event: ThreadEvent): string {
  const time = event.at?.toISOString().slice(11, 23) ?? "";
  const head = `${time}  ${event.number.toString().padStart(9)}  `;
  const type = event.type.padEnd(20);
  const where = event.namespace === "" ? "" : `[${printable(event.namespace)}] `;
  const width = Math.max(20, columns() - head.length - type.length - where.length);
  return `${style("dim", head)}${styledType(event, type)}${where}${styledBody(event, width)}`;
}

function styledType(event: ThreadEvent, text: string): string {
  if (event.type === "interrupt_raised" || event.type === "task_waiting") return style("yellow", text);
  if (event.type === "task_failed") return style("red", text);
  return style(event.ephemeral ? "dim" : "bold", text);
}

function styledBody(event: ThreadEvent, width: number): string {
  if (event.type !== "run_stopped") return short(bodyText(event), width);
  const why = event.error ? `: ${failureText(event.error)}` : "";
  const next = event.next.length > 0 ? ` · next ${event.next.join(", ")}` : "";
  return styledStatus(event.status) + short(why + next, width);
}

function bodyText(event: ThreadEvent): string {
  switch (event.type) {
    case "run_queued":
      return `behind ${event.before}`;
    case "run_started":
      return `${event.graphName}@${event.graphHash.slice(0, 12)} from ${event.checkpointId || "the beginning"}`;
    case "task_started":
      return event.node;
    case "task_finished": {
      const writes = event.updates.map(
        ({ channel, value, overwrite }) => `${channel}${overwrite ? ":=" : "="}${jsonText(value)}`,
      );
      return [event.node, ...writes].join("  ");
    }
    case "task_failed":
      return `${event.node}${event.error ? `: ${failureText(event.error)}` : ""}`;
    case "task_waiting":
      return `${event.node} waits for a worker that serves ${JSON.stringify(event.handler)}`;
    case "interrupt_raised":
      return `${event.node} asks ${jsonText(event.value)} (${event.interruptId})`;
    case "interrupt_answered":
      return event.interruptIds.join(", ");
    case "checkpoint_saved":
      return `${event.checkpointId} · step ${event.step} · ${event.source}${event.next.length > 0 ? ` · next ${event.next.join(", ")}` : ""}`;
    case "checkpoints_deleted":
      return event.checkpointIds.join(", ");
    case "custom":
      return `${event.node}  ${jsonText(event.value)}`;
    case "message_token":
      return `${event.node}  ${JSON.stringify(event.text)}`;
    case "writes_put":
      return `${event.checkpointId || "before any checkpoint"}: ${event.taskIds.join(", ")}`;
    default:
      return "";
  }
}
