package web

import (
	"context"
	"log/slog"
	"time"

	"github.com/gin-gonic/gin"

	"qrlogin/provider/internal/identity"
)

// Auditor keeps what an operator or an owner may want to know later.
type Auditor interface {
	Audit(ctx context.Context, e identity.AuditEvent) error
}

// auditTime is how long a request waits for its event to be kept.
const auditTime = 5 * time.Second

// Audit keeps an event of this moment, also when who asked has hung up. A request does not fail because its audit row could not be
// written; the log has it then.
func Audit(c *gin.Context, to Auditor, log *slog.Logger, e identity.AuditEvent) {
	seen := &of(c).seen
	seen.Events = append(seen.Events, e.Kind)
	e.At = time.Now()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request.Context()), auditTime)
	defer cancel()
	if err := to.Audit(ctx, e); err != nil {
		log.Error("audit event not kept", "request_id", RequestID(c), "kind", e.Kind, "error", err)
	}
}
