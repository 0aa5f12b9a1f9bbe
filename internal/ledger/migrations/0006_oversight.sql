-- Decisions that need a person. What people did stands in the log; who has taken what, and until when, only here.
CREATE TABLE review (
  idx       {int} PRIMARY KEY,
  id        TEXT NOT NULL UNIQUE,
  system    TEXT NOT NULL,
  kind      TEXT NOT NULL,
  env       TEXT NOT NULL,
  why       TEXT NOT NULL,
  created   {int} NOT NULL,
  due       {int} NOT NULL,
  wanted    {int} NOT NULL,            -- how many reviewers
  rank      {int} NOT NULL DEFAULT 0,  -- how many have acted
  first     TEXT NOT NULL DEFAULT '',  -- who acted first
  act       TEXT NOT NULL DEFAULT '',  -- the last act
  outcome   TEXT NOT NULL DEFAULT '',  -- the outcome after it
  done      {int} NOT NULL DEFAULT 0,
  escalated {int} NOT NULL DEFAULT 0,
  assignee  TEXT NOT NULL DEFAULT '',
  holder    TEXT NOT NULL DEFAULT '',
  claimed   {int} NOT NULL DEFAULT 0,
  lease     {int} NOT NULL DEFAULT 0,
  shown     TEXT NOT NULL DEFAULT '',
  shown_at  {int} NOT NULL DEFAULT 0
);
CREATE INDEX review_open ON review (done, due);

-- Outcomes that callers are to be told of.
CREATE TABLE outbox (
  id    TEXT PRIMARY KEY,
  body  {bytes} NOT NULL,
  next  {int} NOT NULL,
  tries {int} NOT NULL DEFAULT 0
);
