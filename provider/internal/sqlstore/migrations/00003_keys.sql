-- A key is of an algorithm, and signs from a time on: until now, ES256 from its making on.

-- +goose Up

ALTER TABLE signing_keys ADD COLUMN alg TEXT NOT NULL DEFAULT 'ES256';
ALTER TABLE signing_keys RENAME COLUMN created_at TO active_at;
