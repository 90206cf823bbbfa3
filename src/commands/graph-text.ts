import { type JsonValue, toJson } from "@bufbuild/protobuf";
import { stringify } from "yaml";
import { type GraphSpec, GraphSpecSchema } from "../../clients/typescript/src/gen/cairn/v1/graph_pb.ts";

/** A graph as graph files give it: JSON with the proto's names. */
export function graphJson(spec: GraphSpec): JsonValue {
  return toJson(GraphSpecSchema, spec, { useProtoFieldName: true });
}

/** The same in YAML. */
export function graphText(json: JsonValue | undefined): string {
  return stringify(json, { lineWidth: 100 }).trimEnd();
}
