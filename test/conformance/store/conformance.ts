import { describe } from "vitest";
import { checkpointVersions } from "./checkpoint-versions.ts";
import { copying } from "./copying.ts";
import { deletion } from "./deletion.ts";
import { doctor } from "./doctor.ts";
import { events } from "./events.ts";
import { expiry } from "./expiry.ts";
import { fences } from "./fences.ts";
import { heads } from "./heads.ts";
import { histories } from "./histories.ts";
import { layouts } from "./layouts.ts";
import { filters, lists } from "./lists.ts";
import { model } from "./model.ts";
import { newer } from "./newer.ts";
import { patches } from "./patches.ts";
import { pruning } from "./pruning.ts";
import { puts } from "./puts.ts";
import { requests } from "./requests.ts";
import { graphs, spaces } from "./spaces.ts";
import { type Backend, useBackend } from "./support.ts";
import { threads } from "./threads.ts";
import { values } from "./values.ts";
import { versions } from "./versions.ts";
import { writes } from "./writes.ts";

/** What every store must do, whatever it is built on. */
export function storeConformance(name: string, factory: () => Promise<Backend>): void {
  describe(`store conformance: ${name}`, () => {
    const context = useBackend(factory);
    for (const part of [
      puts,
      heads,
      writes,
      requests,
      lists,
      histories,
      filters,
      values,
      patches,
      checkpointVersions,
      events,
      threads,
      deletion,
    ])
      part(context);
    for (const part of [pruning, copying, expiry, versions, spaces, graphs, fences, newer, layouts, doctor, model])
      part(context);
  });
}
