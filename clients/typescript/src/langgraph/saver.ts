import type { RunnableConfig } from "@langchain/core/runnables";
import {
  BaseCheckpointSaver,
  type ChannelVersions,
  type Checkpoint,
  type CheckpointListOptions,
  type CheckpointMetadata,
  type CheckpointTuple,
  type DeltaChannelHistory,
  type PendingWrite,
  type SerializerProtocol,
  WRITES_IDX_MAP,
} from "@langchain/langgraph-checkpoint";
import type { ReadCheckpoint } from "../checkpoints/checkpoint-store.ts";
import { CairnClient } from "../client.ts";
import type { ConnectOptions } from "../connect-options.ts";
import { systemEnvironment } from "../environment.ts";
import { ValueView } from "../gen/cairn/v1/checkpoint_service_pb.ts";
import { channelHistory } from "./channel-history.ts";
import { type CheckpointName, configOf, type Place, placeOf, required } from "./config.ts";
import { KnownCheckpoints, knownOf } from "./known-checkpoints.ts";
import { isNotFound, listed } from "./list.ts";
import { CheckpointPutter } from "./put-checkpoint.ts";
import { serialized } from "./serialized-values.ts";
import { nameOf, toTuple } from "./tuple.ts";
import { versionAfter } from "./versions.ts";

/** How a saver connects and saves. */
export interface CairnSaverOptions extends ConnectOptions {
  /** Turns values into bytes and back. Default: LangGraph's `JsonPlusSerializer`. */
  serde?: SerializerProtocol;
  /**
   * What happens to a run that goes on from a checkpoint which is not the thread's latest any more, because another run or
   * an update came in between. `refuse`: its next save throws ABORTED (HEAD_MISMATCH), and nothing of the other is lost.
   * `allow`: its checkpoints become the latest, as with LangGraph's own savers. Runs and updates that name a checkpoint
   * fork on purpose and are never refused. Default `refuse`.
   */
  concurrentRuns?: "refuse" | "allow";
}

/**
 * Saves the checkpoints of LangGraph.js in Cairn: `graph.compile({ checkpointer: new CairnSaver("localhost:50051") })`.
 * Throws `CairnClientError`. Close it when done.
 */
export class CairnSaver extends BaseCheckpointSaver {
  readonly #client: CairnClient;
  readonly #ownsClient: boolean;
  readonly #refusesConcurrent: boolean;
  readonly #known = new KnownCheckpoints();
  readonly #putter: CheckpointPutter;

  /** Of an address, 127.0.0.1:50051 by default, or a client, which is the caller's to close. The first call connects. */
  constructor(server?: string | CairnClient, options: CairnSaverOptions = {}) {
    const { serde, concurrentRuns = "refuse", ...connect } = options;
    super(serde);
    this.#ownsClient = !(server instanceof CairnClient);
    this.#client =
      server instanceof CairnClient ? server : CairnClient.connect({ ...connect, address: server ?? connect.address });
    this.#refusesConcurrent = concurrentRuns === "refuse";
    const { checkpointStore, checkpoints } = this.#client;
    this.#putter = new CheckpointPutter(checkpointStore, checkpoints, { serde: this.serde, known: this.#known });
  }

  /** A checkpoint with its writes: the one named, or the latest; undefined when there is none. */
  override async getTuple(config: RunnableConfig): Promise<CheckpointTuple | undefined> {
    const { threadId, namespace = "", checkpointId } = placeOf(config);
    if (!threadId) return undefined;
    const name = { threadId, namespace, checkpointId };
    const found = await this.#find(name);
    if (found) this.#known.set(nameOf(found), knownOf(found.checkpoint));
    if (checkpointId === undefined) this.#known.setContinued({ ...name, checkpointId: found?.checkpoint.id ?? "" });
    else this.#known.setForked({ ...name, checkpointId });
    return found && (await this.#toTuple(found));
  }

  /**
   * Checkpoints, newest first; of all threads when the config names none, of all namespaces likewise. `before` compares
   * ids where it names a checkpoint of another thread or namespace; `filter` takes keys literally and compares numbers by
   * value.
   */
  override async *list(config: RunnableConfig, options: CheckpointListOptions = {}): AsyncGenerator<CheckpointTuple> {
    const { before, filter, limit } = options;
    const query = { place: placeOf(config), before: before && placeOf(before), filter, limit };
    for await (const found of listed(this.#client.checkpointStore, query)) yield await this.#toTuple(found);
  }

  /** Saves a checkpoint after the one that the config names. Throws ABORTED (HEAD_MISMATCH): see `concurrentRuns`. */
  override async put(
    config: RunnableConfig,
    checkpoint: Checkpoint,
    metadata: CheckpointMetadata,
    newVersions: ChannelVersions,
  ): Promise<RunnableConfig> {
    const { threadId, namespace = "", checkpointId: parentId } = placeOf(config);
    const name = { threadId: required(threadId, "thread_id"), namespace, checkpointId: checkpoint.id };
    const isContinued = this.#known.isContinued({ ...name, checkpointId: parentId ?? "" });
    const expectedHead = this.#refusesConcurrent && isContinued ? { checkpointId: parentId } : undefined;
    await this.#putter.put({ name, parentId, checkpoint, metadata, newVersions }, expectedHead);
    this.#known.setContinued(name);
    return configOf(name);
  }

  /** Saves writes of a task against the checkpoint that the config names: all of them or none. */
  override async putWrites(
    config: RunnableConfig,
    writes: PendingWrite[],
    taskId: string,
    taskPath = "",
  ): Promise<void> {
    const place = placeOf(config);
    const threadId = required(place.threadId, "thread_id");
    const checkpointId = required(place.checkpointId, "checkpoint_id");
    if (writes.length === 0) return;
    const sent = writes.map(async ([channel, value], place) => {
      const idx = Object.hasOwn(WRITES_IDX_MAP, channel) ? WRITES_IDX_MAP[channel] : place;
      return { taskId, taskPath, idx, channel, value: await serialized(this.serde, value) };
    });
    const group = { namespace: place.namespace ?? "", checkpointId, writes: await Promise.all(sent) };
    await this.#client.checkpointStore.putWrites(threadId, group);
  }

  /** Deletes a thread with everything in it. One that does not exist is a success. */
  override async deleteThread(threadId: string): Promise<void> {
    await this.#client.thread(required(threadId, "thread_id")).delete();
  }

  override async getDeltaChannelHistory(options: {
    config: RunnableConfig;
    channels: string[];
  }): Promise<Record<string, DeltaChannelHistory>> {
    const { config, channels } = options;
    const { threadId, namespace = "", checkpointId } = placeOf(config);
    const name = threadId && (await this.#named({ threadId, namespace, checkpointId }));
    if (!name) return Object.fromEntries(channels.map((channel) => [channel, { writes: [] }]));
    return await channelHistory(this.#client.checkpointStore, this.serde, name, channels);
  }

  override getNextVersion(current: number | undefined): number {
    // Said to be numbers, as everywhere in LangGraph.js; a thread that LangGraph Python began may go on with its texts.
    return versionAfter(current, systemEnvironment.random) as number;
  }

  /** Closes the connection, unless it is that of a client which was given. */
  close(): void {
    if (this.#ownsClient) this.#client.close();
  }

  /** Closes the connection at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }

  #toTuple(found: ReadCheckpoint): Promise<CheckpointTuple> {
    return toTuple(found, this.#client.checkpointStore, this.serde);
  }

  async #find({ threadId, ...query }: Place & { threadId: string }): Promise<ReadCheckpoint | undefined> {
    try {
      return await this.#client.checkpointStore.get(threadId, query);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** A checkpoint's name, the latest's when no id is given; undefined when there is none. */
  async #named({ threadId, namespace, checkpointId }: Place & { threadId: string; namespace: string }) {
    if (checkpointId !== undefined) return { threadId, namespace, checkpointId } satisfies CheckpointName;
    try {
      const request = { threadId, namespace, view: ValueView.REFS };
      const { entry } = await this.#client.checkpoints.getCheckpoint(request);
      return entry?.checkpoint && { threadId, namespace, checkpointId: entry.checkpoint.id };
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }
}
