import type { CairnClientError, RunStatusName } from "../../clients/typescript/src/index.ts";

/** Exit codes. Scripts decide by them, so they never change their meaning. */
export const Exit = {
  ok: 0,
  failed: 1,
  usage: 2,
  waiting: 3,
  notFound: 4,
  refused: 5,
  unavailable: 6,
  denied: 7,
  interrupted: 130,
} as const;

/** The table in --help. */
export const exitCodesHelp = `Exit codes:
  0  done
  1  the run failed or was cancelled, the graph has faults, or the server is at fault
  2  the command line, a file or a value is wrong
  3  the run stopped before its end: it waits for an answer, or stands at a breakpoint
  4  no such thread, checkpoint, graph or node
  5  refused: the thread is busy or not in a state that allows it, it exists already, or a limit was reached
  6  the server or its store can't be reached, or the time is over
  7  no token, or not one for this space
  130  stopped by Ctrl-C
`;

const byCode: Record<string, number> = {
  CANCELLED: Exit.failed,
  INVALID_ARGUMENT: Exit.usage,
  DEADLINE_EXCEEDED: Exit.unavailable,
  NOT_FOUND: Exit.notFound,
  ALREADY_EXISTS: Exit.refused,
  PERMISSION_DENIED: Exit.denied,
  RESOURCE_EXHAUSTED: Exit.refused,
  FAILED_PRECONDITION: Exit.refused,
  ABORTED: Exit.refused,
  OUT_OF_RANGE: Exit.refused,
  UNAVAILABLE: Exit.unavailable,
  UNAUTHENTICATED: Exit.denied,
};

/** The exit code of a call that was refused. */
export function exitCodeOfError({ codeName, reason }: CairnClientError): number {
  return reason === "GRAPH_INVALID" ? Exit.failed : (byCode[codeName] ?? Exit.failed);
}

const byStatus: Partial<Record<RunStatusName, number>> = {
  running: Exit.ok,
  queued: Exit.ok,
  done: Exit.ok,
  interrupted: Exit.waiting,
  paused: Exit.waiting,
  lost: Exit.unavailable,
};

/** The exit code of a run by why it stopped. */
export function exitCodeOfStatus(status: RunStatusName): number {
  return byStatus[status] ?? Exit.failed;
}
