package browser

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"

	"github.com/gin-gonic/gin"
)

var (
	//go:embed tryout.html
	tryOutHTML string
	//go:embed tryout.css
	tryOutCSS string
	//go:embed tryout.js
	tryOutScript string

	tryOutTemplate = template.Must(template.New("tryout").Parse(tryOutHTML))

	// The preview asks nobody for anything, and the policy holds it to that: nothing may be connected to. A logo may come from
	// wherever the site's owner says.
	tryOutPolicy = "default-src 'none'; script-src 'self' " + hash(tryOutScript) + "; style-src " + hash(tryOutCSS) +
		"; img-src * data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

// tryOut is the page on which a site's owner tries the widget's settings and copies the snippet. It knows no site and stores nothing.
func (d *Door) tryOut(c *gin.Context) error {
	var b bytes.Buffer
	if err := tryOutTemplate.Execute(&b, tryOutData{
		Text: tryOutTexts[language(c)], Issuer: d.Issuer,
		CSS: template.CSS(tryOutCSS), Script: template.JS(tryOutScript), //nolint:gosec // embedded at build time
	}); err != nil {
		return err
	}
	h := c.Writer.Header()
	h.Set("Content-Security-Policy", tryOutPolicy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept-Language")
	c.Data(http.StatusOK, "text/html; charset=utf-8", b.Bytes())
	return nil
}

type tryOutData struct {
	Text   tryOutText
	Issuer string
	CSS    template.CSS
	Script template.JS
}

type tryOutText struct {
	Lang, Title, Lead, NoScript, Preview, State string
	Settings, Colours, Reset, Unread            string
	Shape, Scheme, AsPage, Light, Dark          string
	More, Logo, Language, Continue              string
	Snippet, Copy, Copied, Policy               string
	States, Colour, Lengths                     []setting
}

// setting is a choice: its value, or the attribute that it is about, and what people call it.
type setting struct{ Value, Name, Default, Min, Max string }

var tryOutTexts = map[string]tryOutText{
	"en": {
		Lang: "en", Title: "Try the login widget",
		Lead:     "Choose how it looks, see every state, and copy it to your login page. Nothing here is stored or sent.",
		NoScript: "This page needs JavaScript, as the widget does.",
		Preview:  "Preview", State: "State",
		Settings: "Settings", Colours: "Colours", Reset: "Default",
		Unread: "A phone would hardly read this code. The widget draws it in black on white.",
		Shape:  "Shape", Scheme: "Light or dark", AsPage: "As the page", Light: "Light", Dark: "Dark",
		More: "Content", Logo: "Address of a logo", Language: "Language", Continue: "On a phone, continue without a code (your site has the code flow)",
		Snippet: "For your page", Copy: "Copy", Copied: "Copied", Policy: "If your page has a Content Security Policy, it allows this:",
		States: []setting{
			{Value: "pending", Name: "Scan"}, {Value: "claimed", Name: "Scanned"}, {Value: "confirming", Name: "Digits"}, {Value: "approved", Name: "Approved"},
			{Value: "declined", Name: "Declined"}, {Value: "expired", Name: "Expired"}, {Value: "error", Name: "Error"}, {Value: "phone", Name: "On a phone"},
		},
		Colour: []setting{
			{Value: "accent", Name: "Accent", Default: "#1f6feb"}, {Value: "background", Name: "Card", Default: "#ffffff"}, {Value: "text", Name: "Text", Default: "#1a1d23"},
			{Value: "code", Name: "Code", Default: "#000000"}, {Value: "ground", Name: "Ground of the code", Default: "#ffffff"},
		},
		Lengths: []setting{{Value: "size", Name: "Size of the code", Default: "232", Min: "160", Max: "320"}, {Value: "radius", Name: "Roundness", Default: "20", Min: "0", Max: "40"}},
	},
	"zh": {
		Lang: "zh-Hans", Title: "试用登录组件",
		Lead:     "选择外观，查看每种状态，再复制到你的登录页。这里不保存也不发送任何内容。",
		NoScript: "本页面和登录组件一样，需要 JavaScript。",
		Preview:  "预览", State: "状态",
		Settings: "设置", Colours: "颜色", Reset: "恢复默认",
		Unread: "手机很难识别这样的二维码。组件会改用白底黑码。",
		Shape:  "外形", Scheme: "浅色或深色", AsPage: "跟随页面", Light: "浅色", Dark: "深色",
		More: "内容", Logo: "徽标地址", Language: "语言", Continue: "在手机上不用二维码，直接继续（你的网站有授权码流程）",
		Snippet: "放到你的页面", Copy: "复制", Copied: "已复制", Policy: "如果页面有内容安全策略，请允许：",
		States: []setting{
			{Value: "pending", Name: "待扫描"}, {Value: "claimed", Name: "已扫描"}, {Value: "confirming", Name: "输入数字"}, {Value: "approved", Name: "已同意"},
			{Value: "declined", Name: "已拒绝"}, {Value: "expired", Name: "已过期"}, {Value: "error", Name: "出错"}, {Value: "phone", Name: "在手机上"},
		},
		Colour: []setting{
			{Value: "accent", Name: "强调色", Default: "#1f6feb"}, {Value: "background", Name: "卡片", Default: "#ffffff"}, {Value: "text", Name: "文字", Default: "#1a1d23"},
			{Value: "code", Name: "二维码", Default: "#000000"}, {Value: "ground", Name: "二维码底色", Default: "#ffffff"},
		},
		Lengths: []setting{{Value: "size", Name: "二维码大小", Default: "232", Min: "160", Max: "320"}, {Value: "radius", Name: "圆角", Default: "20", Min: "0", Max: "40"}},
	},
}
