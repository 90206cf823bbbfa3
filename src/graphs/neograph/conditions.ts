import type { JsonObject, MessageInitShape } from "@bufbuild/protobuf";
import type { BranchSchema } from "../../gen/cairn/v1/graph_pb.ts";
import { celText } from "./cel-literal.ts";
import { ROUTE, routeChannel } from "./channels.ts";
import type { Condition, Definition } from "./definition.ts";
import type { ImportOptions } from "./options.ts";

type Decide = MessageInitShape<typeof BranchSchema>["decide"];

/** The label that NeoGraph takes when no other fits. */
const otherwise = "default";

/** What decides in place of a condition. */
export function importCondition(definition: Definition, condition: Condition, options: ImportOptions): Decide {
  const labels = [...condition.routes.keys()];
  const { name } = condition.condition;
  const called = options.functions?.get(name);
  if (called === undefined && name === "route_channel") return { case: "cel", value: routeCel(definition, labels) };
  if (called === undefined && name === "has_tool_calls") return { case: "cel", value: toolCallsCel };
  // What a function gives has to be one of these: it can't be matched against them afterwards.
  const params: JsonObject = { labels };
  if (options.kind === "worker") return { case: "worker", value: { handler: called ?? name, params } };
  return { case: "module", value: { function: called ?? name, params } };
}

/** The text that the channel holds; `default` when there is none, or when it is no label and there is a default. */
function routeCel({ channels }: Definition, labels: string[]): string {
  if (!channels.has(ROUTE)) return celText(otherwise);
  const held = `state.${routeChannel}`;
  const exact = labels.filter((label) => label !== otherwise).map(celText);
  const isLabel = labels.includes(otherwise) ? ` && ${held} in [${exact.join(", ")}]` : "";
  return `has(${held}) && type(${held}) == string${isLabel} ? ${held} : ${celText(otherwise)}`;
}

/** A call is open when more messages make it than answer it: an id may come again once it is answered. */
const toolCallsCel = [
  "has(state.messages) && state.messages.exists(m, has(m.tool_calls) && m.tool_calls.exists(call,",
  "  state.messages.filter(made, has(made.tool_calls) && made.tool_calls.exists(c, c.id == call.id)).size() >",
  "  state.messages.filter(done, has(done.tool_call_id) && done.tool_call_id == call.id).size()))",
].join("\n");
