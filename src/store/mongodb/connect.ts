import { type CommandStartedEvent, MongoClient, type MongoClientOptions } from "mongodb";
import { CairnError } from "../../errors.ts";
import { ErrorReason } from "../../gen/cairn/v1/error_pb.ts";
import { toStoreError, unavailable } from "./errors.ts";

/** Unless the URI names others. Together they bound how long a call can hang on a server that is gone or frozen. */
const timeouts = {
  serverSelectionTimeoutMS: 5_000,
  connectTimeoutMS: 5_000,
  heartbeatFrequencyMS: 5_000,
  waitQueueTimeoutMS: 10_000,
  socketTimeoutMS: 30_000,
} as const;

export interface Connection {
  client: MongoClient;
  sharded: boolean;
}

/** Throws STORE_UNAVAILABLE when no primary answers in time, or when it stands alone. */
export async function connect(uri: string, onCommand?: (event: CommandStartedEvent) => void): Promise<Connection> {
  const client = clientOf(uri, onCommand !== undefined);
  if (onCommand) client.on("commandStarted", onCommand);
  try {
    await client.connect();
    const hello = await client.db("admin").command({ hello: 1 });
    const sharded = hello.msg === "isdbgrid";
    if (!sharded && !hello.setName) {
      throw unavailable(
        "this MongoDB server stands alone, but Cairn needs a replica set (start mongod with --replSet and initiate it; one member will do) or a sharded cluster",
      );
    }
    return { client, sharded };
  } catch (error) {
    await client.close().catch(() => {});
    throw toStoreError(error);
  }
}

function clientOf(uri: string, monitorCommands: boolean): MongoClient {
  const options: MongoClientOptions = {
    appName: "cairn",
    monitorCommands,
    // Every write settles its own outcome; the driver's way would hide how often it was sent.
    retryWrites: false,
    retryReads: true,
    ignoreUndefined: true,
  };
  const query = uri.slice(uri.indexOf("?") + 1).toLowerCase();
  for (const [name, value] of Object.entries(timeouts)) {
    if (!new RegExp(`(^|&)${name.toLowerCase()}=`).test(query)) Object.assign(options, { [name]: value });
  }
  try {
    return new MongoClient(uri, options);
  } catch (error) {
    // The driver's message may repeat the URI, and with it a password.
    throw new CairnError(ErrorReason.STORE_UNAVAILABLE, `this is no URI of a MongoDB: ${nameOf(error)}`, {
      cause: error,
    });
  }
}

function nameOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return /mongodb(\+srv)?:\/\/\S/.test(message) ? "it cannot be parsed" : message;
}
