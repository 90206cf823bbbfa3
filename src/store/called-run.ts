import { create } from "@bufbuild/protobuf";
import type { CalledRun } from "../gen/cairn/store/v1/record_pb.ts";
import { ValueSchema } from "../gen/cairn/v1/value_pb.ts";
import type { ThreadKey } from "./log.ts";
import { corrupt, decodeRow } from "./record-codec.ts";
import type { RequestDraft } from "./store.ts";
import { type ValueSources, ValueTable } from "./value-table.ts";
import { RefCollector, withInputValues } from "./values-of.ts";

/** The call that a record holds, its values inline, and the request that it came with. */
export async function calledRun(
  sources: ValueSources,
  key: ThreadKey,
  n: number,
): Promise<{ call: CalledRun; request: RequestDraft | undefined }> {
  const { rows } = await sources.log.gather(key, { positions: [n], parts: [], keys: [] });
  const [row] = rows;
  const { call, request } = (row && decodeRow(key, row)) ?? {};
  if (call === undefined) throw corrupt(`thread ${JSON.stringify(key.thread)}`, `record ${n} lacks the call of a run`);
  // Whoever has been answered needs no other answer.
  const open = request?.answer === undefined ? request : undefined;
  if (call.input === undefined) return { call, request: open };
  const table = new ValueTable(sources, key);
  await table.load(new RefCollector().input(call.input).refs, () => true);
  const input = withInputValues(call.input, "", (value) =>
    value.source.case === "ref"
      ? create(ValueSchema, { source: { case: "inline", value: table.value(value.source.value) } })
      : value,
  );
  return { call: { ...call, input }, request: open };
}
