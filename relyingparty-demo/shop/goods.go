package shop

import (
	"fmt"

	"qrlogin/api"
)

const (
	currency = "CNY"
	digits   = 2 // of an amount that are decimals (ISO 4217)
)

// Piece is one thing on the shelf. All of them are invented.
type Piece struct {
	Art   string // a picture under static/art; it names the piece, too
	Name  string
	Glaze string
	Price int64 // in fen, as all amounts
}

// Goods is what there is to buy, said in English or in Chinese.
func Goods(en bool) []Piece {
	if en {
		return []Piece{
			{"moon-jar", "Moon jar", "Milk-white, 24 cm", 480_00},
			{"teapot", "Quiet teapot", "Unglazed red clay, 0.4 l", 360_00},
			{"cup", "Rain cup", "Celadon over a bare foot", 88_00},
			{"vase", "Reed vase", "Ash glaze, one stem", 220_00},
			{"bowl", "Tide bowl", "Iron black, blue at the line", 160_00},
			{"pebbles", "Two pebbles", "Salt and pepper", 96_00},
		}
	}
	return []Piece{
		{"moon-jar", "月亮罐", "乳白釉，高 24 厘米", 480_00},
		{"teapot", "静壶", "紫泥素胎，0.4 升", 360_00},
		{"cup", "雨过杯", "青釉，露胎足", 88_00},
		{"vase", "苇瓶", "灰釉，插一枝", 220_00},
		{"bowl", "潮汐碗", "铁黑釉，潮线泛蓝", 160_00},
		{"pebbles", "双石", "盐罐与胡椒罐", 96_00},
	}
}

func find(goods []Piece, art string) (Piece, bool) {
	for _, p := range goods {
		if p.Art == art {
			return p, true
		}
	}
	return Piece{}, false
}

// Line is so many of a piece, in an order.
func (p Piece) Line(quantity int64) api.OrderLine {
	return api.OrderLine{Name: p.Name, Quantity: quantity, UnitPrice: p.Price}
}

// Money is an amount as people write it.
func Money(fen int64) string {
	if fen%100 == 0 {
		return fmt.Sprintf("¥%d", fen/100)
	}
	return fmt.Sprintf("¥%d.%02d", fen/100, fen%100)
}
