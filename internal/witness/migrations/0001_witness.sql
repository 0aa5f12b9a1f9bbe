-- The tables of one witness. {int} is INTEGER or BIGINT, {bytes} is BLOB or BYTEA.

-- Whose state this is: the witness's verifier key.
CREATE TABLE meta (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
);

-- What was cosigned last, for each log that was ever configured. Size 0: nothing yet, and no note.
CREATE TABLE witnessed (
  origin TEXT PRIMARY KEY,
  size   {int} NOT NULL,
  root   {bytes} NOT NULL,
  note   {bytes} NOT NULL,
  time   {int} NOT NULL
);

-- Signed checkpoints that contradict what was cosigned (proven = 1), or were not shown to extend it (proven = 0).
CREATE TABLE fork (
  origin  TEXT NOT NULL,
  proven  {int} NOT NULL,
  size    {int} NOT NULL,
  root    {bytes} NOT NULL,
  time    {int} NOT NULL,
  known   {bytes} NOT NULL,
  offered {bytes} NOT NULL,
  proof   {bytes} NOT NULL,
  PRIMARY KEY (origin, proven, size, root)
);
