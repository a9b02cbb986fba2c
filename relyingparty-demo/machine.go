package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// sell runs the machine, and what it needs, until ctx is done or its q key is pressed.
func sell(ctx context.Context, o options, in io.Reader, out, errOut io.Writer) error {
	var d *demo
	note := func(text string) {
		at := d.url + d.machine.Path()
		d.machine.Note(fmt.Sprintf("%s · provider %s\nNo phone at hand? go run ./mobile-sim scan %s/code.png\n%s", at, d.issuer, at, text))
	}
	d, err := start(ctx, o, notes(note), errOut)
	if err != nil {
		return err
	}
	note("")
	ctx, off := context.WithCancel(ctx)
	defer off()
	stopped := make(chan error, 1)
	go func() {
		defer off() // what fails takes the screen down
		stopped <- d.run(ctx)
	}()
	go d.machine.Run(ctx)
	err = d.machine.Terminal(ctx, in, out, o.Kiosk.Lang)
	off()
	return errors.Join(err, <-stopped)
}

// notes takes what appears in a terminal: an SMS to a phone that is being enrolled, which belongs below the machine's screen.
type notes func(string)

func (n notes) Write(b []byte) (int, error) {
	if text := strings.TrimSpace(string(b)); text != "" {
		n(text)
	}
	return len(b), nil
}
