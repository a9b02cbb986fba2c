-- What the code flow needs. As in 00001: one text for SQLite and PostgreSQL, times in milliseconds since 1970.

-- +goose Up

ALTER TABLE clients ADD COLUMN redirect_uris             TEXT    NOT NULL DEFAULT ''; -- this and the next: as origins
ALTER TABLE clients ADD COLUMN post_logout_redirect_uris TEXT    NOT NULL DEFAULT '';
ALTER TABLE clients ADD COLUMN backchannel_logout_uri    TEXT    NOT NULL DEFAULT '';
ALTER TABLE clients ADD COLUMN logo_uri                  TEXT    NOT NULL DEFAULT '';
ALTER TABLE clients ADD COLUMN resources                 TEXT    NOT NULL DEFAULT ''; -- as origins
ALTER TABLE clients ADD COLUMN signing_alg               TEXT    NOT NULL DEFAULT 'ES256';
ALTER TABLE clients ADD COLUMN jwks                      BYTEA;                       -- NULL for none
ALTER TABLE clients ADD COLUMN jwks_uri                  TEXT    NOT NULL DEFAULT '';
ALTER TABLE clients ADD COLUMN pkce_optional             BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE clients ADD COLUMN require_par               BOOLEAN NOT NULL DEFAULT FALSE;

ALTER TABLE logins ADD COLUMN auth_time BIGINT NOT NULL DEFAULT 0;
ALTER TABLE logins ADD COLUMN scopes    TEXT   NOT NULL DEFAULT ''; -- separated by spaces
ALTER TABLE logins ADD COLUMN resources TEXT   NOT NULL DEFAULT ''; -- separated by spaces
ALTER TABLE logins ADD COLUMN session   TEXT;                       -- NULL for none; it outlives the session
ALTER TABLE logins ADD COLUMN ended_at  BIGINT;                     -- NULL while it has not been

-- Until now a site was let in as soon as the phone had approved.
UPDATE logins SET auth_time = at;

CREATE INDEX logins_of_account ON logins (account, at);
CREATE INDEX logins_of_session ON logins (session) WHERE session IS NOT NULL;

CREATE TABLE sessions (
    id         TEXT   NOT NULL PRIMARY KEY, -- hash of the cookie's secret
    account    TEXT   NOT NULL,
    device     TEXT   NOT NULL,
    auth_time  BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- A used one stays until it expires, so that its reuse is noticed (RFC 9700 §4.14.2).
CREATE TABLE refresh_tokens (
    hash       TEXT   NOT NULL PRIMARY KEY,
    login      TEXT   NOT NULL REFERENCES logins (id),
    thumbprint TEXT   NOT NULL, -- of a DPoP key
    expires_at BIGINT NOT NULL,
    used_at    BIGINT           -- NULL while it has not been
);

CREATE INDEX refresh_tokens_of_login ON refresh_tokens (login);
CREATE INDEX refresh_tokens_by_expiry ON refresh_tokens (expires_at);
