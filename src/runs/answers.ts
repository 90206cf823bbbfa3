import { Cell } from "../engine/cell.ts";
import { checkSize } from "../engine/size.ts";
import { type OpenInterrupt, snapshot } from "../engine/snapshot.ts";
import { controlPendingWrite } from "../engine/task-status.ts";
import { CairnError } from "../errors.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import type { TypedValue } from "../gen/cairn/v1/value_pb.ts";
import type { Draft } from "../store/store.ts";
import type { Plain } from "../values/value.ts";
import type { EventMaker } from "./event-bodies.ts";
import type { Loaded } from "./load.ts";

/** Answers to interrupts: one to the only one that is open, or several by their ids. */
export type Answers = { value: TypedValue } | { byId: Record<string, TypedValue> };

/**
 * Notes answers with the tasks that wait for them, and adds the writes and the event to the draft. An answer that
 * nobody waits for is an error that lists what is waited for. At a checkpoint that the thread has moved past, every
 * question that was asked there can be answered anew.
 */
export function giveAnswers(
  { state, statuses }: Loaded,
  answers: Answers,
  superseded: boolean,
  nowMs: number,
  events: EventMaker,
  draft: Draft,
): void {
  const waiting = snapshot(state, statuses, !superseded).tasks.flatMap(({ interrupts, task }) =>
    interrupts.map((asked) => ({ asked, task })),
  );
  const open = waiting.map(({ asked }) => asked);
  if (open.length === 0) throw nothingToResume();
  const byId = "byId" in answers ? answers.byId : { [onlyOne(open).id]: answers.value };
  for (const id of Object.keys(byId)) if (!open.some((asked) => asked.id === id)) throw interruptNotFound(id, open);
  const writes = waiting.flatMap(({ asked, task }) => {
    const answer = Object.hasOwn(byId, asked.id) ? byId[asked.id] : undefined;
    if (answer === undefined) return [];
    const status = statuses.get(task.id);
    const field = "byId" in answers ? `answers.by_id[${JSON.stringify(asked.id)}]` : "value";
    checkSize(field, "__resume__", answer.data.length);
    const list: Plain[] = [...(status?.answers ?? []).slice(0, asked.index), decoded(answer, field)];
    if (status !== undefined) status.answers = list;
    const more = { controlIndex: list.length, createdAt: new Date(nowMs).toISOString() };
    return [controlPendingWrite(task.id, task.path, "__resume__", Cell.of(list), more)];
  });
  const { namespace, checkpointId } = state;
  draft.writes = [...(draft.writes ?? []), { namespace, checkpointId, writes }];
  const answered = events.make({ case: "interruptAnswered", value: { interruptIds: Object.keys(byId) } });
  draft.events = [...(draft.events ?? []), answered];
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
