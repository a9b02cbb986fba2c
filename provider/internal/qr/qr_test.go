package qr

import (
	"encoding/xml"
	"regexp"
	"strconv"
	"testing"

	"github.com/skip2/go-qrcode"
)

// What is drawn, run by run, is the matrix again.
func TestTheSVGDrawsEachDarkModuleOnceAndNoOther(t *testing.T) {
	for _, text := range []string{
		"http://localhost:9000/q/4F2ZC6YH3V7Q5K5SYO2MBW4JXE.0.AEBAGBAFAYDQQ", "https://login.example/q/4F2ZC6YH3V7Q5K5SYO2MBW4JXE", "X",
	} {
		code, err := qrcode.New(text, qrcode.Medium)
		if err != nil {
			t.Fatal(err)
		}
		bitmap := code.Bitmap()
		picture, err := SVG(text)
		if err != nil {
			t.Fatal(err)
		}
		var svg struct {
			ViewBox string `xml:"viewBox,attr"`
			Path    struct {
				D string `xml:"d,attr"`
			} `xml:"path"`
		}
		if err := xml.Unmarshal(picture, &svg); err != nil {
			t.Fatal(err)
		}
		if size := strconv.Itoa(len(bitmap)); svg.ViewBox != "0 0 "+size+" "+size {
			t.Errorf("viewBox %s", svg.ViewBox)
		}
		drawn := make(map[[2]int]int)
		run := regexp.MustCompile(`M(\d+) (\d+)h(\d+)v1h-(\d+)z`)
		if rest := run.ReplaceAllString(svg.Path.D, ""); rest != "" {
			t.Fatalf("not runs: %s", rest)
		}
		for _, m := range run.FindAllStringSubmatch(svg.Path.D, -1) {
			x, y, n, back := atoi(t, m[1]), atoi(t, m[2]), atoi(t, m[3]), atoi(t, m[4])
			if n != back {
				t.Fatalf("a run that does not close: %s", m[0])
			}
			for i := range n {
				drawn[[2]int{x + i, y}]++
			}
		}
		for y, row := range bitmap {
			for x, dark := range row {
				if want := map[bool]int{true: 1}[dark]; drawn[[2]int{x, y}] != want {
					t.Fatalf("module %d,%d is drawn %d times, want %d", x, y, drawn[[2]int{x, y}], want)
				}
			}
		}
	}
}

func atoi(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
