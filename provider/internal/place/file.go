package place

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"runtime/debug"
	"sync"

	"github.com/oschwald/maxminddb-golang/v2"
)

// Places finds places in a file. A nil *Places finds none.
type Places struct {
	path string
	log  *slog.Logger
	once sync.Once // for the first lookup that fails

	closing sync.RWMutex // a lookup after the end of the mapping would read what lies there then
	file    *maxminddb.Reader
}

// Open maps the file into memory; what is looked up is read from it. A new one takes its place by being renamed to it, and counts
// from the next start on. A file that is damaged, or that holds something else than places, is refused.
func Open(path string, log *slog.Logger) (*Places, error) {
	file, err := maxminddb.Open(path)
	if err != nil {
		return nil, fmt.Errorf("places: %s: %w", path, err)
	}
	p := &Places{path: path, log: log, file: file}
	if err := p.check(); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("places: %s: %w", path, err)
	}
	log.Info("places are known", "file", path, "type", file.Metadata.DatabaseType, "built", file.Metadata.BuildTime().UTC())
	return p, nil
}

// sample is how many networks are read at the start. A thorough check (Verify) reads all, for seconds, and refuses what can be read.
const sample = 1000

// check finds out whether the file holds places.
func (p *Places) check() (err error) {
	defer faults(&err)()
	read := 0
	for network := range p.file.Networks() {
		var r record
		if err := network.Decode(&r); err != nil {
			return fmt.Errorf("damaged, or its records are not those of GeoIP2 City: %w", err)
		}
		if _, found := r.place(); found {
			return nil
		}
		if read++; read == sample {
			break
		}
	}
	return fmt.Errorf("it holds no places, but %q: a City or a Country file is needed", p.file.Metadata.DatabaseType)
}

// Find answers where an address is. An error of the file is an address that is not found, and is logged once.
func (p *Places) Find(address netip.Addr) (Place, bool) {
	if p == nil || !address.IsValid() {
		return Place{}, false
	}
	r, err := p.read(address.Unmap())
	if err != nil {
		p.once.Do(func() {
			p.log.Error("the file of places cannot be read; places are missing", "file", p.path, "error", err)
		})
		return Place{}, false
	}
	return r.place()
}

func (p *Places) read(address netip.Addr) (r record, err error) {
	p.closing.RLock()
	defer p.closing.RUnlock()
	if p.file == nil || p.file.Metadata.IPVersion == 4 && address.Is6() {
		return r, nil
	}
	defer faults(&err)()
	return r, p.file.Lookup(address).Decode(&r)
}

// faults makes an error of a fault: a file that is overwritten where it lies, instead of replaced, takes the memory away that it
// was mapped to.
func faults(err *error) func() {
	before := debug.SetPanicOnFault(true)
	return func() {
		debug.SetPanicOnFault(before)
		switch r := recover().(type) {
		case nil:
		case interface{ Addr() uintptr }:
			*err = errors.New("it was changed while it was in use: replace it by renaming, and restart")
		default:
			panic(r)
		}
	}
}

// Close lets the file go; nothing is found from then on.
func (p *Places) Close() error {
	p.closing.Lock()
	defer p.closing.Unlock()
	file := p.file
	p.file = nil
	if file == nil {
		return nil
	}
	return file.Close()
}
