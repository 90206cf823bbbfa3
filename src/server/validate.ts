import type { DescMessage, Message } from "@bufbuild/protobuf";
import { pathToString } from "@bufbuild/protobuf/reflect";
import { createValidator } from "@bufbuild/protovalidate";
import { CairnError, type FieldViolation } from "../errors.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";

/** Compiled once. The patterns are those of our own protos, so the platform's engine, a good deal faster, is safe. */
const patterns = new Map<string, RegExp>();

const validator = createValidator({ regexMatch });

/** More than these are counted and not told: a request of a million wrong items must not cost a million lines. */
const violationsMax = 100;

function regexMatch(pattern: string, against: string): boolean {
  let expression = patterns.get(pattern);
  if (expression === undefined) {
    expression = new RegExp(pattern, "u");
    patterns.set(pattern, expression);
  }
  return expression.test(against);
}

/** Checks a request against the rules in the protos. Throws INVALID_FIELD with the path of every field at fault. */
export function validate(schema: DescMessage, request: Message): void {
  const result = validator.validate(schema, request);
  if (result.kind === "valid") return;
  if (result.kind === "error") throw result.error;
  const violations: FieldViolation[] = result.violations.slice(0, violationsMax).map(({ field, message, forKey }) => ({
    field: pathToString(field),
    description: forKey ? `the key ${message}` : message,
  }));
  const [first] = violations;
  if (first === undefined) throw new Error("a request is invalid without a violation");
  const others = result.violations.length - 1;
  const more = others > 0 ? `, and ${others} more` : "";
  throw new CairnError(ErrorReason.INVALID_FIELD, `${first.field}: ${first.description}${more}`, {
    metadata: { field: first.field, violations: String(result.violations.length) },
    violations,
  });
}
