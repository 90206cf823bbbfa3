/** What the server tells every worker of how they work together. */
export const workerTerms = {
  protocolVersion: 1,
  /** How long a worker keeps its tasks after the server last heard of it, unless the command line says otherwise. */
  leaseMs: 30_000,
  /** Signs of life in the time of a lease. */
  heartbeatsPerLease: 3,
  /** How long an acknowledgement waits for a message that it can ride with, and how many ride with one. */
  ackWaitMs: 5,
  acksAtOnce: 100,
  /** The longest piece of a payload. */
  chunkBytes: 256 * 1024,
  /** The longest payload: the input of a node, or its result. */
  payloadBytesMax: 64 * 1024 * 1024,
  /** Workers of one server, connected, lent to it or waited for. */
  workersMax: 10_000,
  /** How often a task without a retry policy is given to another worker when its worker is lost. */
  taskLossesMax: 3,
  /** How long a task waits for a worker while none serves it, when the graph does not say. */
  waitMs: 10 * 60 * 1000,
  /** A worker that reconnects at once is no news: only what waits longer is told of. */
  waitsQuietlyMs: 1_000,
  /** Workers that are told to come back later do so within this time. */
  reconnectMs: 2_000,
  /** How often a server looks for what others want of it and write to it: while something goes on, and otherwise. */
  lettersBusyMs: 10,
  lettersIdleMs: 100,
  /** How long something is taken to go on after the last letter. */
  lettersBusyForMs: 1_000,
  /** Letters that are sent or fetched at once. */
  lettersAtOnce: 64,
  /** With more letters than these waiting to be sent, what tasks tell while they run is dropped. */
  lettersWaitingMax: 1_000,
  /** How often a letter is looked for that is missing between others. */
  letterMissesMax: 100,
  /** A lending without tasks is ended after this time. */
  lendingQuietMs: 5_000,
  /** How long a server that stops tries to tell others of it. */
  farewellMs: 2_000,
  /** Of how many tasks that wait for one name the other servers hear. */
  wantedTasksMax: 1_000,
  /** The longest stack of an error that is kept, in characters. */
  stackLengthMax: 16 * 1024,
} as const;
