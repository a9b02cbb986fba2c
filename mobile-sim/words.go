package main

import (
	"strings"

	"qrlogin/api"
)

// words is everything that a person reads, in one language. What a command line says of itself (--help, wrong flags) is
// English.
type words struct {
	loggingIn, buying, handingOff purpose

	site        string // labels, of one width
	from        string
	gets        string
	says        string
	merchant    string
	kiosk       string
	number      string
	goods       string
	sum         string
	pays        string
	asks        string
	file        string
	noDomain    string
	noBrowser   string
	browserOn   string // browser, system
	unknownUA   string
	at          string // address and place
	near        map[api.ConsentProximity]string
	warnings    map[api.ConsentWarnings]string
	elsewhere   string // the same of a code that is elsewhere, where both places are known: the code's, the phone's
	otherAlarm  string // a warning that this phone has no words for
	nothing     string
	scopes      map[string]string
	otherScope  string
	resource    string // %s is an API that the site may then use
	machine     string // its id
	payAt       string // host
	as          string // media types
	atMost      string // size
	bytes       string // how many
	sealed      string
	thisMachine string
	willAsk     string
	decline     string
	approve     string
	prompt      string
	mine        string // "this is my computer", asked after an approval
	noTerminal  string
	confirming  string // with the digits, and what comes of them
	thenStays   string
	declined    string // with the site's name
	givenBack   string
	noSession   string
	toPay       string // host
	paid        string // amount, currency, merchant, order

	askPIN      string
	newPIN      string
	newPINAgain string
	firstPIN    string
	pinDiffers  string
	pinSet      string

	codeSent   string // number
	enrolled   string // number, issuer
	whoami     string // number, issuer, device name, device id, day
	thisDevice string
	device     string // name, id, day, last seen
	waits      string // until when

	deviceWaits string // the same, of one in a list
	allowed     string
	removed     string
	deleteAll   string // number, issuer
	kept        string
	deleted     string

	columns   []string
	noLogins  string
	active    string
	inSession string
	endedAt   string // when
	loggedOut string // site, as the next
	disowned  string
	events    map[api.EventKind]string
	noEvents  string
	headings  []string          // of the events
	yes       []string          // to the consent
	surely    []string          // to mine
	errors    map[string]string // by a problem's code
}

// purpose is the words for one of the things that a code may be for, each with the site's name but for the education.
type purpose struct {
	question  string
	education string // RFC 10027 §6.1.13
	approved  string
	then      string // comes of the digits
}

// wordsFor picks the language: as asked, or as the environment says (POSIX's LC_ALL, LC_MESSAGES, LANG).
func wordsFor(lang string, env func(string) string) *words {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if lang == "" {
			lang = env(name)
		}
	}
	if strings.HasPrefix(lang, "zh") {
		return &chinese
	}
	return &english
}

var english = words{
	loggingIn: purpose{
		question:  "Log in to %s?",
		education: "Approve only if you yourself opened this page just now, on a screen in front of you.",
		approved:  "Approved. %s is logging you in.",
		then:      "Then %s logs you in.",
	},
	buying: purpose{
		question:  "Buy this at %s?",
		education: "Approve only if you yourself are buying this now, on a screen in front of you.",
		approved:  "Approved. %s has your order.",
		then:      "Then %s has your order.",
	},
	handingOff: purpose{
		question:  "Send this to %s?",
		education: "Approve only if you yourself opened this page just now, on a screen in front of you. What it has been sent, it may keep.",
		approved:  "Approved. %s has what you sent.",
		then:      "Then %s has what you sent.",
	},

	site:      "Site",
	from:      "From",
	gets:      "Gets",
	says:      "Says",
	merchant:  "By  ",
	kiosk:     "At  ",
	number:    "No. ",
	goods:     "Buys",
	sum:       "Sum ",
	pays:      "Pays",
	asks:      "Asks",
	file:      "File",
	noDomain:  "(no registered domain)",
	noBrowser: "(no browser)",
	browserOn: "%s on %s",
	unknownUA: "a program that calls itself %q",
	at:        "at %s",
	near: map[api.ConsentProximity]string{
		api.ConsentProximitySameAddress: "in the same network as this phone, at the same address",
		api.ConsentProximitySameNetwork: "in the same network as this phone",
		api.ConsentProximitySamePlace:   "about where this phone is",
		api.ConsentProximityElsewhere:   "in another network than this phone",
		api.ConsentProximityUnknown:     "how near to this phone is not known",
	},
	warnings: map[api.ConsentWarnings]string{
		api.ConsentWarningsNoBrowser: "Warning: no browser is showing this code now. Unless it is on a device in front of you, decline.",
		api.ConsentWarningsElsewhere: "Warning: this code is shown in another network than this phone's, as it is when you use mobile data. If somebody sent it to you, decline.",
		api.ConsentWarningsCopyable:  "Warning: this code may have been copied, since it does not change. If it is not on a page that you opened yourself, decline.",
	},
	elsewhere:   "Warning: this code is shown in another place: %s. You are in %s. If somebody sent it to you, decline.",
	otherAlarm:  "Warning: %s, for which this phone has no words. If you are in doubt, decline.",
	nothing:     "nothing",
	scopes:      map[string]string{"openid": "to know you again: an account of its own for you", "phone": "your phone number"},
	otherScope:  "something this phone has no words for: %s",
	resource:    "access in your name to %s",
	machine:     "machine %s",
	payAt:       "at %s, once you have approved",
	as:          "as %s",
	atMost:      "at most %s",
	bytes:       "%d bytes",
	sealed:      "encrypted for the page that shows the code",
	thisMachine: "The machine in front of you must be the one above: somebody may have stuck another code over its own.",
	willAsk:     "If you approve, this phone shows four digits, which you type into that page. Tell them to nobody.",
	decline:     "Decline",
	approve:     "Approve",
	prompt:      "Your choice [decline]: ",
	mine:        "Is this your own computer? Then it stays signed in for 8 hours. Yours? [no]: ",
	noTerminal:  "There is no terminal to ask at, and neither --approve nor --deny was given: declined.",
	confirming:  "Approved. Type these digits into the page that shows the code, and tell them to nobody:\n\n      %s\n\n%s",
	thenStays:   "This computer then stays signed in for 8 hours.",
	declined:    "Declined. %s gets nothing.",
	givenBack:   "Nothing was approved, and the code was given back.",
	noSession:   "Here the computer cannot stay signed in.",
	toPay:       "Pay at %s with: mobile-sim pay",
	paid:        "Paid: %s %s to %s, for order %s.",

	askPIN:      "PIN: ",
	newPIN:      "New PIN, 4 to 12 digits: ",
	newPINAgain: "Once more: ",
	firstPIN:    "Orders are approved with a PIN, and this phone has none yet. Choose one.",
	pinDiffers:  "Those were two different ones.",
	pinSet:      "The PIN is set.",

	codeSent:   "A code is on its way to %s. Code: ",
	enrolled:   "Enrolled: this is now a phone of %s at %s.",
	whoami:     "%s at %s\nDevice %s (%s), since %s",
	thisDevice: "this device",
	device:     "%s (%s), since %s, last seen %s",
	waits:      "It waits until %s, for you have another phone already. Allow it there, and it works at once: mobile-sim devices allow ID",

	deviceWaits: "waits until %s: allow or remove it",
	allowed:     "Allowed: it works now.",
	removed:     "Removed.",
	deleteAll:   "Delete the account of %s at %s? All logins end, nothing stays, and every site will take you for somebody new. Delete? [no]: ",
	kept:        "Nothing was deleted.",
	deleted:     "Deleted. Nothing of the account is left.",

	columns:   []string{"Site", "Domain", "Browser", "Address", "When", "State", "ID"},
	noLogins:  "No logins.",
	active:    "active",
	inSession: "active, stays signed in",
	endedAt:   "ended %s",
	loggedOut: "Logged out: %s",
	disowned:  "Logged out, and kept that it was not you: %s",
	events: map[api.EventKind]string{
		api.DeviceEnrolled:          "a phone was added to your account",
		api.DeviceAllowed:           "a phone of yours was allowed before its time",
		api.DeviceRemoved:           "a phone was removed from your account",
		api.DeviceRefused:           "a phone that waited was refused",
		api.PasskeyAdded:            "a passkey was added to your account",
		api.PasskeyRemoved:          "a passkey was removed from your account",
		api.PasskeyCloned:           "a passkey was refused: there may be a copy of it",
		api.CodeReused:              "you presented a code whose login had ended",
		api.CodeStale:               "you presented a picture of a code that was out of date",
		api.CodeContested:           "you presented a code that another phone had scanned first",
		api.CodeForeign:             "you presented a code that the provider does not know",
		api.CodeNotAllowed:          "you presented a code that stands still, where it has to change",
		api.CodeCopied:              "somebody else's phone presented the code of your login",
		api.ScanElsewhere:           "you scanned a code in a browser that was elsewhere: refused",
		api.ConfirmationFailed:      "the page was given wrong digits, twice or more",
		api.LoginEnded:              "you ended a login, or all of them",
		api.LoginDisowned:           "you said that a login was not you: ended",
		api.AuthorizationCodeReused: "a code of a login was used twice: the login was ended",
		api.RefreshTokenReused:      "a token of a login was used twice: the login was ended",
		api.AccountExported:         "all that is kept of your account was exported",
	},
	noEvents: "Nothing has happened.",
	headings: []string{"When", "What", "Site", "Browser", "Where", "Login"},
	yes:      []string{"a", "approve", "y", "yes"},
	surely:   []string{"y", "yes"},
	errors: map[string]string{
		"code-unknown":           "The provider does not know this code.",
		"code-stale":             "This code is out of date. Scan the one that is on the screen now.",
		"gone":                   "This code has been used or cancelled, or has expired.",
		"expired":                "The request expired before you decided.",
		"claimed-by-another":     "Another phone has scanned this code first.",
		"too-late":               "Too late: the request is about to expire.",
		"too-far":                "This site logs in only who is near the screen that shows the code. Join the network of that computer, and scan again.",
		"outside":                "This code is shown outside the networks that the site allows. If somebody sent it to you, report it to the site.",
		"other-account":          "Somebody else is logged in at the site, and it asks for the phone of that person.",
		"wrong-state":            "This code has been decided on already.",
		"device-unknown":         "The provider does not know this phone. Enrol it again.",
		"device-waiting":         "This phone waits until another one of yours allows it, or its day is over: mobile-sim whoami",
		"no-such-device":         "Your account has no such device. List them with: mobile-sim devices",
		"enrollment-code-wrong":  "That is not the code that was sent. Try again with: mobile-sim enroll … --code N",
		"enrollment-code-needed": "The enrolment waits for its code. Finish it with: mobile-sim enroll … --code N",
		"phone-number-invalid":   "The provider does not take this phone number. Write it with + and the country's code.",
		"country-not-served":     "The provider sends no codes to numbers of this country.",
		"sms-unavailable":        "The provider could not send the code. Wait a moment for it, then enrol again.",
		"too-many-requests":      "Too many requests. Wait a while.",
		"unavailable":            "The provider is not available now. Try again.",
		"login-unknown":          "There is no such login. List them with: mobile-sim logins",
		"not-enrolled":           "No phone is enrolled here. Begin with: mobile-sim enroll --provider URL --phone NUMBER",
		"foreign-code":           "This code does not belong to this phone's provider. Nothing was sent.",
		"released":               "Interrupted. Nothing was approved, and the code was given back.",

		"no-pin":         "Orders are approved with a PIN, and this phone has none. Set one with: mobile-sim pin",
		"pin-needed":     "The PIN is needed, and there is no terminal to ask for it at. For programs: MOBILE_SIM_PIN, or --pin; to change it: --current",
		"new-pin-needed": "There is no terminal to ask for a new PIN at. For programs: --pin",
		"pin-malformed":  "A PIN is 4 to 12 digits.",
		"pin-wrong":      "That is not the PIN.",
		"pin-locked":     "The PIN was wrong ten times in a row. This phone approves no orders until it is enrolled again: mobile-sim enroll",

		"handoff-key":        "The provider shows another key than the page: what you send could be read by somebody else. Nothing was sent, and the code was given back.",
		"handoff-needs-scan": "This code asks for something, so this phone itself must read it: from a picture, or as its whole text. A typed user code and --upload will not do.",
		"nothing-to-send":    "This code asks for something. Name the file to send with: --send FILE",
		"nothing-asked-for":  "This code asks for nothing, and --send was given.",
		"handoff-type":       "The page does not take this kind of file. Another one, or --media-type?",
		"handoff-too-large":  "This file is larger than may be sent.",
		"handoff-malformed":  "The provider does not take what was sent.",
		"handoffs-full":      "Too much is being sent through the provider now. Wait a moment, then scan again.",

		"no-bill":         "There is no approved order to pay. Name its payment page: mobile-sim pay URI",
		"bill-differs":    "The shop asks for something else than you approved. Nothing was paid.",
		"payment-expired": "The time to pay this order is over.",
		"payment-pending": "The shop has not had your approval yet. Pay again in a moment.",

		"picture-unreadable":         "The provider cannot read this file: it is no picture, or it is damaged.",
		"picture-without-code":       "The provider finds no QR code in the picture. Take it nearer, sharper, or from straight ahead.",
		"picture-with-several-codes": "There is more than one code in the picture. Show one alone.",
		"too-large":                  "The picture is too large: at most 4 MB and 16 megapixels.",
		"unsupported-media-type":     "The provider reads PNG, JPEG and WebP pictures alone.",
	},
}

var chinese = words{
	loggingIn: purpose{
		question:  "要登录“%s”吗？",
		education: "只有当您本人刚刚在面前的屏幕上打开了这个页面时，才请批准。",
		approved:  "已批准。“%s”正在让您登录。",
		then:      "然后“%s”会让您登录。",
	},
	buying: purpose{
		question:  "要在“%s”购买吗？",
		education: "只有当您本人正在面前的屏幕上购买这些商品时，才请批准。",
		approved:  "已批准。“%s”已收到您的订单。",
		then:      "然后“%s”会收到您的订单。",
	},
	handingOff: purpose{
		question:  "要发送给“%s”吗？",
		education: "只有当您本人刚刚在面前的屏幕上打开了这个页面时，才请批准。发送的内容可能会被保留。",
		approved:  "已批准。“%s”已收到您发送的内容。",
		then:      "然后“%s”会收到您发送的内容。",
	},

	site:      "网站",
	from:      "来自",
	gets:      "获得",
	says:      "留言",
	merchant:  "商家",
	kiosk:     "机器",
	number:    "单号",
	goods:     "商品",
	sum:       "合计",
	pays:      "付款",
	asks:      "索要",
	file:      "文件",
	noDomain:  "（没有登记的域名）",
	noBrowser: "（没有浏览器）",
	browserOn: "%[2]s 上的 %[1]s",
	unknownUA: "自称 %q 的程序",
	at:        "地址 %s",
	near: map[api.ConsentProximity]string{
		api.ConsentProximitySameAddress: "与本手机在同一网络，地址相同",
		api.ConsentProximitySameNetwork: "与本手机在同一网络",
		api.ConsentProximitySamePlace:   "与本手机大致在同一地方",
		api.ConsentProximityElsewhere:   "与本手机不在同一网络",
		api.ConsentProximityUnknown:     "离本手机多远不得而知",
	},
	warnings: map[api.ConsentWarnings]string{
		api.ConsentWarningsNoBrowser: "警告：现在没有浏览器在显示这个码。除非它就在您面前的设备上，否则请拒绝。",
		api.ConsentWarningsElsewhere: "警告：显示这个码的网络与本手机的不同，使用移动数据时会这样。如果是别人发给您的，请拒绝。",
		api.ConsentWarningsCopyable:  "警告：这个码不会变化，可能是被复制来的。如果它不在您自己打开的页面上，请拒绝。",
	},
	elsewhere:   "警告：这个码显示在另一个地方：%s。您在 %s。如果是别人发给您的，请拒绝。",
	otherAlarm:  "警告：%s，本手机无法说明。如有疑问，请拒绝。",
	nothing:     "无",
	scopes:      map[string]string{"openid": "认出您：您在该网站的专属帐号", "phone": "您的手机号码"},
	otherScope:  "本手机无法说明的权限：%s",
	resource:    "以你的身份访问 %s",
	machine:     "编号 %s",
	payAt:       "批准后在 %s",
	as:          "格式 %s",
	atMost:      "最多 %s",
	bytes:       "%d 字节",
	sealed:      "只为显示二维码的页面加密",
	thisMachine: "您面前的机器必须是上面写的这一台：可能有人在它的码上贴了别的码。",
	willAsk:     "如果您批准，本手机会显示四位数字，请输入到那个页面。不要告诉任何人。",
	decline:     "拒绝",
	approve:     "批准",
	prompt:      "您的选择 [拒绝]：",
	mine:        "这是您自己的电脑吗？是的话，它将保持登录 8 小时。是您的吗？[否]：",
	noTerminal:  "没有终端可以询问，也没有给出 --approve 或 --deny：已拒绝。",
	confirming:  "已批准。请把这些数字输入到显示二维码的页面，不要告诉任何人：\n\n      %s\n\n%s",
	thenStays:   "这台电脑之后将保持登录 8 小时。",
	declined:    "已拒绝。“%s”什么也得不到。",
	givenBack:   "没有批准任何请求，码已归还。",
	noSession:   "在这里电脑不能保持登录。",
	toPay:       "请在 %s 付款：mobile-sim pay",
	paid:        "已付款：%s %s，商家“%s”，订单 %s。",

	askPIN:      "PIN：",
	newPIN:      "新的 PIN，4 到 12 位数字：",
	newPINAgain: "再输入一次：",
	firstPIN:    "订单需要用 PIN 批准，而本手机还没有。请设置一个。",
	pinDiffers:  "两次输入不一致。",
	pinSet:      "PIN 已设置。",

	codeSent:   "验证码正发往 %s。验证码：",
	enrolled:   "注册完成：本机现在是 %s 在 %s 的手机。",
	whoami:     "%s，提供方 %s\n设备 %s（%s），注册于 %s",
	thisDevice: "本机",
	device:     "%s（%s），注册于 %s，最近使用 %s",
	waits:      "您已有另一部手机，所以本机要等到 %s。在那部手机上允许后立即可用：mobile-sim devices allow ID",

	deviceWaits: "等到 %s：请允许或移除",
	allowed:     "已允许，现在可以使用。",
	removed:     "已移除。",
	deleteAll:   "要删除 %s 在 %s 的帐号吗？所有登录都会结束，什么也不保留，每个网站都会把您当作新用户。删除？[否]：",
	kept:        "没有删除任何内容。",
	deleted:     "已删除。帐号没有留下任何内容。",

	columns:   []string{"网站", "域名", "浏览器", "地址", "时间", "状态", "ID"},
	noLogins:  "没有登录。",
	active:    "登录中",
	inSession: "登录中，保持登录",
	endedAt:   "已于 %s 结束",
	loggedOut: "已退出登录：%s",
	disowned:  "已退出登录，并已记录不是您本人：%s",
	events: map[api.EventKind]string{
		api.DeviceEnrolled:          "您的帐号新增了一部手机",
		api.DeviceAllowed:           "您的一部手机被提前允许使用",
		api.DeviceRemoved:           "您的帐号移除了一部手机",
		api.DeviceRefused:           "一部等待中的手机被拒绝",
		api.PasskeyAdded:            "您的帐号新增了一个通行密钥",
		api.PasskeyRemoved:          "您的帐号移除了一个通行密钥",
		api.PasskeyCloned:           "一个通行密钥被拒绝：它可能被复制了",
		api.CodeReused:              "您出示了一个登录已结束的码",
		api.CodeStale:               "您出示了一个过时的码的图片",
		api.CodeContested:           "您出示了一个已被另一部手机先扫描的码",
		api.CodeForeign:             "您出示了一个提供方不认识的码",
		api.CodeNotAllowed:          "您出示了一个不变的码，而该网站要求变化的码",
		api.CodeCopied:              "别人的手机出示了您的登录的码",
		api.ScanElsewhere:           "您扫描了别处浏览器中的码：已拒绝",
		api.ConfirmationFailed:      "页面上的数字两次或更多次输错",
		api.LoginEnded:              "您结束了一个或全部登录",
		api.LoginDisowned:           "您说一个登录不是您本人：已结束",
		api.AuthorizationCodeReused: "一个登录的码被使用了两次：登录已结束",
		api.RefreshTokenReused:      "一个登录的令牌被使用了两次：登录已结束",
		api.AccountExported:         "您帐号的全部数据被导出",
	},
	noEvents: "没有发生任何事。",
	headings: []string{"时间", "事件", "网站", "浏览器", "地点", "登录"},
	yes:      []string{"a", "approve", "y", "yes", "批准", "同意"},
	surely:   []string{"y", "yes", "是"},
	errors: map[string]string{
		"code-unknown":           "提供方不认识这个码。",
		"code-stale":             "这个码已经过时，请扫描屏幕上现在的码。",
		"gone":                   "这个码已被使用、取消或已过期。",
		"expired":                "在您决定之前，请求已过期。",
		"claimed-by-another":     "另一部手机已先扫描了这个码。",
		"too-late":               "太晚了：请求即将过期。",
		"too-far":                "只有在显示二维码的屏幕附近的人才能登录该网站。请连接到那台电脑的网络，再扫描一次。",
		"outside":                "显示这个码的地方不在该网站允许的网络之内。如果是别人发给您的，请告知该网站。",
		"other-account":          "网站上登录的是另一个人，需要那个人的手机。",
		"wrong-state":            "对这个码已经作过决定。",
		"device-unknown":         "提供方不认识这部手机，请重新注册。",
		"device-waiting":         "本机要等您的另一部手机允许，或者等满一天：mobile-sim whoami",
		"no-such-device":         "您的帐号没有这个设备。请查看：mobile-sim devices",
		"enrollment-code-wrong":  "验证码不对。请再试：mobile-sim enroll … --code N",
		"enrollment-code-needed": "注册还在等待验证码。请完成：mobile-sim enroll … --code N",
		"phone-number-invalid":   "提供方不接受这个手机号码。请以 + 和国家代码开头。",
		"country-not-served":     "提供方不向这个国家或地区的号码发送验证码。",
		"sms-unavailable":        "提供方未能发出验证码。请稍等片刻，若仍未收到，再重新注册。",
		"too-many-requests":      "请求太多，请稍候。",
		"unavailable":            "提供方暂时不可用，请重试。",
		"login-unknown":          "没有这个登录。请查看：mobile-sim logins",
		"not-enrolled":           "这里还没有注册手机。请先运行：mobile-sim enroll --provider URL --phone 号码",
		"foreign-code":           "这个码不属于本手机的提供方。没有发送任何内容。",
		"released":               "已中断。没有批准任何请求，码已归还。",

		"no-pin":         "订单需要用 PIN 批准，而本手机还没有。请设置：mobile-sim pin",
		"pin-needed":     "需要 PIN，但没有终端可以询问。程序请用 MOBILE_SIM_PIN 或 --pin；更改时用 --current",
		"new-pin-needed": "没有终端可以询问新的 PIN。程序请用 --pin",
		"pin-malformed":  "PIN 是 4 到 12 位数字。",
		"pin-wrong":      "PIN 不对。",
		"pin-locked":     "PIN 连续输错十次。在重新注册之前，本手机不再批准订单：mobile-sim enroll",

		"handoff-key":        "提供方给出的密钥与页面的不同：您发送的内容可能被别人读到。没有发送任何内容，码已归还。",
		"handoff-needs-scan": "这个码索要内容，必须由本手机自己读取：图片，或完整的文字。手工输入的码和 --upload 都不行。",
		"nothing-to-send":    "这个码索要内容。请指定要发送的文件：--send 文件",
		"nothing-asked-for":  "这个码没有索要任何内容，却给出了 --send。",
		"handoff-type":       "页面不接受这种文件。换一个文件，或用 --media-type？",
		"handoff-too-large":  "这个文件超过了可以发送的大小。",
		"handoff-malformed":  "提供方不接受发送的内容。",
		"handoffs-full":      "现在经由提供方发送的内容太多。请稍候再扫描。",

		"no-bill":         "没有已批准而待付款的订单。请指定付款页面：mobile-sim pay URI",
		"bill-differs":    "商家要求的与您批准的不同。没有付款。",
		"payment-expired": "这个订单的付款时间已过。",
		"payment-pending": "商家还没有收到您的批准。请稍候再付款。",

		"picture-unreadable":         "提供方无法读取这个文件：它不是图片，或者已损坏。",
		"picture-without-code":       "提供方在图片里没有找到二维码。请靠近一些、拍得清楚一些，或从正面拍。",
		"picture-with-several-codes": "图片里有不止一个码，请只拍一个。",
		"too-large":                  "图片太大：最多 4 MB、1600 万像素。",
		"unsupported-media-type":     "提供方只读取 PNG、JPEG 和 WebP 图片。",
	},
}
