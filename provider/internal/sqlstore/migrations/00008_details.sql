-- What a client may ask for beyond a login.

-- +goose Up

ALTER TABLE clients ADD COLUMN detail_types TEXT NOT NULL DEFAULT ''; -- RFC 9396 §10, separated by spaces
