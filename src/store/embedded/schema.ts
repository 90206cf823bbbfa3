import { CairnError } from "../../errors.ts";
import { ErrorReason } from "../../gen/cairn/v1/error_pb.ts";
import type { Database } from "./database.ts";

/** Layout of these tables; that of the records in them counts by itself. */
export const TABLES_LAYOUT = 4;

/**
 * Rows are found by their rowid, with an index beside: in a WITHOUT ROWID table large bodies would fill the
 * index's inner pages. The body comes last, so that reading other columns leaves its overflow pages alone.
 */
/** Of layout 1. */
const TABLES = `
  CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE rows (
    id INTEGER PRIMARY KEY, space TEXT NOT NULL, thread TEXT NOT NULL, n INTEGER NOT NULL, attempt TEXT NOT NULL,
    namespace TEXT, checkpoint TEXT, seq INTEGER, floor INTEGER NOT NULL, expires_at INTEGER,
    keys TEXT NOT NULL, tags TEXT NOT NULL, body BLOB NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX rows_position ON rows (space, thread, n);
  CREATE INDEX rows_by_seq ON rows (space, thread, namespace, seq) WHERE checkpoint IS NOT NULL;
  CREATE INDEX rows_by_id ON rows (space, thread, namespace, checkpoint) WHERE checkpoint IS NOT NULL;
  CREATE INDEX rows_floor ON rows (space, thread, n) WHERE floor = 1;
  CREATE INDEX rows_expiring ON rows (expires_at) WHERE expires_at IS NOT NULL;
  CREATE TABLE row_keys (
    space TEXT NOT NULL, lookup TEXT NOT NULL, thread TEXT NOT NULL, n INTEGER NOT NULL,
    PRIMARY KEY (space, lookup, thread, n)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE parts (
    id INTEGER PRIMARY KEY, space TEXT NOT NULL, thread TEXT NOT NULL, upload TEXT NOT NULL, part INTEGER NOT NULL,
    after_n INTEGER NOT NULL, data BLOB NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX parts_place ON parts (space, thread, upload, part);
  CREATE TABLE threads (
    space TEXT NOT NULL, thread TEXT NOT NULL, n INTEGER NOT NULL, deleted INTEGER NOT NULL,
    created_at INTEGER NOT NULL, status INTEGER NOT NULL, body BLOB NOT NULL, metadata BLOB NOT NULL, tags TEXT NOT NULL,
    PRIMARY KEY (space, thread)
  ) STRICT;
  CREATE INDEX threads_by_age ON threads (space, created_at DESC, thread) WHERE deleted = 0;
  CREATE TABLE graphs (
    space TEXT NOT NULL, name TEXT NOT NULL, revision INTEGER NOT NULL, hash TEXT NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (space, name, revision)
  ) STRICT;
`;

/** What each layout has beyond the one before it. */
const STEPS: Record<number, string> = {
  2: `ALTER TABLE threads ADD COLUMN expires_at INTEGER;
    CREATE INDEX threads_expiring ON threads (expires_at, space, thread) WHERE expires_at IS NOT NULL;`,
  3: `ALTER TABLE parts ADD COLUMN expires_at INTEGER;
    CREATE INDEX parts_expiring ON parts (expires_at) WHERE expires_at IS NOT NULL;`,
  // Records of that time say themselves which layout they have; a migration looks at all of them.
  4: `ALTER TABLE rows ADD COLUMN layout INTEGER NOT NULL DEFAULT 1;
    ALTER TABLE graphs ADD COLUMN layout INTEGER NOT NULL DEFAULT 1;`,
};

/** Makes the tables where there are none, and brings older ones up to date. Throws LAYOUT_TOO_NEW when a newer Cairn made them. */
export function ensureTables(database: Database): void {
  database.transaction(() => {
    const isNew = !database.get("SELECT 1 FROM sqlite_schema WHERE name = 'meta'");
    if (isNew) {
      database.execute(TABLES);
      database.run("INSERT INTO meta (name, value) VALUES ('layout', 1)");
    }
    const layout = Number(database.get("SELECT value FROM meta WHERE name = 'layout'")?.value);
    for (let next = layout + 1; next <= TABLES_LAYOUT; next++) database.execute(STEPS[next] ?? "");
    if (layout < TABLES_LAYOUT) database.run("UPDATE meta SET value = ? WHERE name = 'layout'", TABLES_LAYOUT);
    if (layout <= TABLES_LAYOUT) return;
    throw new CairnError(
      ErrorReason.LAYOUT_TOO_NEW,
      `the store's tables have layout ${layout}, this server knows up to layout ${TABLES_LAYOUT}`,
      { metadata: { layout: `${layout}`, known_layout: `${TABLES_LAYOUT}` } },
    );
  });
}
