import type { Cell } from "../engine/cell.ts";
import { versionsOf } from "../engine/checkpoint.ts";
import type { CompiledGraph } from "../engine/graph.ts";
import {
  migrate,
  type NewValues,
  type SavedState,
  type StepChanges,
  savedState,
  stateCells,
} from "../engine/migrate.ts";
import { type CompiledMigration, migrationFailed, migrationsFrom, schemaMismatch } from "../engine/migrations.ts";
import { valueFault, valuesByCel } from "../engine/new-values.ts";
import type { CellSource } from "../engine/task-status.ts";
import { prepareTasks } from "../engine/tasks.ts";
import type { StoredCheckpoint, ThreadKey } from "../store/store.ts";
import { cellSource, graphMismatch, type Loaded, loadedFrom, loadState, refuseForeign } from "./load.ts";
import { valuesByModule } from "./migrate-by-module.ts";
import type { RunParts } from "./parts.ts";

export type MigratingParts = Pick<RunParts, "modules" | "environment">;

/**
 * Decodes a checkpoint for a graph that is to go on from it. One of an older schema_version is migrated in memory: what
 * is stored stays as it is. Throws SCHEMA_MISMATCH, MIGRATION_FAILED, and what `loadState` throws.
 */
export async function loadForRun(
  parts: MigratingParts,
  graph: CompiledGraph,
  key: ThreadKey,
  namespace: string,
  stored: StoredCheckpoint | undefined,
): Promise<Loaded> {
  if (stored === undefined) return loadState(graph, key, namespace, stored);
  refuseForeign(key, stored);
  const steps = stepsTo(graph, stored);
  if (steps.length === 0) return loadState(graph, key, namespace, stored);
  const cellOf = cellSource(stored);
  let saved = savedState(stored.checkpoint, stored.writes);
  const changes: StepChanges[] = [];
  for (const step of steps) {
    const values = await newValues(parts, key, step, stateCells(saved, cellOf));
    const taken = migrate(saved, step, values, cellOf);
    saved = taken.saved;
    changes.push(taken.changes);
  }
  refuseValues(graph, steps, saved, cellOf);
  const loaded = loadedFrom(graph, stored, saved, cellOf);
  loaded.state.kept = saved.kept;
  refuseForgotten(loaded, saved);
  const previousVersions = versionsOf(stored.checkpoint.channelVersions);
  loaded.migrated = { writes: [...saved.writes], previousVersions, steps: changes, missed: saved.missed };
  return loaded;
}

/** A graph's migrations are for states of its own. */
function stepsTo(graph: CompiledGraph, { checkpoint }: StoredCheckpoint): CompiledMigration[] {
  const { schemaVersion = 0, graphName = graph.name } = checkpoint;
  if (graphName === graph.name || schemaVersion === graph.spec.schemaVersion)
    return migrationsFrom(graph, schemaVersion);
  const why = `it is a state of graph ${JSON.stringify(graphName)}, which ${JSON.stringify(graph.name)} has no migrations for`;
  throw schemaMismatch(schemaVersion, graph.spec.schemaVersion, why);
}

async function newValues(
  parts: MigratingParts,
  key: ThreadKey,
  step: CompiledMigration,
  cells: ReadonlyMap<string, Cell>,
): Promise<NewValues> {
  return step.module === undefined ? valuesByCel(step, cells) : valuesByModule(parts, key, step, cells);
}

/** What has been computed must be what the graph's channels can go on from. */
function refuseValues(graph: CompiledGraph, steps: CompiledMigration[], saved: SavedState, cellOf: CellSource): void {
  const last = steps.at(-1) as CompiledMigration;
  for (const [channel, value] of Object.entries(saved.checkpoint.channelValues)) {
    const spec = Object.hasOwn(graph.spec.channels, channel) ? graph.spec.channels[channel] : undefined;
    if (spec === undefined || value.source.case !== "inline") continue;
    const fault = valueFault(spec, cellOf(value));
    if (fault !== undefined) throw migrationFailed(last, `channel ${JSON.stringify(channel)}: ${fault}`, { channel });
  }
}

/** Every task that was due must be due still. */
function refuseForgotten({ state }: Loaded, { kept }: SavedState): void {
  const due = new Set(prepareTasks(state).map(({ path }) => path));
  const forgotten = [...kept.tasks].find(([path]) => !due.has(path));
  if (forgotten === undefined) return;
  throw graphMismatch(state.graph, "node", forgotten[1].node, "waits to run");
}
