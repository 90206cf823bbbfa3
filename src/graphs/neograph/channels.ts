import { create, fromJson, type MessageInitShape } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import { ChannelKind, type ChannelSpecSchema } from "../../gen/cairn/v1/graph_pb.ts";
import { nameFault } from "../names.ts";
import { toJson, Unheld } from "../tree-json.ts";
import { celLiteral, celText } from "./cel-literal.ts";
import type { Channel, Definition } from "./definition.ts";
import type { Place, Reader } from "./reader.ts";

/** The channel of NeoGraph's that has a reserved name, and what it is called here. */
export const ROUTE = "__route__";
export const routeChannel = "route";

/** A first value is written in CEL, whose text is limited. */
const literalMax = 4096;

/** What becomes of NeoGraph's channels. */
export interface Channels {
  channels: Record<string, MessageInitShape<typeof ChannelSpecSchema>>;
  /** Channel to the CEL that gives it its first value, for channels whose kind can't start with one. */
  initial: Record<string, string>;
}

const kinds: ReadonlyMap<string, ChannelKind> = new Map([
  ["overwrite", ChannelKind.LAST_VALUE],
  ["append", ChannelKind.APPEND],
]);

export function importChannels(reader: Reader, { channels }: Definition): Channels {
  const result: Channels = { channels: Object.create(null), initial: Object.create(null) };
  for (const [name, channel] of channels) {
    const { path, reducer } = channel;
    const ours = name === ROUTE ? routeChannel : name;
    const fault = nameFault(ours);
    if (fault !== undefined) reader.fault(path, fault);
    if (name === ROUTE && channels.has(routeChannel))
      reader.fault(path, "would be called route, as another channel is");
    else if (name === ROUTE) reader.note(path, "is called route here: names that begin with __ are reserved");
    const kind = kinds.get(reducer.name);
    if (kind === undefined) {
      reader.fault(
        reducer.path,
        `there is nothing like the reducer ${JSON.stringify(reducer.name)}: only overwrite and append`,
      );
      continue;
    }
    result.channels[ours] = { kind };
    guarded(reader, channel.initial, () => setInitial(reader, result, ours, channel, kind));
  }
  return result;
}

/** NeoGraph's channels without a first value hold null, ours hold nothing: a node finds nothing in either. */
function setInitial(reader: Reader, result: Channels, name: string, { initial }: Channel, kind: ChannelKind): void {
  const { path, tree } = initial;
  if (tree === undefined || tree === null) return;
  if (kind === ChannelKind.APPEND) {
    if (!Array.isArray(tree)) reader.fault(path, "must be a list: NeoGraph's append drops anything else");
    else if (tree.length > 0)
      result.channels[name] = { kind, initial: create(ValueSchema, fromJson(ValueSchema, toJson(tree))) };
    return;
  }
  const [key, value] = [celText(name), celLiteral(tree)];
  if (value.length > literalMax) reader.fault(path, `is over the ${literalMax} characters that a first value may take`);
  // What the caller gives as input counts more.
  else result.initial[name] = `${key} in state ? state[${key}] : ${value}`;
}

/** A number that would not stay what it is becomes a fault. */
export function guarded<T>(reader: Reader, place: Place, convert: () => T): T | undefined {
  try {
    return convert();
  } catch (thrown) {
    if (!(thrown instanceof Unheld)) throw thrown;
    return reader.fault(place.path, thrown.message);
  }
}
