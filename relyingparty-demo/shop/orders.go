package shop

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"qrlogin/api"
)

// An order is what a person has bought: there is none before the phone's signature over it was found good.
type order struct {
	api.Order // as the phone signed it
	Payment   string
	MadeAt    time.Time
	PayBy     time.Time
	PaidAt    time.Time // zero until then
}

// How long an order waits for its payment. A machine has the next customer to think of.
const (
	payWithin  = 15 * time.Minute
	payAtKiosk = 2 * time.Minute
)

// A due is how a payment stands.
type due string

const (
	duePending due = "pending" // the approval has not reached the shop
	dueOpen    due = "open"
	duePaid    due = "paid"
	dueExpired due = "expired"
)

// Due is what becomes of an order by time alone: nothing has to run for it to expire.
func (o order) Due() due {
	switch {
	case !o.PaidAt.IsZero():
		return duePaid
	case time.Now().Before(o.PayBy):
		return dueOpen
	}
	return dueExpired
}

var errNoOrder = errors.New("no such order")

const ordersSchema = `
	CREATE TABLE IF NOT EXISTS purchases (
		order_id    TEXT    PRIMARY KEY,
		payment     TEXT    NOT NULL UNIQUE, -- what names it in its payment_uri
		asked       TEXT    NOT NULL,        -- the order, JSON
		device_code TEXT    NOT NULL,        -- this and the nonce until there is an outcome
		nonce       TEXT    NOT NULL,
		ends_at     INTEGER NOT NULL,
		outcome     TEXT    NOT NULL,
		client_id   TEXT    NOT NULL);       -- whose: a shop and a machine may keep theirs in one folder
	CREATE TABLE IF NOT EXISTS orders (
		order_id TEXT    PRIMARY KEY,
		account  INTEGER NOT NULL REFERENCES accounts (id),
		payment  TEXT    NOT NULL UNIQUE,
		signed   TEXT    NOT NULL, -- the order, JSON
		receipt  TEXT    NOT NULL, -- the phone's signature over it, a JWS
		made_at  INTEGER NOT NULL,
		pay_by   INTEGER NOT NULL,
		paid_at  INTEGER);
	CREATE INDEX IF NOT EXISTS orders_account ON orders (account, made_at);`

// upgradePurchases gives the table of an earlier version its column, where that is missing. What that left open has no owner, and ends.
func upgradePurchases(ctx context.Context, db *sql.DB) error {
	var has bool
	err := db.QueryRowContext(ctx, `SELECT count(*) FROM pragma_table_info('purchases') WHERE name = 'client_id'`).Scan(&has)
	if err == nil && !has {
		_, err = db.ExecContext(ctx, `ALTER TABLE purchases ADD COLUMN client_id TEXT NOT NULL DEFAULT ''`)
		if err == nil {
			_, err = db.ExecContext(ctx, `UPDATE purchases SET outcome = $1, device_code = '', nonce = '' WHERE outcome = $2`, expired, pending)
		}
	}
	return err
}

// orders keeps purchases and the orders that come of them, beside the accounts.
type orders struct {
	db      *sql.DB
	client  string // whose purchases they are
	changed bell
}

// purchaseKept is how long the outcome of a purchase without an order is remembered after its challenge has ended: to tell a phone.
const purchaseKept = time.Hour

// begin keeps a purchase.
func (o *orders) begin(ctx context.Context, p *purchase) error {
	asked, err := json.Marshal(p.asked)
	if err != nil {
		return fmt.Errorf("keep a purchase: %w", err)
	}
	_, err = o.db.ExecContext(ctx, `DELETE FROM purchases WHERE outcome <> $1 AND ends_at < $2`,
		pending, time.Now().Add(-purchaseKept).UnixMilli())
	if err == nil {
		_, err = o.db.ExecContext(ctx, `
			INSERT INTO purchases (order_id, payment, asked, device_code, nonce, ends_at, outcome, client_id)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			p.asked.OrderId, p.payment, asked, p.deviceCode, p.nonce, p.ends.UnixMilli(), pending, o.client)
	}
	if err != nil {
		return fmt.Errorf("keep a purchase: %w", err)
	}
	return nil
}

// unfinished returns the purchases that nobody has heard the end of.
func (o *orders) unfinished(ctx context.Context) ([]*purchase, error) {
	rows, err := o.db.QueryContext(ctx, `
		SELECT payment, asked, device_code, nonce, ends_at FROM purchases WHERE outcome = $1 AND client_id = $2`, pending, o.client)
	if err != nil {
		return nil, fmt.Errorf("read purchases: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all []*purchase
	for rows.Next() {
		p := newPurchase()
		var asked []byte
		var ends int64
		err := rows.Scan(&p.payment, &asked, &p.deviceCode, &p.nonce, &ends)
		if err == nil {
			err = json.Unmarshal(asked, &p.asked)
		}
		if err != nil {
			return nil, fmt.Errorf("read purchases: %w", err)
		}
		p.ends = time.UnixMilli(ends)
		all = append(all, p)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read purchases: %w", err)
	}
	return all, nil
}

// finishPurchase notes an outcome and forgets the secrets.
const finishPurchase = `UPDATE purchases SET outcome = $2, device_code = '', nonce = '' WHERE order_id = $1`

// end closes a purchase of which no order came.
func (o *orders) end(ctx context.Context, orderID string, result outcome) error {
	if _, err := o.db.ExecContext(ctx, finishPurchase+` AND outcome = $3`, orderID, result, pending); err != nil {
		return fmt.Errorf("end a purchase: %w", err)
	}
	o.changed.ring()
	return nil
}

// make makes the order of a purchase, and the account if the person has none: both or neither, and once, however often the
// approval is delivered.
func (o *orders) make(ctx context.Context, p *purchase, who proof, receipt string) (account, error) {
	signed, err := json.Marshal(p.asked)
	if err != nil {
		return account{}, fmt.Errorf("make an order: %w", err)
	}
	tx, err := o.db.BeginTx(ctx, nil)
	if err != nil {
		return account{}, fmt.Errorf("make an order: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // of no effect after the commit
	made, err := scanAccount(tx.QueryRowContext(ctx, `
		SELECT `+accountColumns+` FROM accounts WHERE id = (SELECT account FROM orders WHERE order_id = $1)`, p.asked.OrderId))
	if !errors.Is(err, errNoAccount) {
		return made, err
	}
	if made, err = seen(ctx, tx, who.Issuer, who.Subject, who.Phone); err != nil {
		return account{}, err
	}
	now, within := time.Now(), payWithin
	if p.asked.Kiosk != nil {
		within = payAtKiosk
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO orders (order_id, account, payment, signed, receipt, made_at, pay_by) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		p.asked.OrderId, made.ID, p.payment, signed, receipt, now.UnixMilli(), now.Add(within).UnixMilli())
	if err == nil {
		_, err = tx.ExecContext(ctx, finishPurchase, p.asked.OrderId, ordered)
	}
	if err == nil {
		err = tx.Commit()
	}
	if err != nil {
		return account{}, fmt.Errorf("make an order: %w", err)
	}
	o.changed.ring()
	return made, nil
}

// pay takes the payment of an order that waits for it. It returns how the payment stands then: paid twice is paid once.
func (o *orders) pay(ctx context.Context, payment string) (due, error) {
	err := o.now(ctx, `UPDATE orders SET paid_at = $1 WHERE payment = $2 AND paid_at IS NULL AND pay_by > $1`, payment)
	if err != nil {
		return "", fmt.Errorf("pay an order: %w", err)
	}
	_, stands, err := o.due(ctx, payment)
	return stands, err
}

const closeOrders = `UPDATE orders SET pay_by = $1 WHERE paid_at IS NULL AND pay_by > $1`

// shut closes an order for payment, and returns how its payment stands from then on: paid, or expired for good.
func (o *orders) shut(ctx context.Context, payment string) (due, error) {
	err := o.now(ctx, closeOrders+` AND payment = $2`, payment)
	if err != nil {
		return "", fmt.Errorf("close an order: %w", err)
	}
	_, stands, err := o.due(ctx, payment)
	return stands, err
}

// shutMachines closes the orders of a machine that is not there to give the goods out any more.
func (o *orders) shutMachines(ctx context.Context) error {
	err := o.now(ctx, closeOrders+` AND order_id IN (
		SELECT order_id FROM purchases WHERE client_id = $2 AND json_extract(CAST(asked AS TEXT), '$.kiosk') IS NOT NULL)`, o.client)
	if err != nil {
		return fmt.Errorf("close a machine's orders: %w", err)
	}
	return nil
}

// now runs a statement with the time as $1: that at which the database lets it write, however long it waited for its turn.
func (o *orders) now(ctx context.Context, statement, name string) error {
	tx, err := o.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // of no effect after the commit
	if _, err := tx.ExecContext(ctx, statement, time.Now().UnixMilli(), name); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	o.changed.ring()
	return nil
}

// due returns what is to be paid under this name and how that stands, or errNoOrder.
func (o *orders) due(ctx context.Context, payment string) (order, due, error) {
	var asked []byte
	var result outcome
	// The purchase first: an order that is made between the two looks is found by the second.
	unknown := o.db.QueryRowContext(ctx, `SELECT asked, outcome FROM purchases WHERE payment = $1`, payment).Scan(&asked, &result)
	got, err := scanOrder(o.db.QueryRowContext(ctx, `SELECT `+orderColumns+` FROM orders WHERE payment = $1`, payment))
	if !errors.Is(err, errNoOrder) {
		return got, got.Due(), err
	}
	if errors.Is(unknown, sql.ErrNoRows) {
		return order{}, "", errNoOrder
	}
	if err = unknown; err == nil {
		err = json.Unmarshal(asked, &got.Order)
	}
	if err != nil {
		return order{}, "", fmt.Errorf("read a purchase: %w", err)
	}
	if result == pending {
		return got, duePending, nil
	}
	return got, dueExpired, nil
}

const orderColumns = `signed, payment, made_at, pay_by, coalesce(paid_at, 0)`

// get returns an account's order, or errNoOrder.
func (o *orders) get(ctx context.Context, account int64, id string) (order, error) {
	return scanOrder(o.db.QueryRowContext(ctx, `SELECT `+orderColumns+` FROM orders WHERE order_id = $1 AND account = $2`, id, account))
}

// of returns an account's newest orders, the newest first.
func (o *orders) of(ctx context.Context, account int64) ([]order, error) {
	rows, err := o.db.QueryContext(ctx, `SELECT `+orderColumns+` FROM orders WHERE account = $1 ORDER BY made_at DESC, order_id LIMIT 100`, account)
	if err != nil {
		return nil, fmt.Errorf("read orders: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all []order
	for rows.Next() {
		got, err := scanOrder(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, got)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read orders: %w", err)
	}
	return all, nil
}

// await returns an account's order once it does not stand so any more, or at the deadline as it is.
func (o *orders) await(ctx context.Context, account int64, id string, stands due, deadline time.Time) (order, error) {
	for {
		changed := o.changed.hear() // before the look, so that no change falls between the two
		got, err := o.get(ctx, account, id)
		if err != nil || got.Due() != stands || !time.Now().Before(deadline) || ctx.Err() != nil {
			return got, err
		}
		until := deadline
		if got.Due() == dueOpen && got.PayBy.Before(until) {
			until = got.PayBy
		}
		timer := time.NewTimer(time.Until(until))
		select {
		case <-changed:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

func scanOrder(row interface{ Scan(...any) error }) (order, error) {
	var got order
	var signed []byte
	var made, by, paid int64
	err := row.Scan(&signed, &got.Payment, &made, &by, &paid)
	if errors.Is(err, sql.ErrNoRows) {
		return order{}, errNoOrder
	}
	if err == nil {
		err = json.Unmarshal(signed, &got.Order)
	}
	if err != nil {
		return order{}, fmt.Errorf("read an order: %w", err)
	}
	got.MadeAt, got.PayBy = time.UnixMilli(made), time.UnixMilli(by)
	if paid > 0 {
		got.PaidAt = time.UnixMilli(paid)
	}
	return got, nil
}

// A bell tells all who listen that some order has changed; they look for themselves which.
type bell struct {
	mu   sync.Mutex
	rung chan struct{}
}

func (b *bell) hear() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rung == nil {
		b.rung = make(chan struct{})
	}
	return b.rung
}

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rung != nil {
		close(b.rung)
		b.rung = nil
	}
}
