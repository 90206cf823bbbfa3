/** What the server and the worker thread of a nodes module tell each other. Values travel as encoded MessagePack. */

export interface CallMessage {
  kind: "call";
  id: number;
  /** "node": run it as a node; "decide": as a conditional edge. */
  as: "node" | "decide";
  function: string;
  /** Encoded: the state's channels by name, or a Send's argument. */
  state: Map<string, Uint8Array> | Uint8Array;
  params: unknown;
  /** Encoded answers to the node's interrupts, in order. */
  answers: Uint8Array[];
  context: { threadId: string; runId: string; taskId: string; node: string };
}

/** Asks for a migrated state. */
export interface MigrateMessage {
  kind: "migrate";
  id: number;
  function: string;
  /** Encoded channels by name. */
  state: Map<string, Uint8Array>;
  params: unknown;
  context: { threadId: string; from: number; to: number };
}

/** What a worker thread is started with. */
export interface WorkerStart {
  file: string;
  /** One number: how many `Told` messages are on their way. */
  inFlight: Int32Array<SharedArrayBuffer>;
}

export interface CancelMessage {
  kind: "cancel";
  id: number;
}

export type ToWorker = CallMessage | MigrateMessage | CancelMessage;

export interface SentNode {
  node: string;
  arg: Uint8Array;
  timeoutMs: number | undefined;
}

/** What a node tells while it runs. */
export type Told =
  | { kind: "alive" }
  | { kind: "custom"; value: Uint8Array }
  | { kind: "token"; messageId: string; text: string };

/** The same, of a call in a worker thread. */
export type ToldInCall = Told & { id: number };

export type FromWorker =
  | ToldInCall
  | { kind: "loaded"; functions: string[] }
  | { kind: "unloadable"; message: string }
  | {
      kind: "result";
      id: number;
      update: { channel: string; value: Uint8Array; overwrite: boolean }[];
      goto: (string | SentNode)[];
      toParent: boolean;
      /** How many questions it asked, all of which were answered. */
      asked: number;
    }
  | { kind: "decision"; id: number; value: Uint8Array }
  | { kind: "migrated"; id: number; set: Map<string, Uint8Array>; kept: Set<string> }
  | { kind: "interrupted"; id: number; index: number; value: Uint8Array }
  | { kind: "failed"; id: number; name: string; message: string };
