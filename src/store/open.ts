import type { Environment } from "../system/environment.ts";
import { openEmbeddedLog } from "./embedded/embedded-log.ts";
import { LogStore, type StoreOptions } from "./log-store.ts";
import type { Store } from "./store.ts";

/** Where a store is: a folder of this machine's, or a MongoDB replica set or sharded cluster. */
export type StoreLocation = { folder: string } | { uri: string; database?: string };

/** Opens a store and finishes what a stopped process left in it. Throws CairnError. */
export async function openStore(
  location: StoreLocation,
  environment: Environment,
  options?: StoreOptions,
): Promise<Store> {
  if ("folder" in location)
    return new LogStore(await openEmbeddedLog(location.folder, environment), environment, options);
  // Loaded when asked for: the embedded store then starts without the driver.
  const { openMongoLog } = await import("./mongodb/mongodb-log.ts");
  return new LogStore(await openMongoLog(location, environment), environment, options);
}
