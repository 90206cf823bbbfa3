import {
  DOCUMENTS,
  FILTERS,
  IDS,
  type List,
  NAMESPACES,
  PATHS,
  type Put,
  RUNS,
  TASKS,
  THREADS,
  type Writes,
} from "./model-operations.ts";
import { wideVersions } from "./wide-versions.ts";

/** A checkpoint as the model knows it; values are numbers of sample values. */
export interface ModelCheckpoint {
  thread: string;
  namespace: string;
  id: string;
  seq: number;
  parent: string | undefined;
  /** Position of the record that it is in. */
  n: number;
  /** Whether its parent was removed; "unknown" of one that was there before its parent. */
  parentPruned: boolean | "unknown";
  run: string | undefined;
  document: number;
  values: Map<string, number>;
}

export interface ModelWrite {
  task: string;
  path: string;
  idx: number;
  value: number;
}

export interface ModelThread {
  n: number;
  /** Position at which it was deleted last. */
  floor: number;
  exists: boolean;
  checkpoints: ModelCheckpoint[];
  /** By namespace and checkpoint. */
  writes: Map<string, ModelWrite[]>;
  requests: Map<string, { isAnswered: boolean }>;
}

export class ModelRefusal extends Error {}

/** The plainest store that could be right: arrays in memory, everything searched from end to end. */
export class ModelStore {
  readonly threads = new Map<string, ModelThread>();

  thread(name: string): ModelThread {
    let thread = this.threads.get(name);
    if (!thread) {
      thread = nothing();
      this.threads.set(name, thread);
    }
    return thread;
  }

  /** The head's id, undefined when there is none. */
  head(thread: ModelThread, namespace: string): ModelCheckpoint | undefined {
    return thread.checkpoints.filter((one) => one.namespace === namespace).sort(bySeq)[0];
  }

  put(put: Put, kept: Map<string, number>): void {
    const name = THREADS[put.thread] as string;
    const namespace = NAMESPACES[put.namespace] as string;
    const id = IDS[put.id] as string;
    const thread = this.thread(name);
    const head = this.head(thread, namespace);
    if (put.expectedHead === "none" && head) throw new ModelRefusal("HEAD_MISMATCH");
    if (put.expectedHead === "wrong") throw new ModelRefusal("HEAD_MISMATCH");
    const old = thread.checkpoints.find((one) => one.namespace === namespace && one.id === id);
    if (old && put.onConflict === "fail") throw new ModelRefusal("CHECKPOINT_EXISTS");
    thread.n++;
    thread.exists = true;
    const values = new Map(kept);
    put.values.forEach((value, index) => {
      values.set(`c${index}`, value);
    });
    thread.checkpoints = thread.checkpoints.filter((one) => one !== old);
    thread.checkpoints.push({
      thread: name,
      namespace,
      id,
      seq: old && put.onConflict === "replace" ? old.seq : thread.n,
      parent: parentOf(put),
      n: thread.n,
      parentPruned: false,
      run: put.run === null ? undefined : RUNS[put.run],
      document: put.document,
      values,
    });
    if (!put.request) return;
    const request = thread.requests.get(`${put.request.id}`) ?? { isAnswered: false };
    thread.requests.set(`${put.request.id}`, { isAnswered: request.isAnswered || put.request.isAnswered });
  }

  write(operation: Writes): void {
    const thread = this.thread(THREADS[operation.thread] as string);
    thread.n++;
    thread.exists = true;
    const key = writesKey(NAMESPACES[operation.namespace] as string, IDS[operation.id] ?? "");
    const list = thread.writes.get(key) ?? [];
    for (const { task, path, idx, value } of operation.writes) {
      const write = { task: TASKS[task] as string, path: PATHS[path] as string, idx, value };
      const old = list.findIndex((one) => one.task === write.task && one.idx === idx);
      if (old < 0) list.push(write);
      else if (idx < 0) list[old] = write;
    }
    thread.writes.set(key, list);
  }

  clear(threadIndex: number, namespace: string, id: string): void {
    const thread = this.thread(THREADS[threadIndex] as string);
    thread.n++;
    thread.exists = true;
    thread.writes.delete(writesKey(namespace, id));
  }

  writesOf({ thread, namespace, id }: ModelCheckpoint): ModelWrite[] {
    const list = [...(this.thread(thread).writes.get(writesKey(namespace, id)) ?? [])];
    return list.sort((a, b) => utf8(a.path, b.path) || utf8(a.task, b.task) || a.idx - b.idx);
  }

  deleteThread(name: string): boolean {
    const thread = this.thread(name);
    if (!thread.exists) return false;
    const n = thread.n + 1;
    this.threads.set(name, { ...nothing(), n, floor: n });
    return true;
  }

  copy(fromName: string, toName: string): void {
    const from = this.thread(fromName);
    const to = this.thread(toName);
    if (!from.exists) throw new ModelRefusal("THREAD_NOT_FOUND");
    if (to.exists) throw new ModelRefusal("THREAD_EXISTS");
    const shift = to.n - from.floor;
    const copied = structuredClone(from);
    for (const checkpoint of copied.checkpoints) {
      checkpoint.thread = toName;
      checkpoint.n += shift;
      checkpoint.seq += shift;
    }
    this.threads.set(toName, { ...copied, n: from.n + shift + 2, floor: to.floor, requests: new Map() });
  }

  deleteRuns(runs: string[]): number {
    let count = 0;
    for (const run of runs) {
      for (const thread of this.threads.values()) {
        const gone = thread.checkpoints.filter((one) => one.run === run);
        if (gone.length === 0) continue;
        count += gone.length;
        thread.n++;
        thread.checkpoints = thread.checkpoints.filter((one) => one.run !== run);
        for (const one of gone) this.#removed(thread, one, ({ n }) => n > Math.min(one.n, one.seq) || "unknown");
      }
    }
    return count;
  }

  prune(name: string, keep: number): number {
    const thread = this.thread(name);
    if (!thread.exists) throw new ModelRefusal("THREAD_NOT_FOUND");
    const namespaces = Map.groupBy(thread.checkpoints, ({ namespace }) => namespace);
    const gone = [...namespaces.values()].flatMap((each) => each.sort(bySeq).slice(keep));
    thread.checkpoints = thread.checkpoints.filter((one) => !gone.includes(one));
    for (const one of gone) this.#removed(thread, one, () => true);
    return gone.length;
  }

  #removed(
    thread: ModelThread,
    { namespace, id }: ModelCheckpoint,
    isMarked: (child: ModelCheckpoint) => true | "unknown",
  ) {
    thread.writes.delete(writesKey(namespace, id));
    for (const child of thread.checkpoints) {
      if (child.namespace !== namespace || child.parent !== id || child.parentPruned === true) continue;
      child.parentPruned = isMarked(child);
    }
  }

  /** Checkpoints whose parent is not there, and not known to have been removed. */
  brokenOf(name: string): ModelCheckpoint[] {
    const { checkpoints } = this.thread(name);
    return checkpoints.filter(
      ({ namespace, parent, parentPruned }) =>
        parent !== undefined &&
        parentPruned === false &&
        !checkpoints.some((other) => other.namespace === namespace && other.id === parent),
    );
  }

  /** The checkpoint's parent is not there: it must be marked from now on. */
  markParent(name: string, { namespace, id }: Pick<ModelCheckpoint, "namespace" | "id">): void {
    for (const child of this.thread(name).checkpoints) {
      if (child.namespace === namespace && child.id === id) child.parentPruned = true;
    }
  }

  find(id: string): ModelCheckpoint | undefined {
    const found = [...this.threads.values()].flatMap(({ checkpoints }) => checkpoints.filter((one) => one.id === id));
    if (new Set(found.map(({ thread }) => thread)).size > 1) throw new ModelRefusal("CHECKPOINT_AMBIGUOUS");
    return found.find(({ namespace }) => namespace === "") ?? found.sort(bySeq)[0];
  }

  list(list: List): ModelCheckpoint[] {
    const names = list.thread === null ? [...THREADS].sort(utf8) : [THREADS[list.thread] as string];
    return names.flatMap((name) => this.#listOf(name, list));
  }

  #listOf(name: string, list: List): ModelCheckpoint[] {
    const thread = this.thread(name);
    const namespace = list.namespace === null ? undefined : NAMESPACES[list.namespace];
    const order =
      list.order === "seq" ? bySeq : (a: ModelCheckpoint, b: ModelCheckpoint) => utf8(b.id, a.id) || bySeq(a, b);
    let found = thread.checkpoints.filter((one) => namespace === undefined || one.namespace === namespace).sort(order);
    if (list.before !== null) {
      const before = IDS[list.before] as string;
      const seqs = found.filter(({ id }) => id === before).map(({ seq }) => seq);
      if (list.order === "seq" && seqs.length === 0) throw new ModelRefusal("CHECKPOINT_NOT_FOUND");
      found = found.filter(({ id, seq }) => (list.order === "seq" ? seq < Math.max(...seqs) : utf8(id, before) < 0));
    }
    if (list.ancestorsOf !== null) {
      const line = this.#lineOf(thread, namespace ?? "", IDS[list.ancestorsOf] as string);
      found = line.filter((one) => found.includes(one));
    }
    return found.filter((one) => list.filters.every((filter) => FILTERS[filter]?.matches.includes(one.document)));
  }

  #lineOf(thread: ModelThread, namespace: string, from: string): ModelCheckpoint[] {
    const line: ModelCheckpoint[] = [];
    for (let id: string | undefined = from; id !== undefined; id = line.at(-1)?.parent) {
      const next = thread.checkpoints.find((one) => one.namespace === namespace && one.id === id);
      if (!next) break;
      line.push(next);
    }
    if (line.length === 0) throw new ModelRefusal("CHECKPOINT_NOT_FOUND");
    return line;
  }
}

function nothing(): ModelThread {
  return { n: 0, floor: 0, exists: false, checkpoints: [], writes: new Map(), requests: new Map() };
}

/** A parent that comes before the id among IDS, or one that never exists. */
export function parentOf({ parent, id }: Put): string | undefined {
  if (parent === null) return undefined;
  return parent < id ? IDS[parent] : "never";
}

export function metadataOf(document: number): Uint8Array | undefined {
  const text = DOCUMENTS[document];
  return text === undefined ? undefined : new TextEncoder().encode(text);
}

/** Of every other document, that of a graph so large that its versions are a value by themselves. */
export function versionsOf(document: number): ReturnType<typeof wideVersions> | undefined {
  return document % 2 === 1 ? wideVersions(document) : undefined;
}

const writesKey = (namespace: string, id: string) => `${namespace}\0${id}`;
const bySeq = (a: { seq: number }, b: { seq: number }) => b.seq - a.seq;
const utf8 = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
