-- Who may enter. Secrets are stood for by their SHA-256. Times are Unix milliseconds; 0: not yet.

-- The one row that every change of grants and keys moves, and that serves as their lock.
-- pseudonyms keys the codes of people, flows seals the cookie of a sign-in that is under way.
CREATE TABLE head (
  one        {int} PRIMARY KEY CHECK (one = 1),
  revision   {int} NOT NULL,
  pseudonyms {bytes} NOT NULL,
  flows      {bytes} NOT NULL
);

-- Grants given by hand.
CREATE TABLE given (
  actor    TEXT NOT NULL,
  role     TEXT NOT NULL,
  ledger   TEXT NOT NULL,
  system   TEXT NOT NULL,
  purpose  TEXT NOT NULL,
  given_by TEXT NOT NULL,
  given_at {int} NOT NULL,
  PRIMARY KEY (actor, role, ledger, system, purpose)
);

-- Whom a code stands for. subject is a keyed hash of issuer and subject.
CREATE TABLE person (
  actor   TEXT PRIMARY KEY,
  issuer  TEXT NOT NULL,
  subject {bytes} NOT NULL,
  name    TEXT NOT NULL,
  seen    {int} NOT NULL
);

-- API keys. Those that were rotated share a name; serial tells them apart.
CREATE TABLE api_key (
  id      TEXT PRIMARY KEY,
  name    TEXT NOT NULL,
  serial  {int} NOT NULL,
  hash    {bytes} NOT NULL UNIQUE,
  grants  TEXT NOT NULL,
  made_by TEXT NOT NULL,
  made    {int} NOT NULL,
  expires {int} NOT NULL,
  revoked {int} NOT NULL DEFAULT 0,
  used    {int} NOT NULL DEFAULT 0,
  UNIQUE (name, serial)
);

-- Sessions of people, with the grants that their claims were worth at sign-in.
CREATE TABLE session (
  hash    {bytes} PRIMARY KEY,
  actor   TEXT NOT NULL,
  grants  TEXT NOT NULL,
  seen    {int} NOT NULL,
  expires {int} NOT NULL
);
CREATE INDEX session_actor ON session (actor);

-- Sign-ins that came back: their state can not be used again.
CREATE TABLE spent (
  hash    {bytes} PRIMARY KEY,
  expires {int} NOT NULL
);

-- One-time tokens for the first administrator.
CREATE TABLE bootstrap (
  hash    {bytes} PRIMARY KEY,
  expires {int} NOT NULL,
  used    {int} NOT NULL DEFAULT 0
);
