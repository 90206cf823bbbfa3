/**
 * What a nodes module is written against. A module exports functions; a `module` node of a graph names one.
 * The types of this file are all there is to import (`import type`); whatever a node needs comes in its context.
 */

/** A decoded value: null, boolean, number, bigint (whole numbers beyond ±2^53), string, Uint8Array, array or plain object. */
export type NodeValue = unknown;

/** What a node gets as its state: the channels that hold a value, or the argument of a Send. */
export type NodeState = Record<string, NodeValue>;

/** What a node may return: updates by channel, a command, or nothing. */
export type NodeReturn = Record<string, NodeValue> | Command | null | undefined;

export type NodeFunction = (state: NodeState, context: NodeContext) => NodeReturn | Promise<NodeReturn>;

/** Decides where to go: a node's name, a boolean, or a list of names and Sends. */
export type BranchFunction = (state: NodeState, context: NodeContext) => Target | boolean | Promise<Target | boolean>;

/** Makes a new state of an old one, whole: a channel that it leaves out is dropped. It may be called again for one thread. */
export type MigrationFunction = (state: NodeState, context: MigrationContext) => NodeState | Promise<NodeState>;

export interface MigrationContext {
  /** The parameters that the graph gives the migration. */
  readonly params: Record<string, NodeValue>;
  readonly threadId: string;
  /** The schema_version that the state has, and the one that it is to have. */
  readonly from: number;
  readonly to: number;
}

export type Target = string | Send | (string | Send)[] | null;

export interface NodeContext {
  /** The parameters that the graph gives the node. */
  readonly params: Record<string, NodeValue>;
  readonly threadId: string;
  readonly runId: string;
  readonly taskId: string;
  readonly node: string;
  /** Aborted when the run is cancelled. */
  readonly signal: AbortSignal;
  /**
   * Stops for an answer. The first time it throws, and the run stops; when the answer is there the node runs again
   * from its beginning and this returns it. Several calls are told apart by their order.
   */
  interrupt(question: NodeValue): NodeValue;
  /**
   * Tells readers of the thread's events something, at once and without keeping it: whoever does not listen at the
   * moment misses it. Throws when the value is too large, or can't be encoded.
   */
  emit(value: NodeValue): void;
  /** Tells them a piece of a message that is on its way. Throws when it is too large. */
  token(messageId: string, text: string): void;
  /** A sign of life for the idle timeout, as what it tells is too. */
  alive(): void;
  /**
   * Updates, and where to go besides the edges. With graph "parent" both are those of the enclosing graph: this graph
   * ends, and its node there has written them.
   */
  command(command: { update?: Record<string, NodeValue>; goto?: Target; graph?: "parent" }): Command;
  /**
   * Runs a node in the next superstep with an argument of its own. `timeoutMs`: how long it may take, in place of what
   * the graph says of the node; whole milliseconds.
   */
  send(node: string, argument: NodeValue, options?: { timeoutMs?: number }): Send;
  /** Replaces a channel's value, whatever its reducer. */
  overwrite(value: NodeValue): Overwrite;
}

export class Command {
  readonly update: Record<string, NodeValue>;
  readonly goto: (string | Send)[];
  readonly toParent: boolean;

  constructor(update: Record<string, NodeValue>, goto: (string | Send)[], toParent: boolean) {
    this.update = update;
    this.goto = goto;
    this.toParent = toParent;
  }
}

export class Send {
  readonly node: string;
  readonly argument: NodeValue;
  readonly timeoutMs: number | undefined;

  constructor(node: string, argument: NodeValue, timeoutMs: number | undefined) {
    this.node = node;
    this.argument = argument;
    this.timeoutMs = timeoutMs;
  }
}

export class Overwrite {
  readonly value: NodeValue;

  constructor(value: NodeValue) {
    this.value = value;
  }
}

/** Thrown by `interrupt`; a node must let it pass. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
  readonly index: number;
  readonly question: NodeValue;

  constructor(index: number, question: NodeValue) {
    super("the node stops for an answer; don't catch this");
    this.index = index;
    this.question = question;
  }
}
