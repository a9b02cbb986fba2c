package app

import (
	"log/slog"
	"sync"

	"github.com/gin-gonic/gin"
)

// unnamedProxy says once that there seems to be a reverse proxy that nobody has named. All browsers and phones then have its one
// address: limits are everybody's, and every phone is near every browser.
func unnamedProxy(log *slog.Logger) gin.HandlerFunc {
	var once sync.Once
	return func(c *gin.Context) {
		if c.GetHeader("X-Forwarded-For") != "" {
			once.Do(func() {
				log.Warn("a request came with X-Forwarded-For, and no proxy is trusted: if there is one, name it with --trusted-proxies",
					"from", c.RemoteIP())
			})
		}
	}
}
