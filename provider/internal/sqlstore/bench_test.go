package sqlstore

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"qrlogin/provider/internal/identity"
)

// What a login costs in here: DESIGN.md §8 counts on a select of some 6 µs and an insert of some 20 µs.
func BenchmarkHotStatements(b *testing.B) {
	for name, open := range backends {
		db := open(b)
		ctx := b.Context()
		for i := range 50 {
			c := shop
			c.ID = strconv.Itoa(i)
			must(b, db.PutClient(ctx, c))
		}
		for i := range 1000 {
			_, _, _, err := db.Enroll(ctx, fmt.Sprintf("+8613800%06d", i), device(strconv.Itoa(i), 0))
			must(b, err)
		}
		n := 0
		for _, statement := range []struct {
			name string
			run  func() error
		}{
			{"Client", func() error { _, err := db.Client(ctx, "7"); return err }},
			{"RegisteredOrigin", func() error { _, err := db.RegisteredOrigin(ctx, "https://www.shop.example"); return err }},
			{"Device", func() error { _, err := db.Device(ctx, "500"); return err }},
			{"RecordLogin", func() error { n++; _, _, err := db.RecordLogin(ctx, benchLogin(n)); return err }},
			{"TouchDevice", func() error { n++; return db.TouchDevice(ctx, "500", at(0).Add(time.Duration(n)*time.Second)) }},
			{"Audit", func() error { return db.Audit(ctx, identity.AuditEvent{Kind: "code.reused", Client: "7"}) }},
			{"Enroll", func() error {
				n++
				_, _, _, err := db.Enroll(ctx, fmt.Sprintf("+49%09d", n), device("bench"+strconv.Itoa(n), 0))
				return err
			}},
		} {
			b.Run(name+"/"+statement.name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					must(b, statement.run())
				}
			})
		}
		b.Run(name+"/ClientAndRecordLoginAtOnce", func(b *testing.B) {
			b.RunParallel(func(p *testing.PB) {
				id := fmt.Sprintf("%p", p)
				for i := 0; p.Next(); i++ {
					_, err := db.Client(ctx, "7")
					must(b, err)
					l := login(id+strconv.Itoa(i), id+strconv.Itoa(i)+"-"+strconv.Itoa(b.N))
					l.ID = l.Challenge
					_, _, err = db.RecordLogin(ctx, l)
					must(b, err)
				}
			})
		})
	}
}

// benchLogin is a login with names as long and as random as real ones.
func benchLogin(n int) identity.Login {
	id := fmt.Sprintf("%x", hash(strconv.Itoa(n)))
	l := login(id[:22], id[:43])
	l.UserAgent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
	return l
}
