import type {
  ChannelVersions,
  Checkpoint,
  CheckpointMetadata,
  SerializerProtocol,
} from "@langchain/langgraph-checkpoint";
import type { CheckpointStore, PutOptions } from "../checkpoints/checkpoint-store.ts";
import type { Services } from "../client.ts";
import { CairnClientError } from "../error.ts";
import type { PutCheckpointResponse } from "../gen/cairn/v1/checkpoint_service_pb.ts";
import { ValueView } from "../gen/cairn/v1/checkpoint_service_pb.ts";
import type { CheckpointName } from "./config.ts";
import { toDocument } from "./document.ts";
import { type KnownCheckpoint, type KnownCheckpoints, knownOf } from "./known-checkpoints.ts";
import { isNotFound } from "./list.ts";
import { toMetadataFields } from "./metadata.ts";
import { serialized } from "./serialized-values.ts";

/** What LangGraph.js puts. */
export interface CheckpointPut {
  name: CheckpointName;
  parentId?: string;
  checkpoint: Checkpoint;
  metadata: CheckpointMetadata;
  newVersions: ChannelVersions;
}

type Source = { case: "ref"; value: string } | Awaited<ReturnType<typeof serialized>>["source"];

/** Puts checkpoints of LangGraph.js: the values that are new, and references to those that are as they were. */
export class CheckpointPutter {
  readonly #store: CheckpointStore;
  readonly #checkpoints: Services["checkpoints"];
  readonly #serde: SerializerProtocol;
  readonly #known: KnownCheckpoints;

  constructor(
    store: CheckpointStore,
    checkpoints: Services["checkpoints"],
    { serde, known }: { serde: SerializerProtocol; known: KnownCheckpoints },
  ) {
    this.#store = store;
    this.#checkpoints = checkpoints;
    this.#serde = serde;
    this.#known = known;
  }

  async put(put: CheckpointPut, expectedHead: PutOptions["expectedHead"]): Promise<void> {
    const { name, parentId, checkpoint } = put;
    const parent = parentId === undefined ? undefined : await this.#parent({ ...name, checkpointId: parentId });
    const response = await this.#putAfter(put, parent, expectedHead);
    const versions = new Map(Object.entries(checkpoint.channel_versions ?? {}));
    this.#known.set(name, { refs: new Map(Object.entries(response.valueRefs)), versions });
  }

  async #putAfter(
    put: CheckpointPut,
    parent: KnownCheckpoint | undefined,
    expectedHead: PutOptions["expectedHead"],
  ): Promise<PutCheckpointResponse> {
    const { name, parentId, checkpoint, metadata } = put;
    const message = {
      ...toDocument(checkpoint),
      ...(await toMetadataFields(metadata)),
      threadId: name.threadId,
      namespace: name.namespace,
      parentId,
      channelValues: await this.#values(put, parent),
    };
    try {
      return await this.#store.put(message, { expectedHead });
    } catch (error) {
      // The first attempt of another caller, or of this one, has arrived: what is put again stays the head.
      if (expectedHead && headOf(error) === checkpoint.id) return await this.#store.put(message);
      const isGone = error instanceof CairnClientError && error.reason === "VALUE_NOT_FOUND";
      if (!isGone || !parent || parent.refs.size === 0) throw error;
      return await this.#putAfter(put, { refs: new Map(), versions: new Map() }, expectedHead);
    }
  }

  /**
   * New values, and those that are as the parent has them. Without a parent, new ones only, as LangGraph's savers do; what
   * the parent does not have is put whole.
   */
  async #values({ checkpoint, newVersions }: CheckpointPut, parent: KnownCheckpoint | undefined) {
    const { channel_values, channel_versions } = checkpoint;
    const entries = Object.entries(channel_values ?? {}).map(async ([channel, value]) => {
      const isNew = Object.hasOwn(newVersions, channel);
      if (!isNew && !parent) return [];
      const ref = parent?.refs.get(channel);
      const isKept = !isNew && ref !== undefined && parent?.versions.get(channel) === channel_versions[channel];
      const kept = { source: { case: "ref" as const, value: ref ?? "" } };
      const sent: { source: Source } = isKept ? kept : await serialized(this.#serde, value);
      return [[channel, sent] as const];
    });
    return Object.fromEntries((await Promise.all(entries)).flat());
  }

  /** Where the parent's values are; nowhere, when it has been pruned. */
  async #parent(name: CheckpointName): Promise<KnownCheckpoint | undefined> {
    const known = this.#known.get(name);
    if (known) return known;
    try {
      const { entry } = await this.#checkpoints.getCheckpoint({ ...name, view: ValueView.REFS });
      return entry?.checkpoint && knownOf(entry.checkpoint);
    } catch (error) {
      if (isNotFound(error)) return { refs: new Map(), versions: new Map() };
      throw error;
    }
  }
}

/** The head that a put did not expect. */
function headOf(error: unknown): string | undefined {
  if (!(error instanceof CairnClientError) || error.reason !== "HEAD_MISMATCH") return undefined;
  return error.metadata.head;
}
