-- How strict a site is, and how a login was done.

-- +goose Up

ALTER TABLE clients ADD COLUMN policy TEXT NOT NULL DEFAULT ''; -- JSON of what it says beside the preset, '' for nothing

-- Until now a policy was this one flag.
UPDATE clients SET policy = '{"rotation":"optional"}' WHERE static_qr;

-- How the person was authenticated: OIDC Core §2, and amr separated by spaces.
ALTER TABLE logins   ADD COLUMN acr TEXT NOT NULL DEFAULT 'urn:qrlogin:acr:qr';
ALTER TABLE logins   ADD COLUMN amr TEXT NOT NULL DEFAULT 'pop user';
ALTER TABLE sessions ADD COLUMN acr TEXT NOT NULL DEFAULT 'urn:qrlogin:acr:qr';
ALTER TABLE sessions ADD COLUMN amr TEXT NOT NULL DEFAULT 'pop user';

UPDATE logins SET acr = 'urn:qrlogin:acr:static' WHERE client IN (SELECT id FROM clients WHERE static_qr);
UPDATE sessions SET acr = 'urn:qrlogin:acr:static' WHERE id IN (SELECT session FROM logins WHERE acr = 'urn:qrlogin:acr:static');

ALTER TABLE clients DROP COLUMN static_qr;
