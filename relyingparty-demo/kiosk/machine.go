package kiosk

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"sync"
	"time"

	"qrlogin/api"
	"qrlogin/relyingparty-demo/shop"
)

// A stage is where the machine is in a sale.
type stage string

const (
	choosing stage = "choosing"
	scanning stage = "scanning" // the code is shown, or a phone has it and has not decided
	paying   stage = "paying"   // ordered
	taking   stage = "taking"   // paid, and in the tray
)

// A notice says, while the next customer chooses, why the last one has nothing.
type notice string

const (
	nothing  notice = ""
	declined notice = "declined"
	late     notice = "late"    // nobody scanned, or nobody decided
	unpaid   notice = "unpaid"  // ordered, and not paid in time
	trouble  notice = "trouble" // the provider cannot be reached, or the order came back as another
)

const (
	trayTime    = 6 * time.Second // how long the machine points at the tray before the next customer
	callTimeout = 10 * time.Second
)

// forgotten is how a challenge ends of which the provider knows nothing: its store has come back without it.
const forgotten api.Outcome = ""

// state is all that there is to see of a machine.
type state struct {
	version int64 // raised whenever there is another stage; the code is drawn anew without it
	stage   stage
	notice  notice
	piece   string // what is being sold, by its picture's name
	sale    *shop.Sale
	frames  []frame
	scanned bool
	lost    bool // the provider has forgotten the code before this one
	leaving bool // the customer has pressed "back"
	note    string
}

// frame is what to draw as a QR code in a span of time.
type frame struct {
	text        string
	from, until time.Time
}

// A Machine sells one piece at a time, to one customer after the other.
type Machine struct {
	id, place string
	secret    string // in the address of its page: who knows it stands before the machine
	shop      *shop.Shop
	log       *slog.Logger
	tray      time.Duration

	mu      sync.Mutex
	now     state
	chosen  chan api.OrderLine
	changed chan struct{} // closed at each change, and replaced
}

// New makes a machine that stands somewhere and sells what the shop has.
func New(s *shop.Shop, id, place string, log *slog.Logger) *Machine {
	return &Machine{
		id: id, place: place, secret: rand.Text(), shop: s, log: log, tray: trayTime,
		now: state{version: 1, stage: choosing}, chosen: make(chan api.OrderLine, 1), changed: make(chan struct{}),
	}
}

// Run sells until ctx is done.
func (m *Machine) Run(ctx context.Context) {
	for {
		select {
		case line := <-m.chosen:
			m.enter(choosing, m.sell(ctx, line))
		case <-ctx.Done():
			return
		}
	}
}

// Choose begins a sale, unless there is one.
func (m *Machine) Choose(p shop.Piece) {
	m.update(func(s *state) {
		if s.stage == choosing {
			*s = state{version: s.version + 1, stage: scanning, piece: p.Art, note: s.note}
			m.chosen <- p.Line(1) // there is room: the stage lets one in at a time
		}
	})
}

// Note has the terminal show a text at its foot, for whoever looks after the machine.
func (m *Machine) Note(text string) { m.update(func(s *state) { s.note = text }) }

// Back ends a sale that no phone has approved.
func (m *Machine) Back(ctx context.Context) {
	var sale *shop.Sale
	m.update(func(s *state) {
		if s.stage == scanning {
			s.leaving, sale = true, s.sale
		}
	})
	if sale != nil {
		m.cancel(ctx, sale)
	}
}

func (m *Machine) cancel(ctx context.Context, sale *shop.Sale) {
	ctx, end := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer end()
	if err := sale.Cancel(ctx); err != nil {
		m.log.Warn("a sale could not be cancelled; it ends by itself", "error", err)
	}
}

// sell sells one piece, and returns why it was not sold.
func (m *Machine) sell(ctx context.Context, line api.OrderLine) notice {
	for lost := false; ; {
		sale, err := m.shop.Sell(ctx, []api.OrderLine{line}, api.Kiosk{Id: m.id, Place: m.place})
		if err != nil {
			if ctx.Err() == nil {
				m.log.Warn("a sale could not start", "error", err)
			}
			return trouble
		}
		left := false
		m.update(func(s *state) { s.sale, s.frames, s.scanned, s.lost, left = sale, nil, false, lost, s.leaving })
		if left { // pressed before there was a code
			m.cancel(ctx, sale)
		}
		bought, how, err := m.offer(ctx, sale)
		switch {
		case err != nil:
			m.cancel(ctx, sale) // the machine is being switched off
			return nothing
		case bought:
			return m.deliver(ctx, sale)
		case m.look().leaving:
			return nothing
		case how == api.OutcomeCancelled, how == forgotten: // cancelled on the page, by who wants another code
			lost = how == forgotten
			continue
		case how == api.OutcomeDenied:
			return declined
		case how == api.OutcomeRedeemed:
			return trouble
		}
		return late
	}
}

// offer shows the code until the sale has an outcome.
func (m *Machine) offer(ctx context.Context, sale *shop.Sale) (bought bool, how api.Outcome, err error) {
	watching, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan api.Outcome, 1)
	go func() { ended <- m.watch(watching, sale) }()
	if bought, err = sale.Ordered(ctx); err != nil || bought {
		return bought, "", err
	}
	select {
	case how = <-ended:
	case <-time.After(callTimeout): // the shop knows that it is over, and the provider cannot be asked how
		how = api.OutcomeExpired
	}
	return false, how, nil
}

// watch follows the challenge as a browser does that shows its code; it returns how it ended.
func (m *Machine) watch(ctx context.Context, sale *shop.Sale) api.Outcome {
	for after := int64(0); ctx.Err() == nil; {
		asked := time.Now()
		view, err := sale.Look(ctx, after)
		if gone, ok := errors.AsType[*shop.Gone](err); ok {
			return gone.Outcome
		}
		if err == nil && view.State == api.ChallengeStatePending && (view.Frames == nil || len(*view.Frames) == 0) {
			m.cancel(ctx, sale) // nobody has scanned for so long that nobody will
			return api.OutcomeExpired
		}
		if err == nil {
			m.show(sale, view)
		}
		if err != nil || view.Version == after { // not in a tight loop, whatever the provider does
			pause(ctx, time.Until(asked.Add(time.Second)))
		}
		if after = view.Version; err != nil {
			after = 0 // what is at hand may be past by the time the connection is back
		}
	}
	return ""
}

func (m *Machine) show(sale *shop.Sale, view api.ChallengeView) {
	now := time.Now()
	m.update(func(s *state) {
		if s.sale != sale {
			return
		}
		s.scanned, s.frames = view.State != api.ChallengeStatePending, nil
		if view.Frames == nil {
			return
		}
		for _, f := range *view.Frames {
			s.frames = append(s.frames, frame{f.Code, now.Add(time.Duration(f.FromMs) * time.Millisecond), now.Add(time.Duration(f.UntilMs) * time.Millisecond)})
		}
	})
}

// deliver waits for the payment and gives out the goods.
func (m *Machine) deliver(ctx context.Context, sale *shop.Sale) notice {
	m.enter(paying, nothing)
	_, err := sale.Paid(ctx)
	closing, end := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer end()
	paid, notClosed := sale.Close(closing) // whatever ended the wait: nobody may pay once the machine looks away
	switch err = errors.Join(err, notClosed); {
	case paid:
	case ctx.Err() != nil:
		return nothing
	case err != nil:
		m.log.Error("a payment could not be looked up", "error", err)
		return trouble
	default:
		return unpaid
	}
	m.enter(taking, nothing)
	pause(ctx, m.tray)
	return nothing
}

// enter goes to the next stage; what is being sold stays until the customers change.
func (m *Machine) enter(next stage, why notice) {
	m.update(func(s *state) {
		*s = state{version: s.version + 1, stage: next, notice: why, piece: s.piece, sale: s.sale, note: s.note}
	})
}

func (m *Machine) update(change func(*state)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change(&m.now)
	close(m.changed)
	m.changed = make(chan struct{})
}

func (m *Machine) look() state {
	s, _ := m.hear()
	return s
}

// hear returns the state, and what closes when there is another.
func (m *Machine) hear() (state, <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now, m.changed
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
