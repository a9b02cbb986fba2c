package shop

// piece is one thing on the shelf. All of them are invented.
type piece struct {
	Art   string // a picture under static/art
	Name  string
	Glaze string
	Price string
}

func goods(en bool) []piece {
	if en {
		return []piece{
			{"moon-jar", "Moon jar", "Milk-white, 24 cm", "¥480"},
			{"teapot", "Quiet teapot", "Unglazed red clay, 0.4 l", "¥360"},
			{"cup", "Rain cup", "Celadon over a bare foot", "¥88"},
			{"vase", "Reed vase", "Ash glaze, one stem", "¥220"},
			{"bowl", "Tide bowl", "Iron black, blue at the line", "¥160"},
			{"pebbles", "Two pebbles", "Salt and pepper", "¥96"},
		}
	}
	return []piece{
		{"moon-jar", "月亮罐", "乳白釉，高 24 厘米", "¥480"},
		{"teapot", "静壶", "紫泥素胎，0.4 升", "¥360"},
		{"cup", "雨过杯", "青釉，露胎足", "¥88"},
		{"vase", "苇瓶", "灰釉，插一枝", "¥220"},
		{"bowl", "潮汐碗", "铁黑釉，潮线泛蓝", "¥160"},
		{"pebbles", "双石", "盐罐与胡椒罐", "¥96"},
	}
}
