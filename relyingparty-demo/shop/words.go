package shop

import (
	"net/http"

	"golang.org/x/text/language"
)

// words is everything that the pages say, in one language. A `%…` is filled in by the template.
type words struct {
	Lang, Other, OtherName string // of this language; of the other one, in its own words

	Shop, Motto, Skip, NavHome, NavLogin, NavAccount, NavOrders, Language string

	HomeTitle, HomeLead, HomeLogin, HomeAccount, ShelfTitle, Footer string

	LoginTitle, LoginLead, LoginStep1, LoginStep2, LoginStep3, LoginCare string
	LoginLoading, LoginLate, LoginNoScript, LoginHere                    string
	HereDeclined, HereForeign, HereFailed                                string
	SimTitle, SimLead, SimEnroll, SimScan, Copy, Copied                  string

	WelcomeNew, WelcomeBack, AccountLead, Visit, YourAccount, PhoneNumber, ShowNumber, NoNumber string
	AccountNumber, Since, HowTitle, HowLead, Provider, Subject, Method, Level, When, LogOut     string

	Buy, BuyTitle, BuyLead, BuyStep1, BuyStep2, BuyStep3, BuyCare, BuyHere, SimPIN, SimPay string
	YourOrder, Quantity, Update, Total, Times                                              string

	OrdersTitle, OrdersLead, NoOrders, OrderNumber, OrderedAt, PaidAt, Seller, Machine, Receipt, ReceiptLead   string
	OrderOpen, OrderPaid, OrderExpired, OpenLead, PaidLead, ExpiredLead, StatusOpen, StatusPaid, StatusExpired string
	PayOpen, PayPaid, PayExpired, PayPending, PayLead, PayPendingLead, PayPaidLead, PayExpiredLead             string
	PayButton, PayBefore, PayHere, PayAgain                                                                    string
	NavBookmarks, BookmarksTitle, BookmarksLead, BookmarksStep1, BookmarksStep2, BookmarksStep3                string
	BookmarksYours, BookmarksCount, BookmarksNone, BookmarksRefused, BookmarksFailed, BookmarksNoScript        string

	NotFound, NotAllowed, Broken, FailureLead, BackHome string
}

// orderTitle is the heading of an order that stands so.
func (w *words) orderTitle(d due) string {
	return map[due]string{dueOpen: w.OrderOpen, duePaid: w.OrderPaid, dueExpired: w.OrderExpired}[d]
}

// dueTitle is the heading of a payment that stands so.
func (w *words) dueTitle(d due) string {
	return map[due]string{duePending: w.PayPending, dueOpen: w.PayOpen, duePaid: w.PayPaid, dueExpired: w.PayExpired}[d]
}

var english = &words{
	Lang: "en", Other: "zh", OtherName: "中文",

	Shop: "Kiln Lane", Motto: "Pots for every day", Skip: "Skip to the content",
	NavHome: "Shelf", NavLogin: "Log in", NavAccount: "Account", NavOrders: "Orders", Language: "Language",

	HomeTitle: "Six pieces, one firing.",
	HomeLead: "We open the kiln on the first of the month and put on the shelf what came out well. " +
		"You need no password here: your phone is your key.",
	HomeLogin: "Log in with your phone", HomeAccount: "Go to your account", ShelfTitle: "On the shelf this month",
	Footer: "A demonstration shop. The pieces are invented, and no money moves; login, order and signature are real.",

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

	Buy: "Buy with your phone", BuyTitle: "Buy with your phone",
	BuyLead:  "No account, no card, nothing to type: your phone signs the order.",
	BuyStep1: "Point your phone at the code. It changes every few seconds.",
	BuyStep2: "Check on the phone what you buy, from whom, and for how much.",
	BuyStep3: "Approve, and pay on the phone. This page goes on by itself.",
	BuyCare: "Approve only an order that you put together yourself, here, at %s. " +
		"Nobody who asks you to scan a code for them means well.",
	BuyHere:   "Buy on the login service’s own page",
	SimPIN:    "Once, to give it a PIN, which orders are approved with:",
	SimPay:    "And, once the order is approved, to pay:",
	YourOrder: "Your order", Quantity: "Quantity", Update: "Update", Total: "Total", Times: "%d × %s",

	OrdersTitle: "Your orders", OrdersLead: "What your phone has signed here.",
	NoOrders:    "Nothing yet. The shelf is this way.",
	OrderNumber: "Order", OrderedAt: "Ordered", PaidAt: "Paid", Seller: "Sold by", Machine: "Machine",
	Receipt: "The receipt", ReceiptLead: "Your phone has signed exactly this order. The shop keeps the signature.",
	OrderOpen: "Ordered. Now the payment.", OrderPaid: "Paid. Thank you.", OrderExpired: "This order was not paid in time.",
	OpenLead:    "Pay on your phone, or here. This page notices.",
	PaidLead:    "We wrap it up and send it on its way. As it is invented, it travels light.",
	ExpiredLead: "Nothing was charged, and nothing is owed. You may order again.",
	StatusOpen:  "to be paid", StatusPaid: "paid", StatusExpired: "not paid in time",

	PayOpen: "To be paid", PayPaid: "Paid.", PayExpired: "Too late to pay.", PayPending: "Not approved yet.",
	PayLead:        "This is a sandbox: the button says that you paid, and no money moves.",
	PayPendingLead: "The shop has not heard from the phone yet. Approve the order there, then reload this page.",
	PayPaidLead:    "You may close this page.",
	PayExpiredLead: "There is nothing to pay here any more. Nothing was charged.",
	PayButton:      "Pay %s (sandbox: no money moves)", PayBefore: "Pay before", PayHere: "Pay now", PayAgain: "Reload",
	NavBookmarks: "Bookmarks", BookmarksTitle: "Import bookmarks from your phone",
	BookmarksLead:  "Your phone sends its bookmark file to this page. It is encrypted for this page alone: nobody on the way can read it.",
	BookmarksStep1: "Export the bookmarks in your phone’s browser, as a file.",
	BookmarksStep2: "Scan the code, see where the file goes, and choose it.",
	BookmarksStep3: "Approve. The bookmarks appear below, and the login service forgets them.",
	BookmarksYours: "Your bookmarks", BookmarksCount: "%d bookmarks in %d folders",
	BookmarksNone:     "None yet.",
	BookmarksRefused:  "What your phone sent is no bookmark file. Nothing was imported, and nothing is kept.",
	BookmarksFailed:   "The bookmarks could not be imported. Nothing is kept; try again in a moment.",
	BookmarksNoScript: "The file is decrypted in your browser by a script, and JavaScript is switched off in this browser. Allow it for this page and reload.",

	NotFound: "There is no such page.", NotAllowed: "That cannot be done here.", Broken: "Something broke.",
	FailureLead: "Some pieces do not survive the kiln.", BackHome: "Back to the shelf",
}

var chinese = &words{
	Lang: "zh", Other: "en", OtherName: "English",

	Shop: "窑巷", Motto: "日用之器", Skip: "跳到正文",
	NavHome: "架上", NavLogin: "登录", NavAccount: "我的账户", NavOrders: "订单", Language: "语言",

	HomeTitle: "六件器物，一窑而成。",
	HomeLead:  "每月初一开窑，烧得好的才上架。这里不用密码：手机就是您的钥匙。",
	HomeLogin: "用手机登录", HomeAccount: "前往我的账户", ShelfTitle: "本月架上",
	Footer: "这是一家演示商店。器物皆为虚构，也不会真的扣款；登录、订单和签名则是真的。",

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

	Buy: "用手机购买", BuyTitle: "用手机购买",
	BuyLead:   "不用账户，不用银行卡，也不用输入：由手机签下订单。",
	BuyStep1:  "用手机对准二维码。它每隔几秒更换一次。",
	BuyStep2:  "在手机上看清买什么、向谁买、多少钱。",
	BuyStep3:  "确认同意，然后在手机上付款。本页会自动继续。",
	BuyCare:   "只同意您自己在 %s 选好的订单。请您代扫二维码的人，都不怀好意。",
	BuyHere:   "在登录服务自己的页面上购买",
	SimPIN:    "仅需一次：为它设一个 PIN，同意订单时要用：",
	SimPay:    "订单同意之后，付款：",
	YourOrder: "您的订单", Quantity: "数量", Update: "更新", Total: "合计", Times: "%d × %s",

	OrdersTitle: "您的订单", OrdersLead: "您的手机在本店签下的订单。",
	NoOrders:    "还没有订单。去架上看看。",
	OrderNumber: "订单号", OrderedAt: "下单时间", PaidAt: "付款时间", Seller: "卖方", Machine: "售货机",
	Receipt: "凭据", ReceiptLead: "您的手机签下的正是这份订单。签名由本店保存。",
	OrderOpen: "已下单，请付款。", OrderPaid: "已付款，谢谢。", OrderExpired: "此订单未按时付款。",
	OpenLead:    "请在手机上付款，也可以在此付款。本页会自动更新。",
	PaidLead:    "我们这就包好寄出。器物是虚构的，所以路上很轻。",
	ExpiredLead: "没有扣款，也不欠款。您可以重新下单。",
	StatusOpen:  "待付款", StatusPaid: "已付款", StatusExpired: "未按时付款",

	PayOpen: "待付款", PayPaid: "已付款。", PayExpired: "付款时间已过。", PayPending: "尚未同意。",
	PayLead:        "这是沙盒：按下按钮即表示已付款，并不会真的扣款。",
	PayPendingLead: "本店还没有收到手机的答复。请在手机上同意订单，然后刷新本页。",
	PayPaidLead:    "可以关闭本页了。",
	PayExpiredLead: "这里已无需付款，也没有扣款。",
	PayButton:      "付款 %s（沙盒，不会扣款）", PayBefore: "付款截止", PayHere: "现在付款", PayAgain: "刷新",
	NavBookmarks: "书签", BookmarksTitle: "从手机导入书签",
	BookmarksLead:  "手机会把书签文件发到本页。文件专为本页加密，途中谁也读不到。",
	BookmarksStep1: "在手机浏览器里把书签导出为文件。",
	BookmarksStep2: "扫描二维码，看清文件发往何处，然后选择它。",
	BookmarksStep3: "确认同意。书签会出现在下方，登录服务随即忘掉它们。",
	BookmarksYours: "您的书签", BookmarksCount: "%d 个书签，%d 个文件夹",
	BookmarksNone:     "还没有书签。",
	BookmarksRefused:  "手机发来的不是书签文件。没有导入，也没有保留任何内容。",
	BookmarksFailed:   "书签没能导入。没有保留任何内容，请稍后再试。",
	BookmarksNoScript: "文件由脚本在您的浏览器里解密，而此浏览器已停用 JavaScript。请为本页启用它，然后刷新。",

	NotFound: "没有这个页面。", NotAllowed: "此处不能这样操作。", Broken: "出了点问题。",
	FailureLead: "总有几件器物，过不了窑火。", BackHome: "回到架上",
}

const languageCookie = "lang"

var languages = language.NewMatcher([]language.Tag{language.English, language.Chinese})

// Language is that of a visitor, "en" or "zh".
func (s *Shop) Language(w http.ResponseWriter, r *http.Request) string { return s.wordsFor(w, r).Lang }

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
