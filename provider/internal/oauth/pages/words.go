package pages

// words is everything that a person reads, in one language. %s is the site's name unless it says otherwise.
type words struct {
	Lang  string // for the document
	Owner string // whose page this is; %s is the provider's host

	Login    string
	Step1    string
	Step2    string
	Step3    string
	Care     string // RFC 10027 §6.1.13
	Cancel   string
	Late     string // where the code should be, when it does not come
	Again    string
	Scan     string // without script
	ScanHint string
	Picture  string
	Claimed  string
	Confirm  string

	Buy        string // in the place of Login, for an order
	Order      string // %[1]s sells, for %[2]s
	BuyCare    string
	BuyScan    string
	BuyPicture string

	Digits     string // without script there is nowhere to type them
	NeedScript string

	Consent  string // %[1]s is the site, %[2]s the masked number
	NoScan   string
	Gets     string
	Scopes   map[string]string
	Other    string // %s is a scope that has no words
	Resource string // %s is an API
	Decline  string
	Continue string
	NotYou   string

	Logout    string
	AskedBy   string
	Ends      string
	Stay      string
	LogOut    string
	LoggedOut string
	Stayed    string
	CloseThis string
	Shared    string

	ThisSite   string // in place of a name that is not known
	Failures   map[Kind]failure
	Developers string

	Returning string
	Press     string
}

type failure struct{ Title, Text string }

var texts = map[string]words{
	"en": {
		Lang:  "en",
		Owner: "A page of %s",

		Login:    "Log in to %s",
		Step1:    "Scan the code with the app on your phone. It changes every few seconds.",
		Step2:    "Read on the phone who asks, from where and for what.",
		Step3:    "Approve. This page then takes you back to %s.",
		Care:     "Approve only what you began yourself, just now, on this screen. A code that somebody sent you logs them in, not you.",
		Cancel:   "Cancel and go back to %s",
		Late:     "The code does not come?",
		Again:    "Load this page again",
		Scan:     "Scan with your phone to log in",
		ScanHint: "This page draws a new code every five seconds, and notices when you have scanned it.",
		Picture:  "QR code to log in: scan it with the app on your phone",
		Claimed:  "Scanned. Confirm on your phone.",
		Confirm:  "This page goes on by itself once you have.",

		Buy:        "Buy from %s",
		Order:      "An order from %[1]s, %[2]s in all. Your phone shows each line of it before you approve.",
		BuyCare:    "Approve only an order that you began yourself, just now, on this screen. By a code that somebody sent you, you buy for them.",
		BuyScan:    "Scan with your phone to buy",
		BuyPicture: "QR code to buy: scan it with the app on your phone",

		Digits:     "The four digits on your phone are needed",
		NeedScript: "They are typed here, and that takes JavaScript. Allow it for this page and load it again.",

		Consent: "Continue to %[1]s as %[2]s?",
		NoScan:  "You are logged in on this computer, so there is nothing to scan.",
		Gets:    "%s gets",
		Scopes: map[string]string{
			"openid":         "An account of its own for you, to know you again",
			"phone":          "Your whole phone number",
			"offline_access": "Access while you are away, until you end it on your phone",
		},
		Other:    "Something this page has no words for: %s",
		Resource: "Access in your name to %s",
		Decline:  "Decline",
		Continue: "Continue",
		NotYou:   "Not you? Log in with another phone",

		Logout:    "Log out?",
		AskedBy:   "%s asks to end your login on this computer.",
		Ends:      "The sites that you went to with it are told to log you out, too.",
		Stay:      "Stay logged in",
		LogOut:    "Log out",
		LoggedOut: "You are logged out",
		Stayed:    "You are still logged in",
		CloseThis: "You can close this page.",
		Shared:    "On a computer that others use, close this window as well.",

		ThisSite: "the site",
		Failures: map[Kind]failure{
			UnknownClient: {"This site is not known here",
				"The link that brought you here is of a site that is not registered with this service. Nothing has been sent to anybody. Go back, and if it happens again, tell the people who run the site."},
			WrongRedirect: {"This login cannot go on",
				"You would have been sent to an address that %s has not registered, so you stay here. There is nothing for you to mend: tell the people who run the site."},
			Malformed: {"This link is damaged",
				"Something is missing from the link that brought you here, or wrong with it. Go back to %s and start again."},
			Expired: {"This login page has expired",
				"Nobody has been logged in. Go back to %s and start again."},
			WrongBrowser: {"This login began in another browser",
				"A login ends in the browser in which it began. Go back to %s and start again here. If you did begin here, let this page keep its cookie."},
			TooMany: {"Too many logins at this moment",
				"Wait a minute, then go back to %s and start again."},
			Internal: {"Something went wrong here",
				"It is our fault, not yours, and it has been recorded. Try again in a few minutes."},
		},
		Developers: "For those who run the site:",

		Returning: "Back to %s",
		Press:     "If nothing happens, press the button.",
	},
	"zh": {
		Lang:  "zh-Hans",
		Owner: "本页面属于 %s",

		Login:    "登录 %s",
		Step1:    "用手机上的应用扫描二维码。二维码每隔几秒更换一次。",
		Step2:    "在手机上看清是谁在请求、来自哪里、要什么。",
		Step3:    "同意后，本页面会带你回到 %s。",
		Care:     "只同意你自己刚刚在这个屏幕上发起的登录。别人发给你的码，登录的是别人，不是你。",
		Cancel:   "取消并返回 %s",
		Late:     "二维码没有出现？",
		Again:    "重新加载本页面",
		Scan:     "请用手机扫码登录",
		ScanHint: "本页面每五秒更换一次二维码，扫描后会自动更新。",
		Picture:  "登录二维码：请用手机上的应用扫描",
		Claimed:  "已扫描，请在手机上确认。",
		Confirm:  "确认后，本页面会自动继续。",

		Buy:        "在 %s 购买",
		Order:      "向 %[1]s 下的订单，合计 %[2]s。批准之前，手机会逐项显示。",
		BuyCare:    "只同意你自己刚刚在这个屏幕上发起的订单。扫别人发给你的码，就是替别人买单。",
		BuyScan:    "请用手机扫码购买",
		BuyPicture: "下单二维码：请用手机上的应用扫描",

		Digits:     "需要手机上的四位数字",
		NeedScript: "数字要在这里输入，因此需要 JavaScript。请为本页面启用后重新加载。",

		Consent: "以 %[2]s 的身份继续前往 %[1]s？",
		NoScan:  "你已在这台电脑上登录，无需再次扫码。",
		Gets:    "%s 将获得",
		Scopes: map[string]string{
			"openid":         "你在该网站的专属账号，用于再次认出你",
			"phone":          "你的完整手机号码",
			"offline_access": "你离开后仍可访问，直到你在手机上结束它",
		},
		Other:    "本页面无法说明的权限：%s",
		Resource: "以你的身份访问 %s",
		Decline:  "拒绝",
		Continue: "继续",
		NotYou:   "不是你？用另一部手机登录",

		Logout:    "要退出登录吗？",
		AskedBy:   "%s 请求结束你在这台电脑上的登录。",
		Ends:      "你用此登录访问过的网站也会收到退出通知。",
		Stay:      "保持登录",
		LogOut:    "退出登录",
		LoggedOut: "你已退出登录",
		Stayed:    "你仍在登录中",
		CloseThis: "可以关闭此页面了。",
		Shared:    "如果这台电脑还有别人使用，请同时关闭此窗口。",

		ThisSite: "原网站",
		Failures: map[Kind]failure{
			UnknownClient: {"这里不认识这个网站",
				"带你来到这里的链接属于一个未在本服务登记的网站。没有向任何人发送任何内容。请返回；如果再次发生，请告知该网站的管理者。"},
			WrongRedirect: {"登录无法继续",
				"你将被带往 %s 未登记的地址，因此停在了这里。你无需做任何处理，请告知该网站的管理者。"},
			Malformed: {"这个链接已损坏",
				"带你来到这里的链接不完整或有误。请返回 %s 重新开始。"},
			Expired: {"登录页面已过期",
				"没有人登录。请返回 %s 重新开始。"},
			WrongBrowser: {"这次登录是在另一个浏览器中开始的",
				"登录须在开始它的浏览器中完成。请返回 %s，在这里重新开始。如果确实是在这里开始的，请允许本页面保存 Cookie。"},
			TooMany: {"此刻登录请求太多",
				"请稍等一分钟，再返回 %s 重新开始。"},
			Internal: {"出了点问题",
				"这是我们的问题，不是你的；问题已被记录。请几分钟后重试。"},
		},
		Developers: "供网站管理者参考：",

		Returning: "返回 %s",
		Press:     "如果没有自动跳转，请按下面的按钮。",
	},
}
