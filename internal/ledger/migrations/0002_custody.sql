-- Keys of persons, tombstones, holds and requests.

-- The key of each affected person, wrapped by the master key. mac is a keyed hash of who it is.
CREATE TABLE subject (
  mac     {bytes} PRIMARY KEY,
  wrapped {bytes} NOT NULL
);

-- Whose record it is. No value: the record names nobody.
ALTER TABLE evidence ADD COLUMN subject {bytes};
CREATE INDEX evidence_subject ON evidence ((idx / 65536), subject) WHERE subject IS NOT NULL;
CREATE INDEX evidence_by_key ON evidence (key, idx);

-- Grows whenever a key is destroyed, so that no node goes on using one that it remembers.
ALTER TABLE head ADD COLUMN epoch {int} NOT NULL DEFAULT 0;

-- Which erasure record (by) accounts for missing values of a record (idx).
CREATE TABLE tombstone (
  idx  {int} NOT NULL,
  said {int} NOT NULL,
  PRIMARY KEY (idx, said)
);

-- Classes and months of which the key was destroyed, by which erasure record.
CREATE TABLE expired (
  class TEXT NOT NULL,
  month TEXT NOT NULL,
  key   {int} NOT NULL,
  said  {int} NOT NULL,
  swept {int} NOT NULL,
  PRIMARY KEY (class, month, said)
);

-- The records under a legal hold. Nothing that stands here is erased.
CREATE TABLE held (
  idx  {int} NOT NULL,
  hold TEXT NOT NULL,
  PRIMARY KEY (idx, hold)
);

-- Requests that need two people: erasures, holds and their release, warrants, break-glass. What is private in one is sealed.
CREATE TABLE request (
  id        TEXT PRIMARY KEY,
  kind      TEXT NOT NULL,
  name      TEXT NOT NULL,
  status    TEXT NOT NULL,
  requester TEXT NOT NULL,
  approver  TEXT,
  executor  TEXT,
  purpose   TEXT,
  ticket    TEXT,
  created   {int} NOT NULL,
  changed   {int} NOT NULL,
  until     {int} NOT NULL,
  count     {int} NOT NULL,
  sealed    {bytes} NOT NULL
);
CREATE INDEX request_kind ON request (kind, status);

-- Where a long job stands, so that it goes on after a stop.
CREATE TABLE job (
  name  TEXT PRIMARY KEY,
  state {bytes} NOT NULL
);
