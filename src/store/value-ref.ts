import { CairnError } from "../errors.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";

/** A value's reference names where it was first written: "<n>.<index>", position of the record and place in it. */
export interface ValuePlace {
  n: number;
  index: number;
}

const PATTERN = /^([1-9][0-9]{0,14})\.(0|[1-9][0-9]{0,8})$/;
/** Of a value that has been uploaded and that no record holds yet. */
const UPLOAD_PATTERN = /^u\.([0-9a-f-]{36})$/;

export function valueRef(n: number, index: number): string {
  return `${n}.${index}`;
}

export function uploadRef(upload: string): string {
  return `u.${upload}`;
}

/** Reads a reference. Anything that cannot be one of ours names nothing: VALUE_NOT_FOUND. */
export function parseRef(ref: string): ValuePlace {
  const match = PATTERN.exec(ref);
  if (!match) throw valueNotFound(ref);
  return { n: Number(match[1]), index: Number(match[2]) };
}

/** The upload that a reference names; undefined for others. */
export function uploadIn(ref: string): string | undefined {
  return UPLOAD_PATTERN.exec(ref)?.[1];
}

export function valueNotFound(ref: string): CairnError {
  return new CairnError(ErrorReason.VALUE_NOT_FOUND, `no value ${JSON.stringify(ref)} in this thread`, {
    metadata: { ref },
  });
}
