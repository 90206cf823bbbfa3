import type { Value } from "@bufbuild/protobuf/wkt";
import { reducedBy, reducerKinds } from "../engine/graph.ts";
import { ChannelKind, type ChannelSpec } from "../gen/cairn/v1/graph_pb.ts";
import type { Check } from "./check.ts";
import { entry, member } from "./faults.ts";
import { nameFault } from "./names.ts";

export function checkChannels(check: Check): void {
  for (const [name, channel] of Object.entries(check.spec.channels)) {
    const path = entry("channels", name);
    const fault = nameFault(name);
    if (fault !== undefined) check.faults.add(path, fault);
    checkChannel(check, path, channel);
  }
}

/** What a kind's initial value has to be; kinds that are missing here have none. */
const initials: Partial<Record<ChannelKind, { kind: Value["kind"]["case"]; what: string }>> = {
  [ChannelKind.ADD]: { kind: "numberValue", what: "a number" },
  [ChannelKind.APPEND]: { kind: "listValue", what: "a list" },
  [ChannelKind.MAX]: { kind: "numberValue", what: "a number" },
  [ChannelKind.MERGE]: { kind: "structValue", what: "a map" },
};

function checkChannel({ faults }: Check, path: string, channel: ChannelSpec): void {
  if (channel.kind === ChannelKind.UNSPECIFIED) faults.add(member(path, "kind"), "a channel needs a kind");
  else if (channel.kind > ChannelKind.DELTA) faults.add(member(path, "kind"), `there is no kind ${channel.kind}`);
  if (channel.initial !== undefined) {
    const wanted = initials[reducedBy(channel)];
    if (wanted === undefined) faults.add(member(path, "initial"), "only add, append, max, merge and delta have one");
    else if (channel.initial.kind.case !== wanted.kind) faults.add(member(path, "initial"), `must be ${wanted.what}`);
  }
  if (channel.reducer !== ChannelKind.UNSPECIFIED) {
    if (channel.kind !== ChannelKind.DELTA) faults.add(member(path, "reducer"), "only a delta channel has one");
    else if (!reducerKinds.has(channel.reducer)) {
      faults.add(member(path, "reducer"), "must be append, merge, add or max");
    }
  }
  if (channel.accumulate && channel.kind !== ChannelKind.TOPIC) {
    faults.add(member(path, "accumulate"), "only a topic accumulates");
  }
}
