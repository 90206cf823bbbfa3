import type { Cell } from "../engine/cell.ts";
import type { NewValues } from "../engine/migrate.ts";
import { type CompiledMigration, migrationFailed } from "../engine/migrations.ts";
import { limits } from "../limits.ts";
import type { ThreadKey } from "../store/store.ts";
import type { MigratingParts } from "./load-for-run.ts";

/** What a step's function makes of the old state. Throws MIGRATION_FAILED. */
export async function valuesByModule(
  { modules, environment }: MigratingParts,
  { thread }: ThreadKey,
  step: CompiledMigration,
  cells: ReadonlyMap<string, Cell>,
): Promise<NewValues> {
  const { function: name = "", params } = step.module ?? {};
  const failed = (why: string) => migrationFailed(step, `function ${JSON.stringify(name)}: ${why}`, { function: name });
  if (modules === undefined) throw failed("the server was started without a nodes module");
  const late = Promise.withResolvers<"late">();
  const cancelTimer = environment.clock.after(limits.migrationMs, () => late.resolve("late"));
  try {
    const { from, to } = step;
    const call = modules.migrate({ function: name, params, state: cells, context: { threadId: thread, from, to } });
    const outcome = await Promise.race([call, late.promise]);
    if (outcome === "late") throw failed(`did not return within ${limits.migrationMs} ms`);
    if ("failed" in outcome) throw failed(outcome.failed);
    const gone = [...cells.keys()].filter((channel) => !outcome.kept.has(channel) && !outcome.set.has(channel));
    return { set: outcome.set, drop: new Set(gone), read: "all" };
  } finally {
    cancelTimer();
  }
}
