-- Phone numbers lie sealed, and are found by a keyed hash; a device may have to wait before it works.
--
-- The key is not at hand here: numbers wait in unsealed_numbers until DB.KeepNumbers has it. SQLite drops no column that is UNIQUE,
-- so both tables are made anew.

-- +goose Up

CREATE TABLE new_accounts (
    id            TEXT   NOT NULL PRIMARY KEY,
    number_hash   BYTEA  UNIQUE, -- this and the next: NULL while the number is not sealed yet
    number_sealed BYTEA,
    created_at    BIGINT NOT NULL,
    left_at       BIGINT         -- when a device was last removed; NULL for never
);

CREATE TABLE unsealed_numbers (
    account      TEXT NOT NULL PRIMARY KEY REFERENCES new_accounts (id) ON DELETE CASCADE,
    phone_number TEXT NOT NULL
);

CREATE TABLE new_devices (
    id           TEXT   NOT NULL PRIMARY KEY, -- thumbprint of the key
    account      TEXT   NOT NULL REFERENCES new_accounts (id),
    name         TEXT   NOT NULL,
    public_key   BYTEA  NOT NULL,
    created_at   BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    active_at    BIGINT NOT NULL
);

INSERT INTO new_accounts (id, created_at) SELECT id, created_at FROM accounts;
INSERT INTO unsealed_numbers (account, phone_number) SELECT id, phone_number FROM accounts;
INSERT INTO new_devices (id, account, name, public_key, created_at, last_seen_at, active_at)
    SELECT id, account, name, public_key, created_at, last_seen_at, created_at FROM devices;

DROP TABLE devices;
DROP TABLE accounts;
ALTER TABLE new_accounts RENAME TO accounts;
ALTER TABLE new_devices RENAME TO devices;

CREATE INDEX devices_of_account ON devices (account);
CREATE INDEX sessions_of_account ON sessions (account);

-- An event about a device says of which: its name, and when it began to work.
ALTER TABLE audit_events ADD COLUMN device    TEXT NOT NULL DEFAULT '';
ALTER TABLE audit_events ADD COLUMN active_at BIGINT; -- NULL for none
