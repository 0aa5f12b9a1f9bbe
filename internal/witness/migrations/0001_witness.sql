-- What a witness has cosigned last, for each log.
CREATE TABLE witnessed (
  origin TEXT PRIMARY KEY,
  size   {int} NOT NULL,
  root   {bytes} NOT NULL,
  note   {bytes} NOT NULL,
  time   {int} NOT NULL
);

-- Two signed checkpoints that can not both be of one history: evidence against the log.
CREATE TABLE fork (
  origin TEXT NOT NULL,
  time   {int} NOT NULL,
  known  {bytes} NOT NULL,
  offered {bytes} NOT NULL
);
