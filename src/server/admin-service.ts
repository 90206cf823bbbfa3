import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { toCairnError } from "../errors.ts";
import {
  AdminService,
  BackupStoreResponseSchema,
  type CheckStoreRequest,
  type CheckStoreResponse,
  CheckStoreResponseSchema,
  DeleteSpaceResponseSchema,
  GetStatusResponseSchema,
  type ListSpacesRequest,
  type ListSpacesResponse,
  ListSpacesResponseSchema,
  type MigrateStoreRequest,
  type MigrateStoreResponse,
  MigrateStoreResponseSchema,
  StoreFault,
  type StoreFinding as StoreFindingMessage,
  StoreFindingSchema,
} from "../gen/cairn/v1/admin_service_pb.ts";
import { limits } from "../limits.ts";
import type { StoreFinding } from "../store/doctor/check-store.ts";
import type { Fault } from "../store/doctor/finding.ts";
import { LAYOUT } from "../store/record-codec.ts";
import { checkAll, checkSpace } from "./auth.ts";
import type { CallContext } from "./context.ts";
import { pageSizeOf } from "./pages.ts";
import { define, type Parts, type Service } from "./service.ts";
import { version } from "./version.ts";

/** Of one response. */
const FINDINGS_IN_ONE = 1_000;

export function adminService(parts: Parts, activeRuns: () => number): Service {
  const { store } = parts;
  return define(AdminService, {
    listSpaces: (request, context) => listSpaces(parts, request, context),
    async deleteSpace({ space }, { caller }) {
      checkSpace(caller, space);
      const deleted = await store.deleteSpace(space);
      return create(DeleteSpaceResponseSchema, { deletedThreads: BigInt(deleted) });
    },
    async backupStore({ folder }, { caller }) {
      checkAll(caller);
      await store.backup(folder);
      return create(BackupStoreResponseSchema);
    },
    migrateStore: (request, context) => migrateStore(parts, request, context),
    checkStore: (request, context) => checkStore(parts, request, context),
    async getStatus() {
      const storeError = await store.ping().then(
        () => "",
        (error: unknown) => toCairnError(error).message,
      );
      return create(GetStatusResponseSchema, {
        version,
        serverId: parts.serverId,
        startedAt: timestampFromMs(parts.startedAtMs),
        storeKind: store.kind,
        storeReachable: storeError === "",
        storeError,
        activeRuns: activeRuns(),
        limits: limitsOf(parts),
      });
    },
  });
}

/** Every limit, as this server has been told. */
function limitsOf({ store }: Parts): { [name: string]: bigint } {
  const all = { ...limits, eventRecordsKeptMax: store.eventRecordsKept, valueBytesMax: store.valueBytesMax };
  return Object.fromEntries(Object.entries(all).map(([name, value]) => [name, BigInt(value)]));
}

async function* migrateStore(
  { store }: Parts,
  { dryRun, rowsPerSecond }: MigrateStoreRequest,
  { caller, signal }: CallContext,
): AsyncGenerator<MigrateStoreResponse> {
  checkAll(caller);
  for await (const migration of store.migrate({ dryRun, rowsPerSecond, signal })) {
    const { looked, total, layouts, upgraded, unreadable } = migration;
    yield create(MigrateStoreResponseSchema, {
      newestLayout: LAYOUT,
      looked: BigInt(looked),
      total: BigInt(total),
      layouts: Object.fromEntries([...layouts].map(([layout, count]) => [layout, BigInt(count)])),
      upgraded: BigInt(upgraded),
      unreadable: BigInt(unreadable),
    });
  }
}

async function* checkStore(
  { store }: Parts,
  { repair, space }: CheckStoreRequest,
  { caller, signal }: CallContext,
): AsyncGenerator<CheckStoreResponse> {
  if (space === "") checkAll(caller);
  else checkSpace(caller, space);
  const options = { repair, signal, space: space === "" ? undefined : space };
  for await (const { threads, records, values, findings } of store.check(options)) {
    for (let from = 0; from === 0 || from < findings.length; from += FINDINGS_IN_ONE) {
      yield create(CheckStoreResponseSchema, {
        threads: BigInt(threads),
        records: BigInt(records),
        values: BigInt(values),
        findings: findings.slice(from, from + FINDINGS_IN_ONE).map(findingOf),
      });
    }
  }
}

const faults: { readonly [name in Fault]: StoreFault } = {
  "unreadable-record": StoreFault.UNREADABLE_RECORD,
  "missing-value": StoreFault.MISSING_VALUE,
  "damaged-value": StoreFault.DAMAGED_VALUE,
  "orphaned-value": StoreFault.ORPHANED_VALUE,
  "orphaned-parts": StoreFault.ORPHANED_PARTS,
  "broken-parent": StoreFault.BROKEN_PARENT,
  "wrong-keys": StoreFault.WRONG_KEYS,
  "unreadable-graph": StoreFault.UNREADABLE_GRAPH,
};

function findingOf(finding: StoreFinding): StoreFindingMessage {
  const { fault, space, thread = "", graph = "", n, ref = "", checkpoint, why, isRepaired } = finding;
  return create(StoreFindingSchema, {
    fault: faults[fault],
    space,
    threadId: thread,
    position: BigInt(n),
    ref,
    checkpointId: checkpoint?.id ?? "",
    namespace: checkpoint?.namespace ?? "",
    graphName: graph,
    reason: why,
    repaired: isRepaired,
  });
}

/** A page of what the caller may use: pages of the store are read until it is full, so that it tells of no others. */
async function listSpaces(
  { store }: Parts,
  request: ListSpacesRequest,
  { caller }: CallContext,
): Promise<ListSpacesResponse> {
  const pageSize = pageSizeOf(request);
  const response = create(ListSpacesResponseSchema, { nextPageToken: request.pageToken });
  do {
    const page = await store.listSpaces(pageSize - response.spaces.length, response.nextPageToken);
    response.spaces.push(...page.spaces.filter((space) => caller.mayUse(space)));
    response.nextPageToken = page.nextPageToken;
  } while (response.nextPageToken !== "" && response.spaces.length < pageSize);
  return response;
}
