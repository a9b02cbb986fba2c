-- One text for SQLite and PostgreSQL. SQLite takes any type name: BYTEA holds blobs, BIGINT 64-bit integers.
-- Times are milliseconds since 1970.

-- +goose Up

-- What there is one of: the database's id, the provider's secrets. See meta.go.
CREATE TABLE meta (
    name  TEXT  NOT NULL PRIMARY KEY,
    value BYTEA NOT NULL
);

CREATE TABLE clients (
    id          TEXT    NOT NULL PRIMARY KEY,
    name        TEXT    NOT NULL,
    secret_hash BYTEA,            -- NULL for a public client
    origins     TEXT    NOT NULL, -- separated by spaces, in order
    scopes      TEXT    NOT NULL, -- separated by spaces (RFC 6749 §3.3)
    sector      TEXT    NOT NULL,
    static_qr   BOOLEAN NOT NULL,
    created_at  BIGINT  NOT NULL
);

-- The origins once more, as the index by which one is found.
CREATE TABLE client_origins (
    origin TEXT NOT NULL,
    client TEXT NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    PRIMARY KEY (origin, client)
);

CREATE TABLE accounts (
    id           TEXT   NOT NULL PRIMARY KEY,
    phone_number TEXT   NOT NULL UNIQUE,
    created_at   BIGINT NOT NULL
);

CREATE TABLE devices (
    id           TEXT   NOT NULL PRIMARY KEY, -- thumbprint of the key
    account      TEXT   NOT NULL REFERENCES accounts (id),
    name         TEXT   NOT NULL,
    public_key   BYTEA  NOT NULL,
    created_at   BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL
);

CREATE INDEX devices_of_account ON devices (account);

-- History: it outlives the client, the device and the account, so it refers to none of them.
CREATE TABLE logins (
    id         TEXT   NOT NULL PRIMARY KEY,
    challenge  TEXT   NOT NULL UNIQUE, -- one login per challenge (RFC 10027 §6.1.3)
    client     TEXT   NOT NULL,
    account    TEXT   NOT NULL,
    device     TEXT   NOT NULL,
    address    TEXT   NOT NULL,
    user_agent TEXT   NOT NULL,
    at         BIGINT NOT NULL
);

CREATE TABLE signing_keys (
    id          TEXT   NOT NULL PRIMARY KEY,
    private_key BYTEA  NOT NULL,
    created_at  BIGINT NOT NULL
);

CREATE TABLE audit_events (
    at      BIGINT NOT NULL,
    kind    TEXT   NOT NULL,
    account TEXT   NOT NULL,
    client  TEXT   NOT NULL,
    detail  TEXT   NOT NULL
);

CREATE INDEX audit_events_at ON audit_events (at);
