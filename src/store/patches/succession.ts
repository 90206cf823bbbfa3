import { invariant } from "../../errors.ts";
import type { StoredValue } from "../../gen/cairn/store/v1/record_pb.ts";
import { basesOf } from "../value-bases.ts";
import type { ValuePlace } from "../value-ref.ts";

/**
 * Versions of a value stand in a tree. Version v is a patch of v − 32^j, where 32^j is the largest power that divides v,
 * and version 0 is stored whole: whatever the number of versions, some dozens of patches lead to each.
 */
const FAN_OUT = 32;

/** A value that another one can follow. Its bytes are not needed, which would keep whole records alive. */
export interface Version {
  place: ValuePlace;
  stored: Pick<StoredValue, "type" | "crc32" | "sizeBytes" | "patch">;
  /** What it takes stored whole, or is thought to take. */
  wholeBytes: number;
}

export function versionOf(place: ValuePlace, { type, crc32, sizeBytes, patch, storage }: StoredValue): Version {
  const storedBytes = storage.case === "inline" ? storage.value.length : Number(storage.value?.sizeBytes || sizeBytes);
  const wholeBytes = patch ? Number(patch.wholeBytes) : storedBytes;
  return { place, stored: { type, crc32, sizeBytes, patch }, wholeBytes };
}

/** What the next version is a patch of. */
export interface Succession {
  version: number;
  base: ValuePlace;
  /** The base, and what it takes to rebuild that. */
  path: ValuePlace[];
}

/** What the version that follows `last` is made of. */
export function following({ place, stored }: Pick<Version, "place" | "stored">): Succession {
  const version = (stored.patch?.version ?? 0) + 1;
  // Every digit of `version` that is 0 was at its highest in `last`, and so many steps of its way lead past the base.
  let skipped = 0;
  for (let rest = version; rest % FAN_OUT === 0; rest /= FAN_OUT) skipped += FAN_OUT - 1;
  const path = [place, ...basesOf(place, stored)].slice(skipped);
  const [base] = path;
  invariant(base, "the path of a value leads to all that later ones are patches of");
  return { version, base, path };
}

/** A path as a record at position `n` tells it: see Patch in record.proto. */
export function stepsOf(n: number, path: readonly ValuePlace[]): bigint[] {
  let before = n;
  return path.flatMap(({ n: at, index }) => {
    const step = [BigInt(before - at), BigInt(index)];
    before = at;
    return step;
  });
}
