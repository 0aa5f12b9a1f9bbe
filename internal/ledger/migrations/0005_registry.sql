-- The register of AI systems and versions: a projection of registry records,
-- which can be made again from the log.

-- Every act that changed the register, in order; those of earlier shards first.
CREATE TABLE register_act (
  n      {int} PRIMARY KEY,
  origin TEXT NOT NULL,
  idx    {int} NOT NULL,
  id     TEXT NOT NULL,
  kind   TEXT NOT NULL,
  name   TEXT NOT NULL,
  doc    TEXT NOT NULL
);
CREATE INDEX register_act_name ON register_act (kind, name, n);

-- What stands after these acts: one row for each system, version, key of a
-- person, and place where versions of a name take turns.
CREATE TABLE register_state (
  topic TEXT NOT NULL,
  name  TEXT NOT NULL,
  doc   TEXT NOT NULL,
  PRIMARY KEY (topic, name)
);
