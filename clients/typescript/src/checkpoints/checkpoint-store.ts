import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Services } from "../client.ts";
import { CairnClientError } from "../error.ts";
import { fetchValues } from "../fetch-values.ts";
import { type Checkpoint, CheckpointSchema, type PendingWrite } from "../gen/cairn/v1/checkpoint_pb.ts";
import {
  type ChannelHistory,
  type CheckpointEntry,
  type CheckpointName,
  type CheckpointWrites,
  CheckpointWritesSchema,
  type GetCheckpointRequestSchema,
  type ListCheckpointsRequestSchema,
  type PutCheckpointRequestSchema,
  type PutCheckpointResponse,
} from "../gen/cairn/v1/checkpoint_service_pb.ts";
import type { TypedValue, ValueEntry } from "../gen/cairn/v1/value_pb.ts";
import { pages } from "../pages.ts";
import type { CallOptions } from "../service-calls.ts";
import { HeldValues } from "./held-values.ts";
import { PutValues } from "./put-values.ts";

/** What values are held of, unless the store is told otherwise. */
const HELD_BYTES_MAX = 64 * 1024 * 1024;

/** How a checkpoint is put. */
export type PutOptions = CallOptions &
  Omit<MessageInitShape<typeof PutCheckpointRequestSchema>, "$typeName" | "checkpoint">;

/** Which checkpoint to read: by default the latest of the root namespace. */
export type CheckpointQuery = Pick<
  MessageInitShape<typeof GetCheckpointRequestSchema>,
  "namespace" | "checkpointId" | "order"
>;

/** Which checkpoints of a thread to list; all fields of the request but the pages' own. */
export type CheckpointListQuery = Omit<
  MessageInitShape<typeof ListCheckpointsRequestSchema>,
  "$typeName" | "threadId" | "pageToken" | "view" | "heldRefs"
>;

/** A checkpoint as it was read, with the values that it and its writes refer to. */
export interface ReadCheckpoint {
  checkpoint: Checkpoint;
  /** Its pending writes, sorted by (task_path, task_id, idx). */
  writes: PendingWrite[];
  /** By reference: what each `Value` of the two names. */
  values: ReadonlyMap<string, TypedValue>;
}

/**
 * Puts and reads checkpoints, for framework adapters. What server and client both hold is not sent again: a put sends what
 * changed in each channel's value since this client last put or read it, a read asks for what it does not hold. Values of
 * any size up to the server's limit pass, in chunks where they are large.
 */
export class CheckpointStore {
  readonly #checkpoints: Services["checkpoints"];
  readonly #held: HeldValues;

  /** `heldBytesMax`: how many bytes of values this client keeps to compare with. Default 64 MiB. */
  constructor(checkpoints: Services["checkpoints"], { heldBytesMax = HELD_BYTES_MAX } = {}) {
    this.#checkpoints = checkpoints;
    this.#held = new HeldValues(heldBytesMax);
  }

  /**
   * Saves a checkpoint, whose values are inline or references. Throws what PutCheckpoint does; a base that the server does
   * not have any more is no error: the values are then sent whole.
   */
  async put(
    checkpoint: MessageInitShape<typeof CheckpointSchema>,
    options: PutOptions = {},
  ): Promise<PutCheckpointResponse> {
    const { signal, deadlineMs, writes = [], ...request } = options;
    const call = { signal, deadlineMs };
    const whole = create(CheckpointSchema, checkpoint);
    const groups = writes.map((group) => create(CheckpointWritesSchema, group));
    const { threadId, namespace, channelValues } = whole;
    const response = await this.#sending(threadId, call, async (values) => {
      const sent = { ...whole, channelValues: await values.channels(namespace, channelValues) };
      const sentWrites = await Promise.all(groups.map((group) => values.writes(group)));
      return await this.#checkpoints.putCheckpoint({ ...request, checkpoint: sent, writes: sentWrites }, call);
    });
    for (const [channel, { source }] of Object.entries(channelValues)) {
      const ref = response.valueRefs[channel];
      if (source.case === "inline" && ref) this.#held.setChannel(threadId, namespace, channel, ref, source.value);
    }
    return response;
  }

  /** Saves writes of a task against a checkpoint. Throws what PutWrites does. */
  async putWrites(
    threadId: string,
    writes: MessageInitShape<typeof CheckpointWritesSchema>,
    { requestId, ...call }: CallOptions & { requestId?: string } = {},
  ): Promise<void> {
    const group = create(CheckpointWritesSchema, writes);
    await this.#sending(threadId, call, async (values) => {
      const sent: CheckpointWrites = await values.writes(group);
      return await this.#checkpoints.putWrites({ threadId, writes: sent, requestId }, call);
    });
  }

  /** Reads a checkpoint with all its values. Throws NOT_FOUND. */
  async get(threadId: string, query: CheckpointQuery = {}, options?: CallOptions): Promise<ReadCheckpoint> {
    const heldRefs = this.#held.refs(threadId);
    const { entry, values } = await this.#checkpoints.getCheckpoint({ ...query, threadId, heldRefs }, options);
    const found = toRead(threadId, entry, await this.#resolve(threadId, values, options));
    this.#remember(found);
    return found;
  }

  /**
   * Lists checkpoints of a thread, or of all threads, newest first, with all their values; pages are fetched as the loop
   * needs them.
   */
  list(
    threadId: string | undefined,
    query: CheckpointListQuery = {},
    options?: CallOptions,
  ): AsyncGenerator<ReadCheckpoint> {
    return pages(async (pageToken) => {
      const heldRefs = threadId === undefined ? [] : this.#held.refs(threadId);
      const request = { ...query, threadId, pageToken, heldRefs };
      const { entries, tables, nextPageToken } = await this.#checkpoints.listCheckpoints(request, options);
      const resolved = Object.entries(tables).map(
        async ([thread, table]) => [thread, await this.#resolve(thread, table.values, options)] as const,
      );
      const values = new Map(await Promise.all(resolved));
      const items = entries.map((entry) => {
        const thread = entry.checkpoint?.threadId ?? "";
        return toRead(thread, entry, values.get(thread) ?? new Map());
      });
      return { items, nextPageToken };
    });
  }

  /**
   * What channels are rebuilt from whose checkpoints hold only changes: of each the nearest value stored at an ancestor, and
   * the writes since, the oldest first, in one call. Throws NOT_FOUND.
   */
  async channelHistory(
    name: Pick<CheckpointName, "threadId" | "namespace" | "checkpointId">,
    channels: readonly string[],
    options?: CallOptions,
  ): Promise<{ channels: Record<string, ChannelHistory>; values: ReadonlyMap<string, TypedValue> }> {
    const response = await this.#checkpoints.getChannelHistory({ name, channels: [...channels] }, options);
    return { channels: response.channels, values: await this.#resolve(name.threadId, response.values, options) };
  }

  /** Sends what changed; and everything whole if the server does not hold what was thought. */
  async #sending<Response>(
    threadId: string,
    call: CallOptions,
    send: (values: PutValues) => Promise<Response>,
  ): Promise<Response> {
    try {
      return await send(new PutValues(this.#checkpoints, threadId, this.#held, call));
    } catch (error) {
      if (!isBaseMissing(error)) throw error;
      this.#held.forget(threadId);
      return await send(new PutValues(this.#checkpoints, threadId, this.#held, call));
    }
  }

  /** The values of a table: those that came, those that are held, and those that were too much for one message. */
  async #resolve(threadId: string, entries: ValueEntry[], options?: CallOptions): Promise<Map<string, TypedValue>> {
    const values = new Map<string, TypedValue>();
    const missing: ValueEntry[] = [];
    for (const entry of entries) {
      const value = this.#held.resolve(threadId, entry);
      if (value) values.set(entry.ref, value);
      else missing.push(entry);
    }
    if (missing.length === 0) return values;
    const refs = missing.map(({ ref }) => ref);
    const fetched = await fetchValues(this.#checkpoints, threadId, refs, options);
    for (const entry of missing) {
      const value = fetched.get(entry.ref);
      if (value) values.set(entry.ref, this.#held.resolve(threadId, { ...entry, value }) ?? value);
    }
    return values;
  }

  /** The next put is likely to change what has just been read. */
  #remember({ checkpoint, values }: ReadCheckpoint): void {
    const { threadId, namespace, channelValues } = checkpoint;
    for (const [channel, { source }] of Object.entries(channelValues)) {
      const value = source.case === "ref" ? values.get(source.value) : undefined;
      if (source.case === "ref" && value) this.#held.setChannel(threadId, namespace, channel, source.value, value);
    }
  }
}

function isBaseMissing(error: unknown): boolean {
  const { reason } = error instanceof CairnClientError ? error : {};
  return reason === "VALUE_NOT_FOUND" || reason === "VALUE_CHECKSUM";
}

function toRead(
  threadId: string,
  entry: CheckpointEntry | undefined,
  values: ReadCheckpoint["values"],
): ReadCheckpoint {
  const checkpoint = entry?.checkpoint ?? create(CheckpointSchema, { threadId });
  return { checkpoint, writes: entry?.writes ?? [], values };
}
