import { ChannelKind, type SchemaMigration } from "../gen/cairn/v1/graph_pb.ts";
import { type Check, checkCel, checkChannelName, checkFunction, checkNodeName } from "./check.ts";
import { entry, item, member } from "./faults.ts";
import { nameFault } from "./names.ts";

/**
 * Migrations: each leads to a later version, one starts from each, and the last one leads to the graph's own. So there is
 * one way from each version, and none leads in a circle.
 */
export function checkMigrations(check: Check): void {
  const { schemaVersion, migrations } = check.spec;
  const starts = new Set(migrations.map(({ from }) => from));
  const seen = new Set<number>();
  for (const [i, migration] of migrations.entries()) {
    const { from, to } = migration;
    const path = item("migrations", i);
    const add = (field: string, message: string) => check.faults.add(member(path, field), message);
    if (to <= from) add("to", "must be later than `from`");
    if (to > schemaVersion) add("to", "is later than schema_version");
    else if (to < schemaVersion && !starts.has(to)) add("to", `no migration leads on from ${to} to schema_version`);
    if (seen.has(from)) add("from", "another migration starts from this version");
    seen.add(from);
    checkMigration(check, path, migration);
  }
}

function checkMigration(check: Check, path: string, migration: SchemaMigration): void {
  const { renameChannels, renameNodes, set, drop, module } = migration;
  // Of the versions between, nobody knows the channels and nodes any more.
  const isLast = migration.to === check.spec.schemaVersion;
  checkRenames(check, member(path, "rename_channels"), renameChannels, isLast ? checkChannelName : checkName);
  checkRenames(check, member(path, "rename_nodes"), renameNodes, isLast ? checkNodeName : checkName);
  for (const [i, channel] of drop.entries()) {
    const at = item(member(path, "drop"), i);
    if (Object.hasOwn(renameChannels, channel)) check.faults.add(at, "is renamed as well");
    checkName(check, at, channel);
  }
  const renamed = new Set(Object.values(renameChannels));
  for (const [channel, source] of Object.entries(set)) {
    const at = entry(member(path, "set"), channel);
    checkCel(check, at, source);
    if (renamed.has(channel)) check.faults.add(at, "another channel is renamed to it");
    if (!isLast) checkName(check, at, channel);
    else checkSet(check, at, channel);
  }
  if (module === undefined) return;
  const at = member(path, "module");
  if (module.function === "") check.faults.add(member(at, "function"), "must be named");
  else checkFunction(check, member(at, "function"), module.function);
  if (Object.keys(set).length + Object.keys(renameChannels).length + drop.length > 0) {
    check.faults.add(at, "excludes rename_channels, set and drop: the function makes the whole state");
  }
}

type CheckName = (check: Check, path: string, name: string) => void;

function checkName({ faults }: Check, path: string, name: string): void {
  const fault = nameFault(name);
  if (fault !== undefined) faults.add(path, fault);
}

function checkRenames(check: Check, path: string, renames: Record<string, string>, checkNew: CheckName): void {
  const taken = new Set<string>();
  for (const [old, name] of Object.entries(renames)) {
    const at = entry(path, old);
    checkName(check, at, old);
    checkNew(check, at, name);
    if (taken.has(name)) check.faults.add(at, `another one is renamed to ${JSON.stringify(name)} as well`);
    taken.add(name);
  }
}

function checkSet(check: Check, path: string, channel: string): void {
  checkChannelName(check, path, channel);
  const { channels } = check.spec;
  if (!Object.hasOwn(channels, channel)) return;
  if (channels[channel]?.kind === ChannelKind.UNTRACKED) {
    check.faults.add(path, "an untracked channel is never saved, so it can't be given a value");
  }
}
