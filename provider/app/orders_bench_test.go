package app_test

import (
	"syscall"
	"testing"
	"time"

	"qrlogin/api"
	"qrlogin/provider/app"
)

// What an order costs beside a login: the CPU of the provider, the site and the phone, all in this process.
func BenchmarkALoginAndAnOrder(b *testing.B) {
	for name, begin := range map[string]func(w *world) api.DeviceAuthorization{
		"login": func(w *world) api.DeviceAuthorization { return w.begun(seller) },
		"order": func(w *world) api.DeviceAuthorization { return w.orders(anOrder()) },
	} {
		b.Run(name, func(b *testing.B) {
			w := newWorld(b, withClient(seller), func(c *app.Config) {
				c.Limits = []string{"scans-per-device=1000000/10m", "scans-per-account=1000000/10m", "scans-per-network=1000000/10m"}
			})
			p := w.rawPhone().enrolled(oneNumber)
			used := cpu(b)
			for b.Loop() {
				started := begin(w)
				p.approve(started)
				w.read(w.pollAs(seller.ID, seller.Secret, started, ""))
			}
			b.ReportMetric(float64((cpu(b)-used).Microseconds())/float64(b.N), "cpu-µs/op")
		})
	}
}

func cpu(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
