import type { PlainValue } from "../values/plain.ts";

/** What a node sees: the channels that hold a value, or the argument of the Send that it is run by. */
// biome-ignore lint/suspicious/noExplicitAny: what a channel holds is its graph's business; code casts it.
export type NodeState = Record<string, any>;

/** A value that a node gives; what can't be encoded is told with its path. */
export type NodeValue = unknown;

/** What a node may return: updates by channel, a command, or nothing. */
export type NodeReturn = Record<string, NodeValue> | Command | null | undefined;

/** Where to go: a node's name, `"__end__"`, Sends, or several; `null`: nowhere. */
export type Target = string | Send | (string | Send)[] | null;

/** Code for a name: a node, or what decides for a conditional edge (which returns a target or a boolean). */
export type NodeFunction = (
  state: NodeState,
  context: NodeContext,
) => NodeReturn | Target | boolean | Promise<NodeReturn | Target | boolean>;

/** What a node is told, and may ask for. */
export interface NodeContext {
  /** The parameters that the graph gives the node. */
  readonly params: Record<string, unknown>;
  /** The thread. */
  readonly threadId: string;
  /** The run. */
  readonly runId: string;
  /** The task. */
  readonly taskId: string;
  /** The node; of a decision, the one that the edge leaves from. */
  readonly node: string;
  /** The namespace of the graph that the node is of; "": the outermost. */
  readonly namespace: string;
  /** Which attempt it is, from 1. */
  readonly attempt: number;
  /** Aborted when nobody waits for the result any more: the run was cancelled, the time is over, the task was lost. */
  readonly signal: AbortSignal;
  /**
   * Stops for an answer. The first time it throws, and the run stops; when the answer is there the node runs again from its
   * beginning and this returns it. Several calls are told apart by their order.
   */
  interrupt(question: NodeValue): PlainValue;
  /**
   * Tells readers of the thread's events something, at once and without keeping it. Throws RangeError above 64 KiB,
   * VALUE_MALFORMED for what can't be encoded.
   */
  emit(value: NodeValue): void;
  /** Tells them a piece of a message that is on its way. Throws RangeError above 64 KiB. */
  token(messageId: string, text: string): void;
  /** A sign of life for the idle timeout, as what it tells is too. */
  alive(): void;
}

/** Updates, and where to go besides the edges. */
export class Command {
  /** Updates by channel. */
  readonly update: Record<string, NodeValue>;
  /** Where to go. */
  readonly goto: (string | Send)[];
  /** Both are those of the enclosing graph: this graph ends. */
  readonly toParent: boolean;

  constructor(command: { update?: Record<string, NodeValue>; goto?: Target; graph?: "parent" }) {
    const { update = {}, goto = null, graph } = command;
    this.update = update;
    this.goto = goto === null ? [] : Array.isArray(goto) ? goto : [goto];
    this.toParent = graph === "parent";
  }
}

/** Runs a node in the next superstep with an argument of its own. */
export class Send {
  /** The node. */
  readonly node: string;
  /** Its argument. */
  readonly argument: NodeValue;
  /** How long it may take, in place of what the graph says of the node; whole milliseconds above 0. */
  readonly timeoutMs: number | undefined;

  constructor(node: string, argument: NodeValue, options: { timeoutMs?: number } = {}) {
    const { timeoutMs } = options;
    if (timeoutMs !== undefined && !(Number.isSafeInteger(timeoutMs) && timeoutMs > 0)) {
      throw new RangeError(`a Send's timeoutMs must be a whole number above 0, not ${timeoutMs}`);
    }
    this.node = node;
    this.argument = argument;
    this.timeoutMs = timeoutMs;
  }
}

/** Replaces a channel's value, whatever its reducer. */
export class Overwrite {
  /** The new value. */
  readonly value: NodeValue;

  constructor(value: NodeValue) {
    this.value = value;
  }
}

/** Thrown by `interrupt`; a node must let it pass. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
  /** The how manyth question it is, from 0. */
  readonly index: number;
  /** The question. */
  readonly question: NodeValue;

  constructor(index: number, question: NodeValue) {
    super("the node stops for an answer; don't catch this");
    this.index = index;
    this.question = question;
  }
}
