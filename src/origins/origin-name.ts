import { Origin } from "../gen/cairn/v1/checkpoint_pb.ts";

const names = new Map<Origin, string>([
  [Origin.NATIVE, "native"],
  [Origin.LANGGRAPH, "langgraph"],
  [Origin.JUNCTURE, "juncture"],
  [Origin.NEOGRAPH, "neograph"],
]);

/** As errors name it. */
export function originName(origin: Origin): string {
  return names.get(origin) ?? "unknown";
}
