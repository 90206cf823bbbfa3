import { Code } from "../code.ts";
import { CairnClientError } from "../error.ts";

/** A value that can't be encoded or decoded. Says where: `items[2].when`. */
export function refuse(path: readonly (string | number)[], description: string): never {
  const field = pathText(path);
  const message = field === "" ? description : `${field}: ${description}`;
  throw new CairnClientError({
    code: Code.InvalidArgument,
    reason: "VALUE_MALFORMED",
    message,
    violations: [{ field, description }],
  });
}

function pathText(path: readonly (string | number)[]): string {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else if (/^[A-Za-z_$][\w$]*$/.test(part)) text += text === "" ? part : `.${part}`;
    else text += `[${JSON.stringify(part)}]`;
  }
  return text;
}

/** What something is, in words. */
export function kindOf(value: unknown): string {
  if (typeof value !== "object" || value === null) return value === undefined ? "undefined" : `a ${typeof value}`;
  const name: unknown = value.constructor?.name;
  return typeof name === "string" && name !== "" ? `an object of class ${name}` : "an object of a class";
}
