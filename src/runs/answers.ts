import { Cell } from "../engine/cell.ts";
import { withHandlers } from "../engine/error-handler.ts";
import { checkSize } from "../engine/size.ts";
import { type OpenInterrupt, snapshot } from "../engine/snapshot.ts";
import { controlPendingWrite } from "../engine/task-status.ts";
import { prepareTasks, type Task } from "../engine/tasks.ts";
import { CairnError } from "../errors.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import type { TypedValue } from "../gen/cairn/v1/value_pb.ts";
import type { Draft } from "../store/store.ts";
import type { Plain } from "../values/value.ts";
import type { Loaded } from "./load.ts";

/** Answers to interrupts: one to the only one that is open, or several by their ids. */
export type Answers = { value: TypedValue } | { byId: Record<string, TypedValue> };

/** What a call of Resume comes to. */
export interface GivenAnswers {
  /** The interrupts that are answered. */
  interruptIds: string[];
  given: Given[];
}

/** The answers of one graph's tasks. */
interface Given {
  loaded: Loaded;
  /** By the path of the task: every answer that it has been given, in the order of its questions. */
  byPath: Map<string, Plain[]>;
}

/** A task that waits, with the graph that it is of. */
interface Waiting {
  loaded: Loaded;
  task: Task;
  asked: OpenInterrupt;
}

/**
 * Finds the tasks that wait for the answers. One that nobody waits for is an error that lists what is waited for. At
 * a checkpoint that the thread has moved past, every question that was asked there can be answered anew; the tasks
 * run again then, and keep the answers that they are not given now.
 */
export function takeAnswers(loaded: Loaded, answers: Answers, superseded: boolean): GivenAnswers {
  const waiting = superseded ? waitingIn(loaded, false) : waitingAnywhere(loaded);
  const open = waiting.map(({ asked }) => asked);
  if (open.length === 0) throw nothingToResume();
  const byId = "byId" in answers ? answers.byId : { [onlyOne(open).id]: answers.value };
  for (const id of Object.keys(byId)) if (!open.some((asked) => asked.id === id)) throw interruptNotFound(id, open);
  const given = new Map<Loaded, Map<string, Plain[]>>();
  if (superseded) given.set(loaded, new Map(answersSoFar(loaded)));
  for (const { asked, task, loaded: asker } of waiting) {
    const answer = Object.hasOwn(byId, asked.id) ? byId[asked.id] : undefined;
    if (answer === undefined) continue;
    const field = "byId" in answers ? `answers.by_id[${JSON.stringify(asked.id)}]` : "value";
    checkSize(field, "__resume__", answer.data.length);
    const before = asker.statuses.get(task.id)?.answers ?? [];
    const byPath = given.get(asker) ?? new Map<string, Plain[]>();
    given.set(asker, byPath.set(task.path, [...before.slice(0, asked.index), decoded(answer, field)]));
  }
  return {
    interruptIds: Object.keys(byId),
    given: [...given].map(([asker, byPath]) => ({ loaded: asker, byPath })),
  };
}

function waitingIn(loaded: Loaded, live: boolean): Waiting[] {
  return snapshot(loaded.state, loaded.statuses, live).tasks.flatMap(({ interrupts, task }) =>
    interrupts.map((asked) => ({ loaded, asked, task })),
  );
}

/** Those of the graph, and of the subgraphs that its tasks have begun. */
function waitingAnywhere(loaded: Loaded): Waiting[] {
  return [...waitingIn(loaded, true), ...[...loaded.children.values()].flatMap(waitingAnywhere)];
}

function answersSoFar({ state, statuses }: Pick<Loaded, "state" | "statuses">): [path: string, answers: Plain[]][] {
  return prepareTasks(state).flatMap(({ id, path }): [string, Plain[]][] => {
    const { answers = [] } = statuses.get(id) ?? {};
    return answers.length === 0 ? [] : [[path, answers]];
  });
}

/** Gives the tasks that are due their answers, and adds the writes that keep them to the draft. */
export function giveAnswers({ given }: GivenAnswers, nowMs: number, draft: Draft): void {
  for (const each of given) giveTo(each, nowMs, draft);
}

function giveTo({ loaded: { state, statuses }, byPath }: Given, nowMs: number, draft: Draft): void {
  const writes = withHandlers(state, prepareTasks(state), statuses).flatMap(({ id, path }) => {
    const list = byPath.get(path);
    if (list === undefined) return [];
    const status = statuses.get(id) ?? { writes: [], answers: [] };
    statuses.set(id, { ...status, answers: list });
    const more = { controlIndex: list.length, createdAt: new Date(nowMs).toISOString() };
    return [controlPendingWrite(id, path, "__resume__", Cell.of(list), more)];
  });
  const { namespace, checkpointId } = state;
  draft.writes = [...(draft.writes ?? []), { namespace, checkpointId, writes }];
}

function decoded(answer: TypedValue, field: string): Plain {
  try {
    return new Cell(answer).value;
  } catch (thrown) {
    if (!(thrown instanceof CairnError)) throw thrown;
    throw new CairnError(thrown.reason, `${field}: ${thrown.message}`, {
      metadata: thrown.metadata,
      violations: [{ field, description: thrown.message }],
    });
  }
}

function onlyOne(open: readonly OpenInterrupt[]): OpenInterrupt {
  const [only] = open;
  if (only !== undefined && open.length === 1) return only;
  throw new CairnError(
    ErrorReason.AMBIGUOUS_RESUME,
    `${open.length} interrupts wait for answers; say which by id: ${describe(open)}`,
    { metadata: { waiting: ids(open) } },
  );
}

function nothingToResume(): CairnError {
  return new CairnError(ErrorReason.NOTHING_TO_RESUME, "nothing waits for an answer", { metadata: { waiting: "" } });
}

function interruptNotFound(id: string, open: readonly OpenInterrupt[]): CairnError {
  return new CairnError(
    ErrorReason.INTERRUPT_NOT_FOUND,
    `nobody waits for an answer to ${JSON.stringify(id)}; waiting: ${describe(open)}`,
    { metadata: { interrupt_id: id, waiting: ids(open) } },
  );
}

function ids(open: readonly OpenInterrupt[]): string {
  return open.map(({ id }) => id).join(",");
}

function describe(open: readonly OpenInterrupt[]): string {
  return open.map(({ id, node }) => `${id} (node ${node})`).join(", ");
}
