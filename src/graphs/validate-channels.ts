import type { Value } from "@bufbuild/protobuf/wkt";
import { ChannelKind, type ChannelSpec } from "../gen/cairn/v1/graph_pb.ts";
import { type Check, notYet } from "./check.ts";
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

function checkChannel(check: Check, path: string, channel: ChannelSpec): void {
  const { faults } = check;
  if (channel.kind === ChannelKind.UNSPECIFIED) faults.add(member(path, "kind"), "a channel needs a kind");
  else if (channel.kind === ChannelKind.DELTA) notYet(check, member(path, "kind"), "delta channels are");
  else if (channel.kind > ChannelKind.DELTA) faults.add(member(path, "kind"), `there is no kind ${channel.kind}`);
  if (channel.initial !== undefined) {
    const wanted = initials[channel.kind];
    if (wanted === undefined) faults.add(member(path, "initial"), "only add, append, max and merge have one");
    else if (channel.initial.kind.case !== wanted.kind) faults.add(member(path, "initial"), `must be ${wanted.what}`);
  }
  if (channel.accumulate && channel.kind !== ChannelKind.TOPIC) {
    faults.add(member(path, "accumulate"), "only a topic accumulates");
  }
}
