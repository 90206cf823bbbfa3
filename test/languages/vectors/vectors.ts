// TypeScript's part of the vectors; the format is told in README.md.
import { readFileSync } from "node:fs";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { CheckpointSchema } from "../../../clients/typescript/src/gen/cairn/v1/checkpoint_pb.ts";
import { CairnClient, CairnClientError, Float, type PlainValue } from "../../../clients/typescript/src/index.ts";

export type Tagged =
  | null
  | boolean
  | string
  | { $int: string }
  | { $float: string }
  | { $bytes: string }
  | Tagged[]
  | { [key: string]: Tagged };

export interface Vector {
  name: string;
  value: Tagged;
  /** False: JSON has no form for it. */
  json?: boolean;
}

export interface Vectors {
  picked: Vector[];
  generated: Vector[];
  checkpoints: { name: string; message: string }[];
  refused: { name: string; value: Tagged; encoding: "json" | "msgpack" }[];
  errors: { name: string; code: string; reason: string; field: string }[];
}

/** The number of these bits, in hexadecimal. */
export function floatOf(bits: string): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, BigInt(`0x${bits}`));
  return view.getFloat64(0);
}

export function bitsOf(number: number): string {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, number);
  return view.getBigUint64(0).toString(16).padStart(16, "0");
}

function only(tagged: { [key: string]: Tagged }): [string, Tagged] {
  const [entry = ["", null]] = Object.keys(tagged).length === 1 ? Object.entries(tagged) : [];
  return entry as [string, Tagged];
}

function toPlain(tagged: Tagged): PlainValue {
  if (Array.isArray(tagged)) return tagged.map(toPlain);
  if (typeof tagged !== "object" || tagged === null) return tagged;
  const [tag, content] = only(tagged as { [key: string]: Tagged });
  if (tag === "$int") {
    const value = BigInt(content as string);
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  }
  if (tag === "$float") return new Float(floatOf(content as string));
  if (tag === "$bytes") return new Uint8Array(Buffer.from(content as string, "hex"));
  return Object.fromEntries(Object.entries(tagged).map(([key, value]) => [key, toPlain(value as Tagged)]));
}

/** A number of JavaScript's is an integer when it is whole: reading does not tell 1.0 from 1, as the client says. */
function toTagged(value: PlainValue): Tagged {
  if (Array.isArray(value)) return value.map(toTagged);
  if (typeof value === "bigint" || (typeof value === "number" && Number.isInteger(value) && !Object.is(value, -0))) {
    return { $int: String(value) };
  }
  if (typeof value === "number") return { $float: bitsOf(value) };
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString("hex") };
  if (typeof value !== "object" || value === null) return value as Tagged;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, toTagged(member as PlainValue)]));
}

async function failure(call: Promise<unknown>): Promise<CairnClientError> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof CairnClientError) return error;
  throw new Error(`expected the client's error, got ${error}`);
}

async function main([what, address = "", space = "", thread = "", file = ""]: string[]): Promise<void> {
  const vectors = JSON.parse(readFileSync(file, "utf8")) as Vectors;
  const client = CairnClient.connect({ address, space });
  const tell = (line: unknown): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
  const all = [...vectors.picked, ...vectors.generated];
  for (const encoding of ["msgpack", "json"] as const) {
    const id = `${thread} ${encoding}`;
    if (what === "write") {
      const taken = all.filter(({ json = true }) => json || encoding === "msgpack");
      const values = Object.fromEntries(taken.map(({ name, value }) => [name, toPlain(value)]));
      await client.thread(id).run({ values }, { graph: "vectors", encoding });
    } else if (what === "read") {
      const { values } = await client.thread(id).state();
      for (const [name, value] of Object.entries(values.values as Record<string, PlainValue>)) {
        tell({ encoding, name, value: toTagged(value) });
      }
    }
  }
  if (what === "put" || what === "get") {
    for (const { name, message } of vectors.checkpoints) {
      const threadId = `${thread} ${name}`;
      if (what === "put") {
        const checkpoint = fromBinary(CheckpointSchema, Buffer.from(message, "hex"));
        await client.checkpointStore.put({ ...checkpoint, threadId });
      } else {
        const given = fromBinary(CheckpointSchema, Buffer.from(message, "hex"));
        const { checkpoint, values } = await client.checkpointStore.get(threadId, { namespace: given.namespace });
        const read = [...values].map(([ref, { type, data }]) => [ref, [type, Buffer.from(data).toString("hex")]]);
        const bytes = Buffer.from(toBinary(CheckpointSchema, checkpoint));
        tell({ name, message: bytes.toString("hex"), values: Object.fromEntries(read) });
      }
    }
  }
  if (what === "refuse") {
    for (const { name, value, encoding } of vectors.refused) {
      const input = { values: { at: [toPlain(value)] } };
      const message = await client
        .thread(thread)
        .run(input, { graph: "vectors", encoding })
        .then(
          () => "",
          (thrown: unknown) => String(thrown),
        );
      tell({ name, message });
    }
  } else if (what === "errors") {
    const failing: [string, () => Promise<unknown>][] = [
      ["missing thread", () => client.thread(`${thread} missing`).state()],
      ["bad graph", () => client.graphs.register("name: bad\nnodes: { a: { worker: {}, colour: red } }")],
      ["nothing to resume", () => client.thread(`${thread} none`).resume(true)],
    ];
    for (const [name, call] of failing) {
      const { codeName, reason, violations } = await failure(call());
      tell({ name, code: codeName, reason, field: violations[0]?.field ?? "" });
    }
  }
  client.close();
}

if (process.argv[1] === import.meta.filename) await main(process.argv.slice(2));
