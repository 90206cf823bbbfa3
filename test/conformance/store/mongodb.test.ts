import { randomUUID } from "node:crypto";
import { MongoClient } from "mongodb";
import { inject } from "vitest";
import { openMongoLog } from "../../../src/store/mongodb/mongodb-log.ts";
import { storeConformance } from "./conformance.ts";

storeConformance("mongodb", async () => {
  const uri = inject("mongoUri");
  const database = `cairn_test_${randomUUID().replaceAll("-", "")}`;
  return {
    open: (environment) => openMongoLog({ uri, database }, environment),
    close: async () => {
      const client = await MongoClient.connect(uri);
      await client.db(database).dropDatabase();
      await client.close();
    },
  };
});
