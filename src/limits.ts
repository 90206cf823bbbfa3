/** Every limit that is not a field's own rule in the protos. AdminService.GetStatus lists them. */
export const limits = {
  /** The largest value (a channel's, a write's) that is put, in bytes, unless the command line says otherwise. */
  valueBytesMax: 256 * 1024 * 1024,
  /** The largest value that a graph's node may write, or a person answer, in bytes. */
  nodeValueBytesMax: 16 * 1024 * 1024,
  /** Values up to this are kept by what changed in them, and read in one piece; larger ones pass through in parts. */
  wholeValueBytesMax: 64 * 1024 * 1024,
  /** What an answer brings of values, in bytes; the others are told of by reference, and fetched by GetValues. */
  answerValueBytesMax: 32 * 1024 * 1024,
  /** Values that one call uploads. */
  uploadsPerCallMax: 1_000,
  /** How long an upload waits for a put that names it. */
  uploadKeptMs: 60 * 60 * 1000,
  /** The largest gRPC message in either direction, in bytes. */
  messageBytesMax: 64 * 1024 * 1024,
  /** Values up to this ride in their log record; larger ones are written first, in parts. */
  inlineValueBytesMax: 256 * 1024,
  /** Values read or written last, kept to make patches of them, in bytes. */
  valueCacheBytesMax: 128 * 1024 * 1024,
  /** Channels of which it is remembered which value came last. */
  valueLinesMax: 100_000,
  /** One part of a large value. */
  valuePartBytes: 1024 * 1024,
  /** The largest encoded log record. MongoDB's own limit is 16 MiB. */
  recordBytesMax: 12 * 1024 * 1024,
  /** Events in one log record. */
  eventsPerRecordMax: 10_000,
  /** Records of a thread whose events can be read, the newest ones, unless the command line says otherwise. */
  eventRecordsKeptMax: 10_000,
  /** The largest custom event or message token of a node, in bytes. They are never stored. */
  ephemeralEventBytesMax: 64 * 1024,
  /** Events that a worker thread has told and the server has not taken yet; beyond that the node waits. */
  ephemeralInFlightMax: 256,
  /** Ephemeral events kept for a reader that does not keep up, and their bytes; the oldest are lost first. */
  ephemeralEventsKeptMax: 1_000,
  ephemeralBytesKeptMax: 1024 * 1024,
  /** Tasks in one superstep. */
  tasksPerSuperstepMax: 10_000,
  /** Answers kept to be given again, in bytes, unless the command line says otherwise. */
  answerCacheBytesMax: 64 * 1024 * 1024,
  /** Runs in line on one thread: the one that is going, if its server goes on with it by itself, and those that wait. */
  callsMax: 100,
  /** Results of nodes that a graph lets be reused, kept in memory, in bytes. */
  nodeCacheBytesMax: 64 * 1024 * 1024,
  /** Rows a page may hold. */
  pageSizeMax: 500,
  /** Checkpoints that the history of a channel may go back: four times LangGraph's own bound. */
  historyStepsMax: 20_000,
  pageSizeDefault: 50,
  /** Metadata keys of a checkpoint or thread that filters can find. */
  metadataTagsMax: 64,
  /** How long a request_id is remembered. */
  requestKeptMs: 24 * 60 * 60 * 1000,
  /** Threads whose ends are remembered, so that a writer need not wait for them. */
  tailsKeptMax: 10_000,
  /** Ids of checkpoints and requests that are remembered so as not to be looked for, of all threads: some 20 MB. */
  knownKeysMax: 150_000,
  /** – of one thread; one with more is no longer remembered. */
  knownKeysOfThreadMax: 15_000,
  /** How long a lease holds without being renewed. */
  leaseMs: 15_000,
  /** How long the position of a deleted record stays taken (storage rule 4). */
  stubKeptMs: 10 * 60 * 1000,
  /** How long a nodes module's function may take to migrate one thread's state. */
  migrationMs: 30_000,
  /** How long a thread may be told to live. */
  ttlMsMin: 1_000,
  ttlMsMax: 100 * 365.25 * 24 * 60 * 60 * 1000,
  /** How long an import of a thread may take: less than parts are kept that no record is seen to name. */
  importMs: 50 * 60 * 1000,
  /** How long a copy of a thread may take until what it has written is taken for left behind. */
  copyHeldMs: 24 * 60 * 60 * 1000,
  /** Supersteps of a run when the caller names no limit. */
  recursionLimitDefault: 25,
} as const;
