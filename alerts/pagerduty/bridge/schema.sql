-- The bridge's file. A lane is one incident's events: (target, key); they are sent in the order of their ids.

CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS incidents (
  key TEXT PRIMARY KEY,
  target TEXT NOT NULL,          -- the name of the routing key it was opened with, never the key itself
  is_open INTEGER NOT NULL,
  starts_at REAL NOT NULL,
  ends_at REAL NOT NULL,
  told_at REAL NOT NULL,         -- when Alertmanager last said anything of it
  looked_up INTEGER NOT NULL DEFAULT 0,   -- at PagerDuty, over its REST API
  body BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS open_incidents ON incidents (target) WHERE is_open;

CREATE TABLE IF NOT EXISTS queue (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  target TEXT NOT NULL,
  key TEXT NOT NULL,
  action TEXT NOT NULL,
  rank INTEGER NOT NULL,         -- 0 is sent first
  name TEXT NOT NULL,            -- of the alert, for counting
  starts_at REAL NOT NULL,
  received_at REAL NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  not_before REAL NOT NULL DEFAULT 0,
  is_doubtful INTEGER NOT NULL DEFAULT 0,
  is_fallback INTEGER NOT NULL DEFAULT 0,
  is_head INTEGER NOT NULL,      -- the first of its lane
  body BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS lanes ON queue (key, target, id);
CREATE INDEX IF NOT EXISTS heads ON queue (target, rank, id) WHERE is_head;
CREATE INDEX IF NOT EXISTS waiting ON queue (target, action, rank, name);

CREATE TABLE IF NOT EXISTS dead (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at REAL NOT NULL,
  target TEXT NOT NULL,
  key TEXT NOT NULL,
  action TEXT NOT NULL,
  rank INTEGER NOT NULL,
  name TEXT NOT NULL,
  starts_at REAL NOT NULL,
  reason TEXT NOT NULL,
  said TEXT NOT NULL,
  body BLOB NOT NULL
);

CREATE TABLE IF NOT EXISTS audit (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at REAL NOT NULL,
  key TEXT NOT NULL,
  target TEXT NOT NULL,
  what TEXT NOT NULL,
  detail TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS audit_of ON audit (key, id);
CREATE INDEX IF NOT EXISTS audit_at ON audit (at);
CREATE TRIGGER IF NOT EXISTS audit_is_never_changed BEFORE UPDATE ON audit
  BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
CREATE TRIGGER IF NOT EXISTS audit_is_kept_for_a_day BEFORE DELETE ON audit
  WHEN OLD.at > CAST(strftime('%s', 'now') AS INTEGER) - 86400
  BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
