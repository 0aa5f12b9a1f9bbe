-- Searching the texts of records, and queries that are kept under a name.

-- The systems of which texts are searched. next: the records before it are in the index. status: on, or going while the
-- texts are taken away.
CREATE TABLE fulltext (
  system TEXT PRIMARY KEY,
  status TEXT NOT NULL,
  next   {int} NOT NULL
);

-- Grows whenever texts are taken away, so that none is written that was read before.
CREATE TABLE fulltext_epoch (
  one    {int} PRIMARY KEY,
  erased {int} NOT NULL
);
INSERT INTO fulltext_epoch (one, erased) VALUES (1, 0);

-- The words of each record, masked, by its index in the log. It can be made anew from the evidence.
{sqlite}CREATE VIRTUAL TABLE passage USING fts5(body, tokenize = 'unicode61 remove_diacritics 0');
{sqlite}INSERT INTO passage (passage, rank) VALUES ('secure-delete', 1);
{postgres}CREATE TABLE passage (rowid BIGINT PRIMARY KEY, body TSVECTOR NOT NULL);
{postgres}CREATE INDEX passage_body ON passage USING gin (body);

-- Queries under a name.
CREATE TABLE saved_query (
  name    TEXT PRIMARY KEY,
  owner   TEXT NOT NULL,
  query   TEXT NOT NULL,
  changed {int} NOT NULL
);
