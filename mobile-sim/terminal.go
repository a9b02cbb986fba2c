package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/mattn/go-isatty"
	"golang.org/x/term"
)

// terminal is where a person can be asked.
type terminal struct {
	in  io.Reader
	out io.Writer
}

// openTerminal finds the person. At a standard input that is a terminal, it is there. A standard input that brought the
// picture says nothing of who is watching: `import png:- | mobile-sim scan -` has its person at the controlling
// terminal. Otherwise there is nobody, and it returns nil.
func (a *app) openTerminal(stdinTaken bool) *terminal {
	if !stdinTaken {
		if f, ok := a.stdin.(*os.File); ok && isatty.IsTerminal(f.Fd()) {
			return &terminal{a.stdin, a.view()}
		}
		return nil
	}
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return nil
	}
	return &terminal{tty, tty} // open until the program ends
}

// view is where a person reads: standard output, unless that belongs to a program.
func (a *app) view() io.Writer {
	if a.json {
		return a.stderr
	}
	return a.stdout
}

// choose asks until a deadline. Decline comes first and is the default (RFC 10027 §6.1.14): only a word of approval
// approves, not the end of input, not a slip of the finger.
func (t *terminal) choose(ctx context.Context, words *words, within time.Duration) (approve bool, err error) {
	_, _ = fmt.Fprintf(t.out, "  [Enter]  %s\n  [a]      %s\n\n", words.decline, words.approve)
	return t.ask(ctx, words.prompt, words.yes, within)
}

// mine asks whether the computer is the person's own. That it is not is the default: most such computers are shared.
func (t *terminal) mine(ctx context.Context, words *words, within time.Duration) (mine bool, err error) {
	return t.ask(ctx, words.mine, words.surely, within)
}

// ask tells whether the answer is one of these words. It gives up at the deadline.
func (t *terminal) ask(ctx context.Context, question string, yes []string, within time.Duration) (bool, error) {
	_, _ = io.WriteString(t.out, question)
	ctx, cancel := context.WithTimeoutCause(ctx, within, errExpired)
	defer cancel()
	line, err := readLine(ctx, t.in)
	if err != nil {
		_, _ = fmt.Fprintln(t.out)
		return false, err
	}
	return slices.Contains(yes, strings.ToLower(line)), nil
}

// secret reads a line that is not shown while it is typed. It gives up at the deadline.
func (t *terminal) secret(ctx context.Context, question string, within time.Duration) (string, error) {
	_, _ = io.WriteString(t.out, question)
	defer func() { _, _ = fmt.Fprintln(t.out) }() // for the Enter, which is not shown either
	ctx, cancel := context.WithTimeoutCause(ctx, within, errExpired)
	defer cancel()
	f, ok := t.in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return readLine(ctx, t.in)
	}
	state, err := term.GetState(int(f.Fd()))
	if err != nil {
		return "", err
	}
	defer term.Restore(int(f.Fd()), state) //nolint:errcheck // of a terminal that is there
	return wait(ctx, func() string {
		line, _ := term.ReadPassword(int(f.Fd()))
		return strings.TrimSpace(string(line))
	})
}

// readLine reads one line, trimmed; "" at the end of input. It returns early with the context's cause.
func readLine(ctx context.Context, r io.Reader) (string, error) {
	return wait(ctx, func() string {
		line, _ := bufio.NewReader(io.LimitReader(r, 1024)).ReadString('\n')
		return strings.TrimSpace(line)
	})
}

// wait returns what is read, or early with the context's cause.
func wait(ctx context.Context, read func() string) (string, error) {
	lines := make(chan string, 1)
	go func() { lines <- read() }() // ends with its line, or with the program
	select {
	case line := <-lines:
		return line, nil
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}
