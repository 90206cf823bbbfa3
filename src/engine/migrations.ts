import { CairnError } from "../errors.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import type { GraphSpec, SchemaMigration } from "../gen/cairn/v1/graph_pb.ts";
import { compileCel, type Program } from "./cel.ts";
import type { CompiledGraph } from "./graph.ts";
import { Renames } from "./renames.ts";

/** One step from a schema_version to a later one. */
export interface CompiledMigration {
  from: number;
  to: number;
  renames: Renames;
  set: [channel: string, Program][];
  drop: ReadonlySet<string>;
  /** In place of `set` and `drop`. */
  module?: { function: string; params: unknown };
}

/** By the version that each starts from. Expects what validation has passed. */
export function compileMigrations({ migrations }: GraphSpec): ReadonlyMap<number, CompiledMigration> {
  return new Map(migrations.map((migration) => [migration.from, compile(migration)]));
}

function compile(spec: SchemaMigration): CompiledMigration {
  const { from, to, set, drop, module } = spec;
  return {
    from,
    to,
    renames: new Renames(spec),
    set: Object.entries(set).map(([channel, source]) => [channel, compileCel(source)]),
    drop: new Set(drop),
    ...(module && { module: { function: module.function, params: module.params } }),
  };
}

/** The steps from a version to the graph's; none when it is that one. Throws SCHEMA_MISMATCH when none lead there. */
export function migrationsFrom({ name, spec, migrations }: CompiledGraph, from: number): CompiledMigration[] {
  const steps: CompiledMigration[] = [];
  let version = from;
  while (version !== spec.schemaVersion) {
    const next = migrations.get(version);
    if (next === undefined) throw schemaMismatch(from, spec.schemaVersion, whyNot(name, version, spec.schemaVersion));
    steps.push(next);
    version = next.to;
  }
  return steps;
}

function whyNot(graph: string, version: number, wanted: number): string {
  if (version > wanted) return "an older one can't go on from it";
  return `graph ${JSON.stringify(graph)} has no migration from ${version}`;
}

/** SCHEMA_MISMATCH, naming both versions. */
export function schemaMismatch(stored: number, graph: number, why: string): CairnError {
  return new CairnError(
    ErrorReason.SCHEMA_MISMATCH,
    `the state was saved under schema_version ${stored}, the graph has ${graph}: ${why}`,
    { metadata: { stored: String(stored), graph: String(graph) } },
  );
}

/** MIGRATION_FAILED, naming the step. */
export function migrationFailed(
  { from, to }: Pick<CompiledMigration, "from" | "to">,
  why: string,
  more: Record<string, string> = {},
): CairnError {
  return new CairnError(ErrorReason.MIGRATION_FAILED, `the migration from schema_version ${from} to ${to}: ${why}`, {
    metadata: { from: String(from), to: String(to), ...more },
  });
}
