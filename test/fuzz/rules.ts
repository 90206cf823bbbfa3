// What the protos say a field may hold, so that requests can be made that just fit and that just don't.
import { type DescField, type DescOneof, getOption, hasOption, isFieldSet } from "@bufbuild/protobuf";
import {
  BytesRulesSchema,
  type FieldRules,
  field as fieldRules,
  MapRulesSchema,
  oneof as oneofRules,
  RepeatedRulesSchema,
  StringRulesSchema,
} from "../../src/gen/buf/validate/validate_pb.ts";

export interface Limits {
  required: boolean;
  /** Of the bytes of a text or of bytes. */
  min: number;
  max: number | undefined;
  /** No control characters. */
  isPlain: boolean;
  /** The only texts allowed. */
  choices: string[];
  /** Of the items of a list or a map. */
  itemsMin: number;
  itemsMax: number | undefined;
}

export function limitsOf(field: DescField): Limits {
  const rules = hasOption(field, fieldRules) ? getOption(field, fieldRules) : undefined;
  const { repeated, map } = { repeated: itemRules(rules), map: mapRules(rules) };
  const items = repeated?.items ?? rules;
  const type = items?.type;
  const limits: Limits = {
    required: rules?.required ?? false,
    min: 0,
    max: undefined,
    isPlain: false,
    choices: [],
    itemsMin: repeated?.min ?? map?.min ?? 0,
    itemsMax: repeated?.max ?? map?.max,
  };
  if (type?.case === "string") {
    const { value } = type;
    limits.min = Number(value.minLen);
    if (isFieldSet(value, StringRulesSchema.field.maxBytes)) limits.max = Number(value.maxBytes);
    limits.isPlain = value.pattern !== "";
    limits.choices = value.in;
  } else if (type?.case === "bytes") {
    limits.min = Number(type.value.minLen);
    if (isFieldSet(type.value, BytesRulesSchema.field.maxLen)) limits.max = Number(type.value.maxLen);
  }
  return limits;
}

function itemRules(rules: FieldRules | undefined) {
  if (rules?.type.case !== "repeated") return undefined;
  const { value } = rules.type;
  const max = isFieldSet(value, RepeatedRulesSchema.field.maxItems) ? Number(value.maxItems) : undefined;
  return { items: value.items, min: Number(value.minItems), max };
}

function mapRules(rules: FieldRules | undefined) {
  if (rules?.type.case !== "map") return undefined;
  const { value } = rules.type;
  const max = isFieldSet(value, MapRulesSchema.field.maxPairs) ? Number(value.maxPairs) : undefined;
  return { min: Number(value.minPairs), max };
}

export function isRequired(oneof: DescOneof): boolean {
  return hasOption(oneof, oneofRules) && getOption(oneof, oneofRules).required;
}
