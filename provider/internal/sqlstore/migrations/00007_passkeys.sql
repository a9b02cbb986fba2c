-- A passkey is the account's: synced, it outlives the phone that it was made on. A device that has one has to show it for what matters.

-- +goose Up

CREATE TABLE passkeys (
    id         TEXT    NOT NULL PRIMARY KEY, -- the credential's, base64url
    account    TEXT    NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    name       TEXT    NOT NULL,
    public_key BYTEA   NOT NULL, -- COSE
    synced     BOOLEAN NOT NULL,
    count      BIGINT  NOT NULL,
    counted    BYTEA,            -- SHA-256 of the signature that brought the count
    created_at BIGINT  NOT NULL
);

CREATE INDEX passkeys_of_account ON passkeys (account);

ALTER TABLE devices ADD COLUMN passkey TEXT REFERENCES passkeys (id) ON DELETE SET NULL;
CREATE INDEX devices_with_passkey ON devices (passkey);
