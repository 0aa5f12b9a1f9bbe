-- How many leaves the log had with the last act that changed the register.
ALTER TABLE head ADD COLUMN register {int} NOT NULL DEFAULT 0;
