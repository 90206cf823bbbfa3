import type { MessageInitShape } from "@bufbuild/protobuf";
import { Durability, type InputSchema, OnBusy, type RunOptionsSchema } from "./gen/cairn/v1/run_service_pb.ts";
import { valueNamed } from "./names.ts";
import type { CallOptions } from "./service-calls.ts";
import { encodeJson } from "./values/json.ts";
import { type Encoding, encodeChannels } from "./values/typed-value.ts";

/** How to run a graph. Everything may be left out. */
export interface RunOptions extends CallOptions {
  /** The graph's name. Default: the one the thread last ran. */
  graph?: string;
  /** The graph's content hash. Default: the name's latest. */
  graphHash?: string;
  /** Start from this checkpoint in place of the head: a fork. */
  checkpointId?: string;
  /** The subgraph that `checkpointId` is of. Default: the outermost graph. */
  namespace?: string;
  /** Supersteps allowed in this call. Default 25, at most 10,007. */
  recursionLimit?: number;
  /** Nodes to stop before, in place of the graph's own; `*` means all. */
  interruptBefore?: string[];
  /** Nodes to stop after, in place of the graph's own; `*` means all. */
  interruptAfter?: string[];
  /** Kept as metadata of the run's checkpoints: anything JSON can hold, at most 64 KiB. */
  metadata?: Record<string, unknown>;
  /** When progress becomes durable. Default `sync`: each superstep before the next begins. */
  durability?: Lowercase<keyof typeof Durability>;
  /** What to do when a run holds the thread. Default `reject`: ABORTED with THREAD_BUSY. Only for `run`. */
  onBusy?: Lowercase<keyof typeof OnBusy>;
  /** Answer at once, with the status `running` or `queued`; the run goes on, also when its server goes away. Not for `step`. */
  background?: boolean;
  /** How values are encoded. Default `msgpack`. */
  encoding?: Encoding;
  /** Makes a retry return the first answer for 24 hours. Default: a new UUID for each call. */
  requestId?: string;
}

/** The options of a call as they go over the wire. */
export function toRunOptions(options: RunOptions): MessageInitShape<typeof RunOptionsSchema> {
  return {
    graphName: options.graph,
    graphHash: options.graphHash,
    checkpointId: options.checkpointId,
    namespace: options.namespace,
    recursionLimit: options.recursionLimit,
    interruptBefore: options.interruptBefore,
    interruptAfter: options.interruptAfter,
    metadata: options.metadata && metadataBytes(options.metadata),
    durability: options.durability && valueNamed(Durability, options.durability),
  };
}

/** An input: undefined stays undefined ("go on"), an empty object is an input all the same. */
export function toInput(
  values: Record<string, unknown> | undefined,
  encoding?: Encoding,
): MessageInitShape<typeof InputSchema> | undefined {
  return values && { values: encodeChannels(values, encoding) };
}

/** What to do on a busy thread, as it goes over the wire. */
export function toOnBusy(onBusy: RunOptions["onBusy"]): OnBusy | undefined {
  return onBusy && valueNamed(OnBusy, onBusy);
}

/** Metadata as JSON bytes. Throws VALUE_MALFORMED for what JSON can't hold. */
export function metadataBytes(metadata: Record<string, unknown>): Uint8Array {
  return new TextEncoder().encode(encodeJson(metadata, ["metadata"]));
}
