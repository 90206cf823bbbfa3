// The collections, with the concerns of every operation on them. Nothing is left to defaults of the URI or the server.
import {
  type Binary,
  type Collection,
  type CollectionOptions,
  type Db,
  ReadPreference,
  type WriteConcernSettings,
} from "mongodb";
import type { LogDocument } from "./documents.ts";
import type { LetterDocument, WantDocument } from "./post.ts";

/** What is acknowledged is journaled by a majority. The timeout only ends a wait; its outcome counts as unknown. */
export const durable = { w: "majority", journal: true, wtimeoutMS: 10_000 } as const satisfies WriteConcernSettings;

const concerns: CollectionOptions = {
  readConcern: { level: "majority" },
  readPreference: ReadPreference.primary,
  writeConcern: durable,
};

/** The longest the server works on one read. */
export const READ_MS_MAX = 20_000;

/** The summary of a thread. */
export interface ThreadDocument {
  _id: { s: string; t: string };
  s: string;
  t: string;
  /** Position of the row that it was made from. */
  n: number;
  deleted: boolean;
  createdAtMs: number;
  status: number;
  /** When it is due to be deleted, which a sweep does; `exp` would have MongoDB remove the summary alone. */
  due?: number;
  body: Binary;
  /** Position of the row that the metadata came with. They arrive more seldom than the rest, so they have a guard of their own. */
  mn?: number;
  meta?: Binary;
  tags?: string[];
  exp?: Date;
}

export interface GraphDocument {
  _id: { s: string; name: string; rev: number };
  s: string;
  name: string;
  rev: number;
  hash: string;
  /** The layout of its record; absent: 1. */
  l?: number;
  body: Binary;
}

export interface Collections {
  log: Collection<LogDocument>;
  threads: Collection<ThreadDocument>;
  graphs: Collection<GraphDocument>;
  letters: Collection<LetterDocument>;
  wants: Collection<WantDocument>;
}

export function collectionsOf(database: Db): Collections {
  return {
    log: database.collection<LogDocument>("log", concerns),
    threads: database.collection<ThreadDocument>("threads", concerns),
    graphs: database.collection<GraphDocument>("graphs", concerns),
    letters: database.collection<LetterDocument>("letters", concerns),
    wants: database.collection<WantDocument>("wants", concerns),
  };
}
