package faults

import (
	"bytes"
	"debug/elf"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"qrlogin/api"
)

// wrongClock is a provider program whose every reading of the wall clock is so many seconds off; what it times is right, as on a machine
// whose clock was set wrong. Linux has no such clock for one process, a library in between sees nothing of a Go program, and to build one
// with another package time is to compile everything again. But that package has one number in its machine code for a reading: the
// seconds from one epoch to another.
func wrongClock(seconds int) (program string, err error) {
	const between = (1969*365+1969/4-1969/100+1969/400)*86400 - (1884*365+1884/4-1884/100+1884/400)*86400 // unixToInternal - minWall, in time.go
	text, err := os.ReadFile(provider)
	if err != nil {
		return "", err
	}
	file, err := elf.NewFile(bytes.NewReader(text))
	if err != nil {
		return "", err
	}
	symbols, err := file.Symbols()
	if err != nil {
		return "", err
	}
	for _, s := range symbols {
		if s.Name != "time.Now" {
			continue
		}
		section := file.Sections[s.Section]
		code := text[s.Value-section.Addr+section.Offset:][:s.Size]
		number := binary.LittleEndian.AppendUint32(nil, between)
		if bytes.Count(code, number) != 1 {
			break
		}
		binary.LittleEndian.PutUint32(code[bytes.Index(code, number):], uint32(between+seconds))
		program = fmt.Sprintf("%s%+d", provider, seconds)
		return program, os.WriteFile(program, text, 0o700)
	}
	return "", fmt.Errorf("%s has no time.Now whose epoch can be moved", filepath.Base(provider))
}

func TestAClockIsHalfAMinuteWrong(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		if os.Getenv("QRLOGIN_REQUIRE") == "all" {
			t.Fatal("QRLOGIN_REQUIRE=all, and a clock can be made wrong in a program for amd64 alone")
		}
		t.Log("left out: a wrong clock, which is made in a program for amd64")
		return
	}
	for wrong, seconds := range map[string]int{"ahead": 30, "behind": -30} {
		t.Run(wrong, func(t *testing.T) {
			if !begin(t, redis, postgresProgram) {
				return
			}
			program, err := wrongClock(seconds)
			if err != nil {
				t.Fatal(err)
			}
			c := newCluster(t, 3, newRedis(t).store, newDatabase(t))
			n := c.nodes[1]
			n.stop()
			n.program = program
			n.start()
			for began := time.Now(); (time.Until(n.loggedAt(t)) - time.Duration(seconds)*time.Second).Abs() > 10*time.Second; time.Sleep(step) {
				if time.Since(began) > patience {
					t.Fatal("the clock is not wrong")
				}
			}
			r := c.swarm(t, usual()).end()
			table.add(t, "The clock of one node of three 30 s "+wrong, r, time.Time{})
			r.survived(t)
			if len(r.Errors) > 0 {
				t.Errorf("somebody noticed: %v", r.Errors)
			}

			person, shop := c.enrol(t, "+12015550102"), c.deviceSite(t)
			tokens, code := shop.redeem(t, n, shop.approved(t, n, person))
			if code != "" {
				t.Fatal(code)
			}
			// The time is the store's, which all nodes share.
			if off := time.Since(issuedAt(t, tokens)); off.Abs() > 5*time.Second {
				t.Errorf("the token's time is %s off", off)
			}
		})
	}
}

func issuedAt(t *testing.T, tokens api.TokenResponse) time.Time {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(*tokens.IdToken, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims struct{ IAT int64 }
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	return time.Unix(claims.IAT, 0)
}

// loggedAt is the time of the last line of the log.
func (n *node) loggedAt(t *testing.T) (at time.Time) {
	t.Helper()
	for line := range n.journal.matching("time=") {
		_, text, _ := strings.Cut(line, "time=")
		text, _, _ = strings.Cut(text, " ")
		var err error
		if at, err = time.Parse(time.RFC3339, text); err != nil {
			t.Fatal(err)
		}
	}
	return at
}
