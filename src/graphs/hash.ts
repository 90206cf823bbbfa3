import { type GraphSpec, GraphSpecSchema } from "../gen/cairn/v1/graph_pb.ts";
import { canonicalBytes } from "../values/canonical.ts";
import { sha256 } from "../values/digest.ts";

/** A graph's content hash: SHA-256 of its canonical form, in hexadecimal. */
export function graphHash(spec: GraphSpec): string {
  return sha256(canonicalBytes(GraphSpecSchema, spec)).toString("hex");
}
