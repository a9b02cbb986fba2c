package redisstore

import (
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"qrlogin/provider/internal/challenge"
)

// fill gives every field of a value, however deep, something that is not its zero. A field of a kind that it does not know
// fails the test, and so does one that the codec forgets.
func fill(t *testing.T, v reflect.Value, n *int) {
	t.Helper()
	*n++
	if at, ok := v.Addr().Interface().(*time.Time); ok {
		*at = time.UnixMilli(int64(1_700_000_000_000 + *n)).UTC()
		return
	}
	if prefix, ok := v.Addr().Interface().(*netip.Prefix); ok {
		*prefix = netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, byte(*n), 0}), 24)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i), n)
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(t, v.Index(i), n)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 3, 3))
		for i := range v.Len() {
			fill(t, v.Index(i), n)
		}
	case reflect.String:
		v.SetString(fmt.Sprint("text ", *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int:
		v.SetInt(int64(*n))
	case reflect.Uint64:
		v.SetUint(uint64(*n) << 40)
	case reflect.Uint8:
		v.SetUint(uint64(*n%255 + 1))
	default:
		t.Fatalf("the codec's test does not know %v", v.Type())
	}
}

func filled(t *testing.T) challenge.Challenge {
	t.Helper()
	var c challenge.Challenge
	n := 0
	fill(t, reflect.ValueOf(&c).Elem(), &n)
	return c
}

// stored is a challenge as the script keeps it.
func stored(c challenge.Challenge) string {
	return fmt.Sprintf("%d;%s", c.CreatedAt.UnixMilli(), encode(c))
}

func TestEveryFieldOfAChallengeSurvivesItsRecord(t *testing.T) {
	full, early := filled(t), filled(t)
	early.ApprovedAt = early.CreatedAt.Add(-time.Second)
	for _, c := range []challenge.Challenge{{CreatedAt: time.UnixMilli(0).UTC()}, full, full.Tombstone(), early} {
		got, err := decode(stored(c))
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, c) {
			t.Errorf("read back\n%+v\nwant\n%+v", got, c)
		}
	}
}

func TestADamagedRecordIsAnError(t *testing.T) {
	whole := stored(filled(t))
	for n := range whole {
		if c, err := decode(whole[:n]); err == nil {
			t.Fatalf("the first %d of %d bytes are read as %+v", n, len(whole), c)
		}
	}
	if _, err := decode(whole + "\x00"); err == nil {
		t.Fatal("a byte too many is not noticed")
	}
	began, data, _ := strings.Cut(whole, ";")
	if _, err := decode(began + ";" + string(data[0]+1) + data[1:]); err == nil {
		t.Fatal("a record of another format is read")
	}
}
