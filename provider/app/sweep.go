package app

import (
	"context"
	"log/slog"
	"time"

	"qrlogin/provider/internal/sqlstore"
)

// sweepEvery is how often sessions and refresh tokens that have expired are forgotten, and old audit events. Nobody waits for it:
// what has expired is refused anyway.
const sweepEvery = time.Hour

// sweep forgets what has expired until it is stopped.
func sweep(db *sqlstore.DB, log *slog.Logger) (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(sweepEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case now := <-tick.C:
				if err := db.Sweep(ctx, now); err != nil && ctx.Err() == nil {
					log.Error("what has expired is not forgotten; trying again in an hour", "error", err)
				}
			}
		}
	}()
	return func() error {
		cancel()
		<-done
		return nil
	}
}
