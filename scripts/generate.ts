// `npm run generate`: brings the generated code up to date with the .proto files.
import { apply, differences } from "./generated.ts";

const changed = differences();
for (const difference of changed) {
  apply(difference);
  console.log(`${difference.wanted === undefined ? "removed" : "wrote"} ${difference.file}`);
}
if (changed.length === 0) console.log("generated code is up to date");
