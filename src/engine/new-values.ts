import { CairnError } from "../errors.ts";
import { ChannelKind, type ChannelSpec } from "../gen/cairn/v1/graph_pb.ts";
import { Float, isPlainMap, type Plain } from "../values/value.ts";
import type { Program, StateView } from "./cel.ts";
import { CelFailure } from "./cel-budget.ts";
import { Cell } from "./cell.ts";
import { reducedBy } from "./graph.ts";
import type { NewValues } from "./migrate.ts";
import { type CompiledMigration, migrationFailed } from "./migrations.ts";
import { oversize } from "./size.ts";
import { viewOf } from "./state.ts";

/** What a step's expressions make of the old values. Throws MIGRATION_FAILED. */
export function valuesByCel(migration: CompiledMigration, cells: ReadonlyMap<string, Cell>): NewValues {
  const read = new Set<string>();
  const view = traced(viewOf(cells), read);
  const computed = migration.set.map(([channel, program]): [string, Cell] => {
    return [channel, evaluate(migration, channel, program, view)];
  });
  return { set: new Map(computed), drop: migration.drop, read };
}

function evaluate(migration: CompiledMigration, channel: string, program: Program, view: StateView): Cell {
  try {
    return Cell.of(program.evaluate(view));
  } catch (thrown) {
    if (!(thrown instanceof CelFailure || thrown instanceof CairnError)) throw thrown;
    const why = `channel ${JSON.stringify(channel)}: ${thrown.message} (in ${JSON.stringify(program.source)})`;
    throw migrationFailed(migration, why, { channel });
  }
}

/** A view that notes which channels an expression looks at. */
function traced(view: StateView, read: Set<string>): StateView {
  return {
    keys() {
      const names = [...view.keys()];
      for (const name of names) read.add(name);
      return names;
    },
    has(channel) {
      read.add(channel);
      return view.has(channel);
    },
    get(channel) {
      read.add(channel);
      return view.get(channel);
    },
  };
}

/** Why a channel can't hold a value that a migration computed; undefined when it can. */
export function valueFault(spec: ChannelSpec, cell: Cell): string | undefined {
  const kind = spec.kind === ChannelKind.TOPIC ? ChannelKind.APPEND : reducedBy(spec);
  const form = forms.get(kind);
  if (form !== undefined && !form.holds(cell.value)) return `must be ${form.what}`;
  return oversize(cell.typed.data.length);
}

const isNumber = (value: Plain): boolean => ["number", "bigint"].includes(typeof value) || value instanceof Float;
const number = { what: "a number", holds: isNumber };

/** What the reducers go on from. */
const forms = new Map<ChannelKind, { what: string; holds(value: Plain): boolean }>([
  [ChannelKind.ADD, number],
  [ChannelKind.MAX, number],
  [ChannelKind.APPEND, { what: "a list", holds: Array.isArray }],
  [ChannelKind.MERGE, { what: "a map", holds: (value) => isPlainMap(value) || value instanceof Map }],
]);
