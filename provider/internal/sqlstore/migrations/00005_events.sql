-- What happened with an account is told to its owner. The login that an event is about was a part of the detail until now, whose
-- it was not said where a site had shown it, and the two sorts of code had one name.

-- +goose Up

ALTER TABLE audit_events ADD COLUMN login      TEXT NOT NULL DEFAULT '';
ALTER TABLE audit_events ADD COLUMN address    TEXT NOT NULL DEFAULT '';
ALTER TABLE audit_events ADD COLUMN user_agent TEXT NOT NULL DEFAULT '';

UPDATE audit_events SET login = substr(detail, 7), detail = '' WHERE detail LIKE 'login %';
UPDATE audit_events SET kind = 'authorization_code.reused' WHERE kind = 'code.reused' AND login <> '';
UPDATE audit_events SET account = (SELECT account FROM logins WHERE logins.id = audit_events.login)
    WHERE account = '' AND login IN (SELECT id FROM logins);

CREATE INDEX audit_events_of_account ON audit_events (account, at);
