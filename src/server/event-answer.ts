import { create, toBinary } from "@bufbuild/protobuf";
import type { Event } from "../gen/cairn/v1/event_pb.ts";
import { type StreamEventsResponse, StreamEventsResponseSchema } from "../gen/cairn/v1/run_service_pb.ts";
import type { ValueEntry } from "../gen/cairn/v1/value_pb.ts";
import { Encoded } from "./adapter.ts";

/** Of events that many readers are given as one object, what they are sent. */
const encoded = new WeakMap<Event, Encoded>();

/** What a reader is sent for an event: without values the same bytes for all of them, encoded once. */
export function eventAnswer(event: Event, values: ValueEntry[]): StreamEventsResponse | Encoded {
  if (values.length > 0) return create(StreamEventsResponseSchema, { event, values });
  const known = encoded.get(event);
  if (known !== undefined) return known;
  const answer = new Encoded(toBinary(StreamEventsResponseSchema, create(StreamEventsResponseSchema, { event })));
  encoded.set(event, answer);
  return answer;
}
