import { invalidField } from "../errors.ts";
import type { Checkpoint } from "../gen/cairn/v1/checkpoint_pb.ts";
import type { MetadataFilter } from "../gen/cairn/v1/checkpoint_service_pb.ts";
import { limits } from "../limits.ts";
import { sha256 } from "../values/digest.ts";
import { canonicalJson, canonicalMembers, JsonSyntaxError } from "./canonical-json.ts";

/**
 * Tags are what filters compare: one text for each top-level member of the metadata, `"key"=value` in canonical
 * JSON. A filter is one such text as well and matches by equality alone, so nothing in it can act as an operator.
 */

/** Longer tags are replaced by their hash, to bound what an index holds. */
const TAG_BYTES_MAX = 256;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function tag(key: string, canonicalValue: string): string {
  const text = `${JSON.stringify(key)}=${canonicalValue}`;
  if (Buffer.byteLength(text) <= TAG_BYTES_MAX) return text;
  // No other tag begins with "#": a key's text begins with a quote.
  return `#${sha256(text).toString("hex")}`;
}

/** Tags of a metadata document. Metadata that are no JSON object are kept but have none. */
export function tagsOfMetadata(json: Uint8Array | undefined): string[] {
  if (!json?.length) return [];
  try {
    const members = canonicalMembers(utf8.decode(json));
    return [...(members ?? [])].slice(0, limits.metadataTagsMax).map(([key, value]) => tag(key, value));
  } catch (error) {
    if (error instanceof JsonSyntaxError || error instanceof TypeError) return [];
    throw error;
  }
}

/** Tags of a checkpoint: those of its metadata, and of its own fields that filters may name. */
export function tagsOfCheckpoint(checkpoint: Checkpoint): string[] {
  const own: [key: string, value: string | bigint | undefined][] = [
    ["source", checkpoint.source],
    ["step", checkpoint.step],
    ["run_id", checkpoint.runId],
    ["graph_name", checkpoint.graphName],
    ["node", checkpoint.sourceNode],
  ];
  const tags = new Set<string>();
  for (const [key, value] of own) {
    if (value === undefined) continue;
    tags.add(tag(key, canonicalJson(typeof value === "bigint" ? `${value}` : JSON.stringify(value))));
  }
  for (const found of tagsOfMetadata(checkpoint.metadata)) tags.add(found);
  return [...tags];
}

/** The tag that a row must have to match. Throws INVALID_FIELD with the filter's path. */
export function tagsOfFilters(filters: MetadataFilter[]): string[] {
  return filters.map((filter, index) => {
    try {
      return tag(filter.key, canonicalJson(utf8.decode(filter.equalsJson)));
    } catch (error) {
      if (!(error instanceof JsonSyntaxError || error instanceof TypeError)) throw error;
      throw invalidField(`filters[${index}].equals_json`, `not JSON: ${error.message}`);
    }
  });
}
