package shop

import (
	"net/http"

	"golang.org/x/text/language"
)

// words is everything that the pages say, in one language. A `%…` is filled in by the template.
type words struct {
	Lang, Other, OtherName string // of this language; of the other one, in its own words

	Shop, Motto, Skip, NavHome, NavLogin, NavAccount, Language string

	HomeTitle, HomeLead, HomeLogin, HomeAccount, ShelfTitle, Footer string

	LoginTitle, LoginLead, LoginStep1, LoginStep2, LoginStep3, LoginCare string
	LoginLoading, LoginLate, LoginNoScript, LoginHere                    string
	HereDeclined, HereForeign, HereFailed                                string
	SimTitle, SimLead, SimEnroll, SimScan, Copy, Copied                  string

	WelcomeNew, WelcomeBack, AccountLead, Visit, YourAccount, PhoneNumber, ShowNumber, NoNumber string
	AccountNumber, Since, HowTitle, HowLead, Provider, Subject, Method, Level, When, LogOut     string

	NotFound, NotAllowed, Broken, FailureLead, BackHome string
}

var english = &words{
	Lang: "en", Other: "zh", OtherName: "中文",

	Shop: "Kiln Lane", Motto: "Pots for every day", Skip: "Skip to the content",
	NavHome: "Shelf", NavLogin: "Log in", NavAccount: "Account", Language: "Language",

	HomeTitle: "Six pieces, one firing.",
	HomeLead: "We open the kiln on the first of the month and put on the shelf what came out well. " +
		"You need no password here: your phone is your key.",
	HomeLogin: "Log in with your phone", HomeAccount: "Go to your account", ShelfTitle: "On the shelf this month",
	Footer: "A demonstration shop. The pieces are invented and not for sale; the login is real.",

	LoginTitle: "Log in with your phone",
	LoginLead:  "No password, nothing to type. On your first visit an account is made for you.",
	LoginStep1: "Point your phone at the code. It changes every few seconds.",
	LoginStep2: "Read on the phone who asks, and from where.",
	LoginStep3: "Approve. This page goes on by itself.",
	LoginCare: "Approve only a code that you opened yourself, here, at %s. " +
		"Nobody who sends you a code, or asks you to scan one for them, means well.",
	LoginLoading: "Fetching a code …",
	LoginLate:    "The login service at %s does not answer. Reload the page in a moment, or:",
	LoginNoScript: "The code is drawn and kept fresh by a script, and JavaScript is switched off in this browser. " +
		"Allow it for this page and reload, or:",
	LoginHere:    "Log in on the login service’s own page",
	HereDeclined: "You declined. You are not logged in.",
	HereForeign:  "This answer is not to a login of this browser.",
	HereFailed:   "The login did not work.",
	SimTitle:     "No phone at hand?",
	SimLead:      "You are on the machine that runs this shop, so the simulated phone can scan for you. In a second terminal, in the project’s folder:",
	SimEnroll:    "Once, to give it a number. The code that an SMS would carry appears in the provider’s terminal.",
	SimScan:      "Then, to scan the code that is on this page now:",
	Copy:         "Copy", Copied: "Copied",

	WelcomeNew: "Welcome, your account is new.", WelcomeBack: "Welcome back, visit %d.",
	AccountLead: "Your phone logged you in. This is what the shop keeps of you.",
	Visit:       "visit", YourAccount: "Your account", PhoneNumber: "Phone number", ShowNumber: "Show the whole number",
	NoNumber: "not told", AccountNumber: "Account", Since: "Customer since",
	HowTitle: "How you logged in",
	HowLead:  "The shop knows you by the first two lines. Your number is only shown: if it becomes somebody else’s one day, your account does not.",
	Provider: "Identity provider", Subject: "Who you are to it", Method: "Method", Level: "Level", When: "Approved", LogOut: "Sign out",

	NotFound: "There is no such page.", NotAllowed: "That cannot be done here.", Broken: "Something broke.",
	FailureLead: "Some pieces do not survive the kiln.", BackHome: "Back to the shelf",
}

var chinese = &words{
	Lang: "zh", Other: "en", OtherName: "English",

	Shop: "窑巷", Motto: "日用之器", Skip: "跳到正文",
	NavHome: "架上", NavLogin: "登录", NavAccount: "我的账户", Language: "语言",

	HomeTitle: "六件器物，一窑而成。",
	HomeLead:  "每月初一开窑，烧得好的才上架。这里不用密码：手机就是您的钥匙。",
	HomeLogin: "用手机登录", HomeAccount: "前往我的账户", ShelfTitle: "本月架上",
	Footer: "这是一家演示商店。器物皆为虚构，并不出售；登录则是真的。",

	LoginTitle: "用手机登录",
	LoginLead:  "不用密码，也不用输入。首次登录会自动为您建立账户。",
	LoginStep1: "用手机对准二维码。它每隔几秒更换一次。",
	LoginStep2: "在手机上看清是谁、从哪里请求登录。",
	LoginStep3: "确认同意，本页会自动继续。",
	LoginCare:  "只同意您自己在 %s 打开的二维码。别人发来的、或请您代扫的，都不要同意。",

	LoginLoading:  "正在获取二维码……",
	LoginLate:     "登录服务 %s 没有响应。请稍后刷新本页，或者：",
	LoginNoScript: "二维码由脚本绘制和更新，而此浏览器已停用 JavaScript。请为本页启用它，然后刷新，或者：",
	LoginHere:     "在登录服务自己的页面上登录",
	HereDeclined:  "您已拒绝，没有登录。",
	HereForeign:   "这个答复不属于此浏览器的登录。",
	HereFailed:    "登录没有成功。",
	SimTitle:      "手边没有手机？",
	SimLead:       "您正在运行本店的这台机器上，可以让模拟手机来扫码。请在第二个终端的项目目录里运行：",
	SimEnroll:     "仅需一次：给它一个号码。短信验证码会出现在身份提供方的终端里。",
	SimScan:       "然后扫描本页此刻显示的二维码：",
	Copy:          "复制", Copied: "已复制",

	WelcomeNew: "欢迎，您的新账户已建立。", WelcomeBack: "欢迎回来，这是第 %d 次登录。",
	AccountLead: "您已用手机登录。以下是本店保存的全部信息。",
	Visit:       "次", YourAccount: "您的账户", PhoneNumber: "手机号码", ShowNumber: "显示完整号码",
	NoNumber: "未提供", AccountNumber: "账户编号", Since: "注册时间",
	HowTitle: "登录方式",
	HowLead:  "本店凭前两行认出您。号码只用于显示：即使有一天它归了别人，账户也仍是您的。",
	Provider: "身份提供方", Subject: "您在该处的标识", Method: "方式", Level: "级别", When: "同意时间", LogOut: "退出登录",

	NotFound: "没有这个页面。", NotAllowed: "此处不能这样操作。", Broken: "出了点问题。",
	FailureLead: "总有几件器物，过不了窑火。", BackHome: "回到架上",
}

const languageCookie = "lang"

var languages = language.NewMatcher([]language.Tag{language.English, language.Chinese})

// wordsFor chooses the language: what the switch in the page's head asks for (and remembers), or what the browser prefers.
func (s *Shop) wordsFor(w http.ResponseWriter, r *http.Request) *words {
	chosen := r.URL.Query().Get("lang")
	if chosen == "en" || chosen == "zh" {
		http.SetCookie(w, &http.Cookie{ //nolint:gosec // G124: as with the session's
			Name: languageCookie, Value: chosen, Path: "/", MaxAge: 365 * 24 * 3600,
			HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode,
		})
	} else if c, err := r.Cookie(languageCookie); err == nil {
		chosen = c.Value
	}
	_, index := language.MatchStrings(languages, chosen, r.Header.Get("Accept-Language"))
	if index == 1 {
		return chinese
	}
	return english
}
