// A log of its own with nothing in it.
import { openEmbeddedLog } from "../../../src/store/embedded/embedded-log.ts";
import type { Log } from "../../../src/store/log.ts";
import { openMongoLog } from "../../../src/store/mongodb/mongodb-log.ts";
import type { Environment } from "../../../src/system/environment.ts";
import { newStore, type StoreKind } from "../../support/stores.ts";

export interface NewLog extends AsyncDisposable {
  log: Log;
}

export async function openNewLog(kind: StoreKind, environment: Environment): Promise<NewLog> {
  const { location, remove } = await newStore(kind);
  const log = await ("folder" in location
    ? openEmbeddedLog(location.folder, environment)
    : openMongoLog(location, environment));
  return {
    log,
    async [Symbol.asyncDispose]() {
      await log.close();
      await remove();
    },
  };
}
