import { type DescField, type DescMessage, type Message, type MessageShape, toBinary } from "@bufbuild/protobuf";

/** A message's bytes, the same for equal messages: fields in order of their numbers, maps in order of their keys. */
export function canonicalBytes<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): Uint8Array {
  return toBinary(schema, sorted(schema, message as Shape) as MessageShape<Desc>);
}

type Shape = Message & { [field: string]: unknown };

/** The message with all its maps sorted. Parts that can't hold a map are shared, not copied. */
function sorted(desc: DescMessage, message: Shape): Shape {
  const fields = fieldsWithMaps(desc);
  if (fields.length === 0) return message;
  const copy: Shape = Object.assign(Object.create(Object.getPrototypeOf(message)), message);
  for (const field of fields) {
    if (field.oneof === undefined) copy[field.localName] = sortedField(field, copy[field.localName]);
    else {
      const chosen = copy[field.oneof.localName] as { case?: string; value?: unknown };
      if (chosen.case !== field.localName) continue;
      copy[field.oneof.localName] = { case: chosen.case, value: sortedField(field, chosen.value) };
    }
  }
  return copy;
}

function sortedField(field: DescField, value: unknown): unknown {
  if (value === undefined) return undefined;
  const inner = field.message;
  const each = (item: unknown) => (inner === undefined ? item : sorted(inner, item as Shape));
  if (field.fieldKind === "list") return (value as unknown[]).map(each);
  if (field.fieldKind !== "map") return each(value);
  const map = value as { [key: string]: unknown };
  const copy: { [key: string]: unknown } = Object.create(null);
  for (const key of Object.keys(map).sort()) copy[key] = each(map[key]);
  return copy;
}

const known = new Map<DescMessage, DescField[]>();

/** The fields that are maps or whose messages hold some, however deep. */
function fieldsWithMaps(desc: DescMessage): DescField[] {
  let fields = known.get(desc);
  if (fields === undefined) {
    fields = desc.fields.filter((field) => field.fieldKind === "map" || holdsMap(field.message, new Set([desc])));
    known.set(desc, fields);
  }
  return fields;
}

function holdsMap(desc: DescMessage | undefined, seen: Set<DescMessage>): boolean {
  // A message that holds itself adds nothing but itself: what it holds is asked once.
  if (desc === undefined || seen.has(desc)) return false;
  seen.add(desc);
  return desc.fields.some((field) => field.fieldKind === "map" || holdsMap(field.message, seen));
}
