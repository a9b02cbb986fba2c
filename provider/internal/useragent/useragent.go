package useragent

import (
	"strings"

	"github.com/medama-io/go-useragent"
	"github.com/medama-io/go-useragent/agents"
)

// WeChat opens most links of many people, and the library takes it for the browser whose engine it has.
const weChat = "MicroMessenger/"

// The library's words that are not what people call these.
var (
	browsers = map[agents.Browser]string{agents.BrowserSamsung: "Samsung Internet", agents.BrowserIE: "Internet Explorer"}
	systems  = map[agents.OS]string{agents.OSMacOS: "macOS"}
)

// Name is the browser and the system of a user agent in words, "Firefox" and "Windows"; both or none. Of a program, a bot and
// what cannot be read there are none: most carry the names of browsers that they want to be taken for.
func Name(ua string) (browser, system string) {
	read := useragent.NewParser().Parse(ua) // the parser is made once, by the library
	if read.Browser() == "" || read.OS() == "" || read.IsBot() {
		return "", ""
	}
	browser, system = string(read.Browser()), string(read.OS())
	if word, ok := browsers[read.Browser()]; ok {
		browser = word
	}
	if strings.Contains(ua, weChat) {
		browser = "WeChat"
	}
	if word, ok := systems[read.OS()]; ok {
		system = word
	}
	return browser, system
}
