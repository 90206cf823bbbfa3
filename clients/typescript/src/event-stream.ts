import { Code } from "./code.ts";
import { CairnClientError } from "./error.ts";
import { type EventValue, type ThreadEvent, toEvent, ValueRef, valuesOf } from "./event.ts";
import { EventCursor } from "./event-cursor.ts";
import { fetchValues } from "./fetch-values.ts";
import { type StreamEventsResponse, StreamMode } from "./gen/cairn/v1/run_service_pb.ts";
import type { TypedValue, Value } from "./gen/cairn/v1/value_pb.ts";
import { valueNamed } from "./names.ts";
import { abortedError, backoffMs, isConnectionLoss, wait } from "./retry.ts";
import type { CallOptions } from "./service-calls.ts";
import type { ThreadContext } from "./thread.ts";
import { toClientError } from "./to-client-error.ts";
import { ValueTable } from "./value-table.ts";
import { decode } from "./values/typed-value.ts";

/** A view of the event log. Starts and stops of runs are in every view. */
export type StreamModeName = Lowercase<Exclude<keyof typeof StreamMode, "UNSPECIFIED">>;

/** Which events, and until when. */
export interface EventOptions extends CallOptions {
  /** Events with a greater number. 0: from the oldest kept. Default: from now on. */
  after?: bigint | number;
  /** Views. Default: everything. */
  modes?: StreamModeName[];
  /** Only this namespace ("" is the root graph) and, with `depth`, those below it. Default: all. */
  namespace?: string;
  /** Levels below `namespace`, or below the root graph. Default: 0 with `namespace`, else all. */
  depth?: number;
  /** End when the log's present end is reached. */
  untilNow?: boolean;
  /** End after this run stops. */
  untilRunStops?: string;
  /** End after any run stops. Runs start and stop in the root graph: a `namespace` that leaves it out does not end. */
  untilStop?: boolean;
  /** Decode the values that events refer to. Default true; false leaves `ValueRef`s. */
  values?: boolean;
  /** How long to follow in all, in milliseconds; then DEADLINE_EXCEEDED. Default: for ever. */
  deadlineMs?: number;
}

/**
 * Follows a thread's events over as many streams as it takes. Remembers the last event given, asks for what comes
 * after it when a stream breaks, and drops what a server sends twice. Gives up when `streamsMax` streams in a row
 * bring nothing, and at once on errors that another attempt would meet again.
 */
export async function* followEvents(
  threadId: string,
  options: EventOptions,
  context: ThreadContext,
): AsyncGenerator<ThreadEvent> {
  const { environment, retry } = context.transport;
  const endsAtMs = environment.nowMs() + (options.deadlineMs ?? Number.POSITIVE_INFINITY);
  const cursor = new EventCursor(await startOf(threadId, options, context));
  let failures = 0;
  for (;;) {
    // A stream that ended well without reason to is one that its server closed: the next server has more.
    let error = new CairnClientError({ code: Code.Unavailable, message: "the server ended the stream" });
    const streamEndsAtMs = Math.min(endsAtMs, environment.nowMs() + context.transport.deadlines.runMs);
    const stream = oneStream(threadId, options, context, cursor, streamEndsAtMs);
    try {
      for await (const event of stream) {
        failures = 0;
        yield event;
        if (isLast(event, options)) return;
      }
      if (options.untilNow) return;
    } catch (thrown) {
      error = toClientError(thrown);
      if (options.signal?.aborted) throw abortedError(options.signal);
      // Each stream has a deadline of its own, so that no call is for ever; a quiet thread just takes another.
      const nowMs = environment.nowMs();
      if (error.code === Code.DeadlineExceeded && nowMs >= streamEndsAtMs && nowMs < endsAtMs) continue;
      if (!isConnectionLoss(error)) throw error;
    }
    failures++;
    const waitMs = backoffMs(failures, retry, environment.random);
    if (failures >= retry.streamsMax || environment.nowMs() + waitMs >= endsAtMs) throw error;
    await wait(environment, waitMs, options.signal);
  }
}

/** "From now on" as a number, so that what happens while a first stream breaks isn't lost. */
async function startOf(threadId: string, options: EventOptions, { services }: ThreadContext): Promise<bigint> {
  if (options.after !== undefined) return BigInt(options.after);
  const { thread } = await services.threads.getThread({ threadId }, { signal: options.signal });
  return thread?.lastEventNumber ?? 0n;
}

async function* oneStream(
  threadId: string,
  options: EventOptions,
  context: ThreadContext,
  cursor: EventCursor,
  endsAtMs: number,
): AsyncGenerator<ThreadEvent> {
  const { services, transport } = context;
  const { signal, namespace, depth, untilNow, untilRunStops } = options;
  const includeValues = options.values ?? true;
  const request = {
    threadId,
    after: cursor.after,
    modes: options.modes?.map((mode) => valueNamed(StreamMode, mode) ?? StreamMode.UNSPECIFIED),
    namespace,
    depth,
    untilNow,
    untilRunStops,
    includeValues,
  };
  const deadlineMs = endsAtMs - transport.environment.nowMs();
  const table = new ValueTable((refs) => fetchValues(services.checkpoints, threadId, refs, { signal }));
  for await (const response of services.runs.streamEvents(request, { signal, deadlineMs })) {
    const event = await eventOf(response, includeValues ? table : undefined);
    if (event && cursor.accept(event)) yield event;
  }
}

async function eventOf({ event, values }: StreamEventsResponse, table?: ValueTable): Promise<ThreadEvent | undefined> {
  if (!event) return undefined;
  const found = await table?.resolve(valuesOf(event), values);
  return toEvent(event, (value) => resolved(value, found));
}

function resolved(value: Value | undefined, found: Map<string, TypedValue> | undefined): EventValue {
  const { source } = value ?? {};
  if (source?.case === "inline") return decode(source.value);
  if (source?.case !== "ref") return null;
  const typed = found?.get(source.value);
  return typed ? decode(typed) : new ValueRef(source.value);
}

function isLast(event: ThreadEvent, { untilStop, untilRunStops }: EventOptions): boolean {
  if (event.type !== "run_stopped") return false;
  return untilStop === true || (untilRunStops !== undefined && event.runId === untilRunStops);
}
