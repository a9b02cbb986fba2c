package limit

import (
	"time"

	"qrlogin/provider/internal/challenge"
)

// Name names a limit, as an operator writes it. It ends with what is counted by.
type Name string

// The limits. Refused ones are counted once they are refused: who fails is held back, and nobody else.
const (
	ChallengesPerClient       Name = "challenges-per-client"
	DetailedPerClient         Name = "detailed-challenges-per-client"
	ChallengesPerNetwork      Name = "challenges-per-network"
	AuthorizationsPerNetwork  Name = "authorizations-per-network"
	ChallengesInAll           Name = "challenges-in-all"
	AuthorizationsInAll       Name = "authorizations-in-all"
	AuthorizationsPerClient   Name = "authorizations-per-client"
	RegistrationsPerNetwork   Name = "registrations-per-network"
	RefusalsPerClient         Name = "refusals-per-client"
	RefusalsPerNetwork        Name = "refusals-per-network"
	BadWatchesPerNetwork      Name = "bad-watches-per-network"
	ScansPerDevice            Name = "scans-per-device"
	ScansPerAccount           Name = "scans-per-account"
	ScansPerNetwork           Name = "scans-per-network"
	RefusedScansPerDevice     Name = "refused-scans-per-device"
	RefusedScansPerNetwork    Name = "refused-scans-per-network"
	PicturesPerDevice         Name = "pictures-per-device"
	PicturesPerAccount        Name = "pictures-per-account"
	HandoffsPerDevice         Name = "handoffs-per-device"
	HandoffsPerAccount        Name = "handoffs-per-account"
	IdleDecisionsPerDevice    Name = "idle-decisions-per-device"
	ExportsPerAccount         Name = "exports-per-account"
	UnconfirmedCodesPerNumber Name = "unconfirmed-codes-per-number"
	CodesPerNumber            Name = "codes-per-number"
	DailyCodesPerNumber       Name = "daily-codes-per-number"
	CodesPerPrefix            Name = "codes-per-prefix"
	CodesPerNetwork           Name = "codes-per-network"
	CodesPerDay               Name = "codes-per-day"
	PasskeysPerNetwork        Name = "passkeys-per-network" //nolint:gosec // no password

	UnconfirmedCodesPerNetwork          Name = "unconfirmed-codes-per-network"
	UnconfirmedCodesPerNetworkAndPrefix Name = "unconfirmed-codes-per-network-and-prefix"
)

// Entry is a line of the table.
type Entry struct {
	Name    Name
	Default challenge.Limit
	Counts  string // what, and by whom
	Why     string // so many
}

// Table is every limit. docs/operate.md shows it.
var Table = []Entry{
	{ChallengesPerClient, upTo(3000, 10*time.Second), "QR codes begun for a site",
		"three hundred a second: more than thousands of open login pages ask for, and less than a third of `challenges-in-all`"},
	{ChallengesInAll, upTo(10_000, 10*time.Second), "QR codes begun, whoever's",
		"a thousand a second. What is left of a code goes six minutes after it was begun, so the store never has more than 370,000, of some 1.5 kB"},
	{DetailedPerClient, upTo(6000, 10*time.Minute), "those of them that ask for an order or a handoff",
		"ten a second. Each may be as large as forty logins, and larger once it is approved"},
	{ChallengesPerNetwork, upTo(1200, 10*time.Minute), "QR codes begun by a browser at the hosted page, or by a public client",
		"each authorization, and one new code for it. A confidential client's come from its backend: they count by client alone"},
	{AuthorizationsPerNetwork, upTo(600, 10*time.Minute), "authorizations begun by a browser, or pushed by a public client",
		"one a second: an office, or a mobile network behind one address"},
	{AuthorizationsPerClient, upTo(600, 10*time.Second), "the same, for a site",
		"less than a third of `authorizations-in-all`"},
	{AuthorizationsInAll, upTo(2000, 10*time.Second), "authorizations begun, whoever's",
		"two hundred a second. Each is kept for half an hour at most, with what it asks for: never more than 362,000"},
	{RegistrationsPerNetwork, upTo(100, 10*time.Minute), "sites registered by a program",
		"a certification suite registers one for each of its tests"},
	{RefusalsPerClient, upTo(300, time.Minute), "codes and tokens of a client that were refused",
		"a site that lost its sessions comes back with all its old tokens; who guesses gets nowhere with so few"},
	{RefusalsPerNetwork, upTo(30, time.Minute), "clients that did not prove themselves, and codes and tokens refused",
		"a wrong secret in a site's configuration is noticed long before. Past it nothing more is kept in the audit"},
	{BadWatchesPerNetwork, upTo(300, time.Minute), "requests for a challenge without its watch capability",
		"pages of a whole office that wake up with codes long gone ask once each"},
	{ScansPerDevice, upTo(60, 10*time.Minute), "scans by a phone",
		"six a minute: nobody logs in more often"},
	{ScansPerAccount, upTo(120, 10*time.Minute), "scans by all phones of an account",
		"two phones in full use"},
	{ScansPerNetwork, upTo(1200, 10*time.Minute), "scans by phones",
		"two a second: an office, or a mobile network behind one address; as many as codes"},
	{RefusedScansPerDevice, upTo(20, 10*time.Minute), "codes presented by a phone that are used, expired, stale or no codes of this provider",
		"who scans too late a few times tries again; who tries out collected codes stops here"},
	{RefusedScansPerNetwork, upTo(200, 10*time.Minute), "the same, by phones",
		"a sixth of the scans: a mobile network full of people who scan too late now and then"},
	{PicturesPerDevice, upTo(20, 10*time.Minute), "pictures uploaded by a phone",
		"to find a code in a picture is the dearest thing that a phone can ask for"},
	{PicturesPerAccount, upTo(40, 10*time.Minute), "pictures uploaded by all phones of an account",
		"two phones in full use"},
	{HandoffsPerDevice, upTo(20, 10*time.Minute), "handoffs sent by a phone",
		"each may take as much of the room for all as `--handoff-limit` allows, and a phone in a bad network sends one again"},
	{HandoffsPerAccount, upTo(20, 10*time.Minute), "handoffs sent by all phones of an account",
		"as many as one phone: nobody has two send at once"},
	{IdleDecisionsPerDevice, upTo(60, 10*time.Minute), "decisions by a phone that are refused, or sent once more",
		"a phone in a bad network repeats itself. One that counts needs a scan, which is counted already"},
	{ExportsPerAccount, upTo(10, time.Hour), "exports of all that is kept of an account",
		"the longest answer that a phone can ask for, and nobody needs it often"},
	{UnconfirmedCodesPerNumber, upTo(1, 30*time.Second), "enrolment codes sent to a phone number and not confirmed",
		"a message takes some seconds; who asks again at once asks twice"},
	{CodesPerNumber, upTo(5, 10*time.Minute), "enrolment codes sent to a phone number",
		"nobody's phone is flooded, and a message that is lost can be sent again"},
	{DailyCodesPerNumber, upTo(10, 24*time.Hour), "the same, within a day",
		"who has not received one of ten will not receive the next"},
	{UnconfirmedCodesPerNetworkAndPrefix, upTo(10, time.Hour), "enrolment codes asked for from one network, sent to ten thousand numbers that differ in the last four digits, and not confirmed",
		"so one stranger does not spend what `codes-per-prefix` leaves to everybody; a company whose people enrol is not held up"},
	{UnconfirmedCodesPerNetwork, upTo(50, 24*time.Hour), "enrolment codes asked for from one network and not confirmed",
		"a tenth of `codes-per-day`, so it takes ten networks to spend that for everybody; who enrols confirms"},
	{CodesPerPrefix, upTo(100, time.Hour), "enrolment codes sent to the ten thousand numbers that differ in the last four digits",
		"fraud with paid messages asks for numbers in a row; people's numbers are not"},
	{CodesPerNetwork, upTo(60, 10*time.Minute), "enrolment codes asked for",
		"an office that enrols, or a mobile network behind one address"},
	{CodesPerDay, upTo(500, 24*time.Hour), "enrolment codes sent, by whomever to whomever",
		"what a day can cost at most: people enrol once, so it is many for a small site. A large one sets more"},
	{PasskeysPerNetwork, upTo(60, 10*time.Minute), "new phones that ask to show a passkey",
		"as many as ask for codes"},
}

func upTo(most int, window time.Duration) challenge.Limit {
	return challenge.Limit{Max: most, Window: window}
}
