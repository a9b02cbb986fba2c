package qr

import (
	"bytes"
	"fmt"

	"github.com/skip2/go-qrcode"
)

// PNG draws the code of a text, size pixels wide and high.
func PNG(text string, size int) ([]byte, error) {
	code, err := qrcode.New(text, qrcode.Medium)
	if err != nil {
		return nil, err
	}
	return code.PNG(size)
}

// SVG draws dark modules as one path of horizontal runs, on a white ground whatever the page's colours. The bitmap has its
// quiet zone.
func SVG(text string) ([]byte, error) {
	code, err := qrcode.New(text, qrcode.Medium)
	if err != nil {
		return nil, err
	}
	bitmap := code.Bitmap()
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" shape-rendering="crispEdges">`, len(bitmap), len(bitmap))
	b.WriteString(`<rect width="100%" height="100%" fill="#fff"/><path d="`)
	for y, row := range bitmap {
		for x := 0; x < len(row); x++ {
			run := 0
			for x+run < len(row) && row[x+run] {
				run++
			}
			if run > 0 {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", x, y, run, run)
				x += run
			}
		}
	}
	b.WriteString(`"/></svg>`)
	return b.Bytes(), nil
}
