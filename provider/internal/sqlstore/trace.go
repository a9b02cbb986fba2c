package sqlstore

import (
	"context"
	"database/sql/driver"
)

// Trace is told when a statement begins, also BEGIN, COMMIT and ROLLBACK, and what it answers, how the statement ended. system is sqlite
// or postgresql. The arguments are not told.
type Trace = func(ctx context.Context, system, statement string) (end func(error))

// traced is a connector whose connections tell each trace. Without one it is the connector itself.
func traced(c driver.Connector, system string, traces []Trace) driver.Connector {
	for _, t := range traces {
		c = tracedConnector{c, func(ctx context.Context, statement string) func(error) { return t(ctx, system, statement) }}
	}
	return c
}

type begin func(ctx context.Context, statement string) (end func(error))

type tracedConnector struct {
	driver.Connector
	begin begin
}

func (c tracedConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return tracedConn{conn.(connection), c.begin}, nil //nolint:forcetypeassert // both drivers' are one
}

// connection is what the connections of both drivers can do, and database/sql asks for.
type connection interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
}

type tracedConn struct {
	connection
	begin begin
}

func (c tracedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	end := c.begin(ctx, query)
	result, err := c.connection.ExecContext(ctx, query, args)
	end(err)
	return result, err
}

func (c tracedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	end := c.begin(ctx, query)
	rows, err := c.connection.QueryContext(ctx, query, args)
	end(err)
	return rows, err
}

func (c tracedConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	stmt, err := c.connection.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	return tracedStmt{stmt.(statement), c.begin, query}, nil //nolint:forcetypeassert // both drivers' are one
}

func (c tracedConn) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	end := c.begin(ctx, "BEGIN")
	tx, err := c.connection.BeginTx(ctx, options)
	end(err)
	if err != nil {
		return nil, err
	}
	return tracedTx{tx, ctx, c.begin}, nil
}

// CheckNamedValue leaves the arguments to the driver, or to database/sql.
func (c tracedConn) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := c.connection.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

// IsValid implements [driver.Validator].
func (c tracedConn) IsValid() bool {
	validator, ok := c.connection.(driver.Validator)
	return !ok || validator.IsValid()
}

type statement interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

type tracedStmt struct {
	statement
	begin begin
	query string
}

func (s tracedStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	end := s.begin(ctx, s.query)
	result, err := s.statement.ExecContext(ctx, args)
	end(err)
	return result, err
}

func (s tracedStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	end := s.begin(ctx, s.query)
	rows, err := s.statement.QueryContext(ctx, args)
	end(err)
	return rows, err
}

type tracedTx struct {
	driver.Tx
	ctx   context.Context // a driver gets none at the end
	begin begin
}

func (t tracedTx) Commit() error {
	end := t.begin(t.ctx, "COMMIT")
	err := t.Tx.Commit()
	end(err)
	return err
}

func (t tracedTx) Rollback() error {
	end := t.begin(t.ctx, "ROLLBACK")
	err := t.Tx.Rollback()
	end(err)
	return err
}
