// Package sqlstore keeps what must survive a restart: clients, accounts and their devices, sessions, logins and their refresh
// tokens, signing keys, the provider's own secrets, and the audit trail. What lives for minutes is elsewhere (memstore,
// redisstore).
//
// It is SQLite, in one file or in memory, or PostgreSQL. Every query and every migration is one text for both: $1 placeholders,
// ON CONFLICT, RETURNING, BYTEA and BIGINT columns, times in milliseconds since 1970, no function or type of one database alone. Two
// things differ, and are said where they are: PostgreSQL holds an account while something is added to it (heldAccount), and is told to
// order text by its bytes (postgresFiles). suite_test.go says what both fulfil.
//
// Times come back in UTC, to the millisecond; a zero time in what is written means now.
//
// A commit survives the death of the process. In SQLite it is not forced to the disk (synchronous=NORMAL), so that a power cut may
// take the last moments, never the database; in PostgreSQL that is the server's to say.
//
// It knows no rules and no HTTP: the doors decide what may be written, and package identity names what is refused.
package sqlstore
