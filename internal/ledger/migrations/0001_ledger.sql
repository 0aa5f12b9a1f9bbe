-- The tables of one ledger. {int} is INTEGER or BIGINT, {bytes} is BLOB or BYTEA.

-- What the ledger is: origin, verifier key, wrapped signing key, wrapped content key.
CREATE TABLE meta (
  name  TEXT PRIMARY KEY,
  value {bytes} NOT NULL
);

-- The newest tree size and its signed checkpoint: the row every commit moves.
CREATE TABLE head (
  one        {int} PRIMARY KEY CHECK (one = 1),
  size       {int} NOT NULL,
  checkpoint {bytes} NOT NULL
);

-- The leaves, each in the stored form of package leaf.
CREATE TABLE entry (
  idx       {int} PRIMARY KEY,
  statement {bytes} NOT NULL
);

-- The public values to search by. Every column but content can be read off the statement.
CREATE TABLE lookup (
  idx         {int} PRIMARY KEY,
  id          TEXT NOT NULL,
  type        TEXT NOT NULL,
  time        {int} NOT NULL,
  recorded    {int} NOT NULL,
  source      TEXT,
  seq         {int},
  system      TEXT,
  use_case    TEXT,
  env         TEXT,
  interaction TEXT,
  journey     TEXT,
  channel     TEXT,
  kind        TEXT,
  status      TEXT,
  outcome     TEXT,
  adverse     TEXT,
  significant TEXT,
  automation  TEXT,
  about       TEXT,
  model       TEXT,
  prompt      TEXT,
  policy      TEXT,
  config      TEXT,
  principal   TEXT NOT NULL,
  capture     TEXT NOT NULL,
  content     {bytes} NOT NULL
);
CREATE UNIQUE INDEX lookup_id ON lookup (id);
CREATE INDEX lookup_system ON lookup (system, idx);
CREATE INDEX lookup_time ON lookup (time);
-- These values come in no order. An index over all of them would be written all
-- over the place, and ever more slowly; so each segment of 65536 records has a
-- subtree of its own, and only the last one is written to.
CREATE INDEX lookup_interaction ON lookup ((idx / 65536), interaction) WHERE interaction IS NOT NULL;
CREATE INDEX lookup_about ON lookup ((idx / 65536), about) WHERE about IS NOT NULL;
CREATE INDEX lookup_erasure ON lookup (idx) WHERE type = 'erasure';

-- The private values of a record, sealed. No row: the record has none, or they were erased.
CREATE TABLE evidence (
  idx    {int} PRIMARY KEY,
  key    {int} NOT NULL,
  sealed {bytes} NOT NULL
);

-- The keys that seal evidence, wrapped by the master key.
CREATE TABLE evidence_key (
  key     {int} PRIMARY KEY,
  class   TEXT NOT NULL,
  month   TEXT NOT NULL,
  wrapped {bytes} NOT NULL,
  UNIQUE (class, month)
);

-- The Merkle tree as C2SP tiles; the last tile of each level is partial and grows in place.
CREATE TABLE tile (
  level  {int} NOT NULL,
  n      {int} NOT NULL,
  hashes {bytes} NOT NULL,
  PRIMARY KEY (level, n)
);

-- Every checkpoint that was ever signed, and what others said of it.
CREATE TABLE checkpoint (
  size {int} PRIMARY KEY,
  note {bytes} NOT NULL,
  time {int} NOT NULL
);
CREATE TABLE cosignature (
  size    {int} NOT NULL,
  witness TEXT NOT NULL,
  line    {bytes} NOT NULL,
  time    {int} NOT NULL,
  PRIMARY KEY (size, witness)
);
CREATE TABLE stamp (
  size      {int} NOT NULL,
  authority TEXT NOT NULL,
  token     {bytes} NOT NULL,
  time      {int} NOT NULL,
  PRIMARY KEY (size, authority)
);
