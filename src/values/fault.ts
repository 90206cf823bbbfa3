import { CairnError } from "../errors.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";

/** Bytes are not what their type says, from `offset` on. */
export function malformed(message: string, offset: number): CairnError {
  return new CairnError(ErrorReason.VALUE_MALFORMED, `${message} at byte ${offset}`, {
    metadata: { offset: String(offset) },
  });
}

/** A value that an encoding has no place for. Its path grows while it passes through the containers around it. */
export class Unencodable {
  readonly message: string;
  readonly path: string[] = [];

  constructor(message: string) {
    this.message = message;
  }

  under(key: unknown): this {
    this.path.unshift(typeof key === "number" ? `[${key}]` : `[${JSON.stringify(String(key))}]`);
    return this;
  }

  toCairnError(): CairnError {
    const path = this.path.join("");
    return new CairnError(ErrorReason.VALUE_MALFORMED, path ? `${path}: ${this.message}` : this.message, {
      metadata: { path },
    });
  }
}

/** To be called with what was caught around the encoding of a container, and the key of the element at fault. */
export function under(caught: unknown, key: unknown): unknown {
  return caught instanceof Unencodable ? caught.under(key) : caught;
}

/** Says what something is that can't be encoded. */
export function kindOf(value: unknown): string {
  if (typeof value !== "object" || value === null) return value === undefined ? "undefined" : `a ${typeof value}`;
  const name: unknown = value.constructor?.name;
  return typeof name === "string" && name !== "" ? `an object of class ${name}` : "an object of a class";
}
