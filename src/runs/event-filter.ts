import type { Event } from "../gen/cairn/v1/event_pb.ts";
import { type StreamEventsRequest, StreamMode } from "../gen/cairn/v1/run_service_pb.ts";
import { isOfLifecycle } from "../store/keys.ts";

type Case = NonNullable<Event["body"]["case"]>;

const views: Partial<Record<StreamMode, Case[]>> = {
  [StreamMode.VALUES]: ["checkpointSaved"],
  [StreamMode.UPDATES]: ["taskFinished", "interruptRaised"],
  [StreamMode.TASKS]: ["taskStarted", "taskFinished", "taskFailed", "interruptRaised"],
  [StreamMode.CHECKPOINTS]: ["checkpointSaved", "checkpointsDeleted"],
  [StreamMode.MESSAGES]: ["messageToken"],
  [StreamMode.CUSTOM]: ["custom"],
};

type Wanted = (event: Event) => boolean;

/** Which events a reader asks for. Events keep their numbers whatever is left out. */
export function filterOf(request: StreamEventsRequest): Wanted {
  const isOfMode = modeFilter(request.modes);
  const isInside = namespaceFilter(request);
  return (event) => isInside(event) && isOfMode(event);
}

function modeFilter(modes: StreamMode[]): Wanted {
  if (modes.length === 0 || modes.includes(StreamMode.DEBUG)) return () => true;
  const cases = new Set<string | undefined>(modes.flatMap((mode) => views[mode] ?? []));
  return ({ body }) => isOfLifecycle(body.case) || cases.has(body.case);
}

function namespaceFilter({ namespace, depth }: StreamEventsRequest): Wanted {
  const base = namespace ?? "";
  const levels = depth ?? (namespace === undefined ? Number.POSITIVE_INFINITY : 0);
  if (base === "" && levels === Number.POSITIVE_INFINITY) return () => true;
  const deepest = levelOf(base) + levels;
  const isBelow = (other: string): boolean => base === "" || other.startsWith(`${base}|`);
  return ({ namespace: other }) => other === base || (isBelow(other) && levelOf(other) <= deepest);
}

/** 0 for the root graph, and one more for each part: `node:task|inner:task` is 2. */
function levelOf(namespace: string): number {
  return namespace === "" ? 0 : namespace.split("|").length;
}

/** The event that a reader has asked to stop at. */
export function isTheEnd(event: Event, { untilRunStops }: StreamEventsRequest): boolean {
  return untilRunStops !== "" && event.runId === untilRunStops && event.body.case === "runStopped";
}
