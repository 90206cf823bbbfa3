// Puts checkpoints one after the other and says so after each: to be killed.
import { create } from "@bufbuild/protobuf";
import { CheckpointSchema } from "../../../src/gen/cairn/v1/checkpoint_pb.ts";
import { openStore } from "../../../src/store/open.ts";
import { systemEnvironment } from "../../../src/system/environment.ts";

const store = await openStore({ folder: process.argv[2] ?? "" }, systemEnvironment);
for (let index = 0; ; index++) {
  const checkpoint = create(CheckpointSchema, { id: `c${index}` });
  await store.update({ space: "s", thread: "t" }, async () => ({ checkpoint }));
  process.stdout.write(`${index}\n`);
}
