import type { StoredValue } from "../gen/cairn/store/v1/record_pb.ts";
import { type ValuePlace, valueRef } from "./value-ref.ts";

/** The values it takes to rebuild one that is stored as a patch, from its base to the one stored whole; none for others. */
export function basesOf({ n }: Pick<ValuePlace, "n">, { patch }: Pick<StoredValue, "patch">): ValuePlace[] {
  const bases: ValuePlace[] = [];
  const path = patch?.path ?? [];
  let at = n;
  for (let i = 0; i + 1 < path.length; i += 2) {
    at -= Number(path[i]);
    bases.push({ n: at, index: Number(path[i + 1]) });
  }
  return bases;
}

/** Their references. */
export function baseRefsOf(place: Pick<ValuePlace, "n">, stored: Pick<StoredValue, "patch">): string[] {
  return basesOf(place, stored).map(({ n, index }) => valueRef(n, index));
}
