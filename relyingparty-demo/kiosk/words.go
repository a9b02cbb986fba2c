package kiosk

// words is everything that a machine says, in one language.
type words struct {
	Lang, Other, OtherName string

	Choose, Back, Scan, Lost, Step1, Step2, Step3, Care, Loading, Late, NoScript string
	Pay, PayLead, Take, Thanks, Scanned, KeysChoosing, KeysScanning              string

	declined, late, unpaid, trouble string
}

func (w *words) notice(n notice) string {
	return map[notice]string{declined: w.declined, late: w.late, unpaid: w.unpaid, trouble: w.trouble}[n]
}

func wordsIn(lang string) *words {
	if lang == "zh" {
		return chinese
	}
	return english
}

var english = &words{
	Lang: "en", Other: "zh", OtherName: "中文",

	Choose: "Choose a piece.", Back: "Back", Scan: "Scan the code with your phone.",
	Lost:  "The earlier code was lost. Scan this new one.",
	Step1: "Point your phone at the code.",
	Step2: "Check there: this piece, this price, this machine.",
	Step3: "Approve, and pay on the phone. The goods come out below.",
	Care:  "Your phone must name the machine %s, %s. If it names another, a code has been stuck over the screen: decline.",

	Loading: "Fetching a code …", Late: "The machine cannot sell at the moment.",
	NoScript: "The code is drawn by a script, and JavaScript is switched off in this browser.",

	Pay: "Ordered. Pay on your phone.", PayLead: "The machine waits two minutes for the payment.",
	Take: "Take your goods.", Thanks: "Thank you. They are in the tray below.",
	Scanned: "Scanned. Go on with your phone.",

	KeysChoosing: "Press a number.   [q] switches the machine off.",
	KeysScanning: "[b] back",

	declined: "Declined: nothing was bought.",
	late:     "Nobody approved in time. Choose again.",
	unpaid:   "Not paid in time: nothing was charged.",
	trouble:  "The machine could not sell that. Nothing was charged.",
}

var chinese = &words{
	Lang: "zh", Other: "en", OtherName: "English",

	Choose: "请选一件。", Back: "返回", Scan: "请用手机扫描二维码。",
	Lost:  "旧的二维码已丢失，请扫描新的二维码。",
	Step1: "用手机对准二维码。",
	Step2: "在手机上核对：这件器物、这个价钱、这台机器。",
	Step3: "确认同意，在手机上付款，然后从下方取货。",
	Care:  "手机上必须显示本机编号 %s，%s。若显示别的机器，说明有人贴了假码：请拒绝。",

	Loading: "正在获取二维码……", Late: "本机暂时不能售货。",
	NoScript: "二维码由脚本绘制，而此浏览器已停用 JavaScript。",

	Pay: "已下单，请在手机上付款。", PayLead: "本机等待付款两分钟。",
	Take: "请取走您的器物。", Thanks: "谢谢惠顾，器物在下方取货口。",
	Scanned: "已扫码，请在手机上继续。",

	KeysChoosing: "按数字键选择。   [q] 关机",
	KeysScanning: "[b] 返回",

	declined: "已拒绝，没有购买。",
	late:     "没有及时同意，请重新选择。",
	unpaid:   "没有及时付款，也没有扣款。",
	trouble:  "未能售出，没有扣款。",
}
