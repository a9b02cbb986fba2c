package archtest

// module is the path that all our imports begin with; the rules leave it out.
const module = "qrlogin/"

// In the rules a path is one package, and a path that ends in "/..." is a package and all below it.

// layers says, for every package, which others of ours it may import besides what lies below itself:
//
//	main → app → doors, stores, token → challenge, identity → standard library
//
// A package without a rule is refused: whoever adds one says here where it belongs. Test files may import more (see outside).
var layers = []struct {
	of  string
	may []string
	why string
}{
	{"provider", []string{"provider/app"},
		"main reads flags and hands over to app, so that a test or another program starts the same provider without them"},
	{"provider/app", []string{
		"api", "provider/internal/browser", "provider/internal/oauth", "provider/internal/phone", "provider/internal/web",
		"provider/internal/webphone",
		"provider/internal/memstore", "provider/internal/redisstore", "provider/internal/sqlstore", "provider/internal/token",
		"provider/internal/fetch", "provider/internal/clientkeys", "provider/internal/signout", "provider/internal/dpop",
		"provider/internal/place", "provider/internal/sms", "provider/internal/limit", "provider/internal/passkey",
		"provider/internal/details", "provider/internal/handoffs", "provider/internal/crowd", "provider/internal/challenge",
		"provider/internal/identity", "provider/internal/metrics", "provider/internal/operator", "provider/internal/tracing"},
		"app is the one place that knows all parts and wires them, so no part has to know another"},

	{"provider/internal/oauth", []string{
		"api", "provider/internal/web", "provider/internal/qr", "provider/internal/token", "provider/internal/dpop",
		"provider/internal/clientkeys", "provider/internal/signout", "provider/internal/fetch", "provider/internal/limit",
		"provider/internal/details", "provider/internal/handoffs", "provider/internal/crowd", "provider/internal/challenge",
		"provider/internal/identity"},
		"a door can be read alone: it knows no other door, and of stores only the methods that it declares. This one mints tokens"},
	{"provider/internal/oauth/pages", []string{"provider/internal/web"},
		"a page shows what it is told: it looks nothing up and decides nothing"},
	{"provider/internal/browser/...", []string{
		"api", "api/handoff", "provider/internal/web", "provider/internal/qr", "provider/internal/limit", "provider/internal/details",
		"provider/internal/handoffs", "provider/internal/crowd", "provider/internal/challenge", "provider/internal/identity",
		"provider/internal/bundling"},
		"a door can be read alone. The watch capability never yields a token (SECURITY.md §1.1), so this one cannot mint any"},
	{"provider/internal/phone/...", []string{
		"api", "api/proof", "api/picture", "provider/internal/web", "provider/internal/dpop", "provider/internal/limit",
		"provider/internal/sms", "provider/internal/place", "provider/internal/passkey", "provider/internal/useragent",
		"provider/internal/details", "provider/internal/handoffs", "provider/internal/challenge", "provider/internal/identity"},
		"a door can be read alone. The phone gets no token, so this one cannot mint any"},
	{"provider/internal/webphone/...", []string{"provider/internal/web", "provider/internal/bundling"},
		"it hands out an app that does what any phone does, over HTTP: what the provider knows is nothing to it"},
	{"provider/internal/web", []string{"api", "provider/internal/crowd", "provider/internal/challenge", "provider/internal/identity"},
		"what the doors share of HTTP must not become the way by which they know each other"},

	{"provider/internal/operator", []string{"api"},
		"whether a provider can serve is what its stores say, whichever they are"},
	{"provider/internal/metrics", []string{"provider/internal/web", "provider/internal/limit", "provider/internal/challenge"},
		"what is counted decides nothing: it wraps what it counts, and nobody but app knows that it is there"},
	{"provider/internal/tracing", []string{"provider/internal/web", "provider/internal/challenge"},
		"what a span may say is decided in one place; a store or a door does not know that there are any"},

	{"provider/internal/dpop", []string{"api/proof", "provider/internal/challenge"},
		"a proof is judged by the same rules at every door, so this knows none of them, nor what it answers"},
	{"provider/internal/limit", []string{"provider/internal/challenge"},
		"how much is let through is the same at every door and on every store, so this knows none of them"},
	{"provider/internal/crowd", []string{"provider/internal/challenge"},
		"how many a node takes on at once does not depend on what they want, nor on how a door says no"},
	{"provider/internal/sms", []string{"provider/internal/identity"},
		"what a message says and who brings it does not depend on who may have one; it knows no door, no account and no limit"},
	{"provider/internal/passkey", []string{"provider/internal/identity"},
		"whether an authenticator's answer is right does not depend on how it arrives or where passkeys lie"},
	{"provider/internal/details", []string{"api", "api/handoff", "provider/internal/identity"},
		"what a site may ask for is the same at every door: the one that is asked, the one that shows it and the one that hands it over"},
	{"provider/internal/handoffs", []string{"provider/internal/challenge"},
		"what is handed off is ciphertext, whichever door it comes in by or goes out of; this cannot read it, and knows no store"},
	{"provider/internal/qr", nil, "it draws whatever text it is given"},
	{"provider/internal/place", nil, "where an address is does not depend on who wants to know"},
	{"provider/internal/useragent", nil, "what a browser calls itself does not depend on who wants to know"},

	{"provider/internal/token", []string{"api", "api/proof", "provider/internal/challenge", "provider/internal/identity"},
		"what a token says does not depend on how a request arrives or where keys lie"},
	{"provider/internal/fetch", nil, "what may be reached over the network does not depend on who asks for what"},
	{"provider/internal/clientkeys", []string{"provider/internal/fetch", "provider/internal/identity"},
		"whether a signature is a client's does not depend on how a request brings it or where clients lie"},
	{"provider/internal/signout", []string{"provider/internal/identity"},
		"several doors end logins, so this knows none of them; where logins lie and who signs and posts is told to it"},
	{"provider/internal/memstore", []string{"provider/internal/challenge"},
		"a store holds records and knows no rules, no door and no other store: any of them can be replaced"},
	{"provider/internal/redisstore", []string{"provider/internal/challenge"},
		"a store holds records and knows no rules, no door and no other store: any of them can be replaced"},
	{"provider/internal/sqlstore", []string{"provider/internal/challenge", "provider/internal/identity"},
		"a store holds records and knows no rules, no door and no other store: any of them can be replaced"},

	{"provider/internal/challenge", nil,
		"the core is the rules alone, to be read, tested and trusted without anything else"},
	{"provider/internal/identity", nil,
		"the words for who is who stand by themselves, so that everything may use them"},

	{"provider/internal/storetest", []string{"provider/internal/challenge", "provider/internal/identity"},
		"a conformance suite that knows one backend is no truth for the others"},
	{"provider/internal/bundling", nil, "it makes files of sources, for programs that are run at go generate"},
	{"provider/internal/contracttest", []string{"api"}, "it compares answers with the contract, whoever gave them"},
	{"provider/internal/axetest", nil, "it judges whatever page a test has opened"},
	{"provider/internal/testenv", nil, "it finds programs for tests, whatever is tested"},
	{"provider/internal/deploytest", nil, "it runs what lies in deploy/, and the provider as a process of its own"},
	{"provider/internal/archtest", nil, "it judges imports and needs none"},
	{"provider/internal/bench/...", []string{"api/...", "provider/app"},
		"figures taken past app.New and HTTP would not be what a user of the provider sees"},

	{"provider/internal/faults", nil, "it breaks what runs, and knows of it what whoever runs it knows"},

	{"api/...", []string{"api/..."},
		"the contract is what others build on: it must not pull in the provider"},
	{"mobile-sim/...", []string{"mobile-sim/...", "api/..."},
		"the phone knows of a provider what any phone does: the contract, over HTTP"},
	{"relyingparty-demo/...", []string{"relyingparty-demo/...", "api/...", "mobile-sim/phone", "provider/app"},
		"the demo is a site like any other. It starts a provider through app and then speaks only HTTP to it"},
	{"docs/sites/...", nil,
		"a recipe is for sites that have nothing of ours: it takes a provider's URL and libraries that anybody can have"},
}

// outside says what test files may import at most, where that is limited too.
var outside = []struct {
	of  string
	may []string
	why string
}{
	{"relyingparty-demo/...", []string{"relyingparty-demo/...", "api/...", "mobile-sim/...", "provider/app"},
		"a test of the demo that reaches into the provider would pass where a site's own would not"},
	{"api/typescript", []string{"api/...", "mobile-sim/phone", "provider/app"},
		"its programs log in as a site does; a test that reaches into the provider would let them pass where a site's own would not"},
	{"mobile-sim/...", []string{"mobile-sim/...", "api/...", "provider/app"},
		"a test of the phone that reaches into the provider would pass where another phone's would not"},
	{"provider/internal/faults", []string{"provider/internal/testenv", "mobile-sim/phone", "api/..."},
		"what becomes of a login when something breaks is seen from outside: at the real programs, over HTTP"},
	{"docs/sites/...", []string{"mobile-sim/phone", "provider/app"},
		"a test of a recipe starts a provider and scans, and reaches no further than a person who does"},
}

// refused says what a package never imports, ours or not.
var refused = []struct {
	of    string
	never []string
	why   string
}{
	{"provider/internal/challenge", []string{"net", "net/http/...", "net/rpc/...", "net/smtp", "database/sql/...", "os/...", "log/...", "."},
		"the core is pure: no request, no record and no log line happens in it, and the standard library is all it needs"},
	{"provider/internal/identity", []string{"net", "net/http/...", "net/rpc/...", "net/smtp", "database/sql/...", "os/...", "log/...", "."},
		"types and refusals do no I/O, and the standard library is all they need"},
	{"api/...", []string{"github.com/gin-gonic/...", "github.com/redis/...", "github.com/alicebob/..."},
		"who builds a phone or a site with our client should not have to build a server with it"},
	{"api/picture", []string{"net/...", "os/...", "log/..."},
		"what a phone and the provider both do with a picture is reading it: what its code says is not opened, fetched or noted there"},
	{"mobile-sim/...", []string{"github.com/redis/...", "github.com/alicebob/...", "database/sql/..."},
		"a phone keeps its key in a file and has no part in the provider's stores"},
}

// owned says which packages alone may import something.
var owned = []struct {
	what string
	by   []string
	why  string
}{
	{"provider/internal/memstore", []string{"provider/app"}, "only app chooses where records lie"},
	{"provider/internal/redisstore", []string{"provider/app"}, "only app chooses where records lie"},
	{"provider/internal/sqlstore", []string{"provider/app"}, "only app chooses where records lie"},
	{"github.com/redis/go-redis/...", []string{"provider/internal/redisstore", "provider/internal/bench"},
		"who speaks Redis beside the store would have to know its keys"},
	{"github.com/alicebob/miniredis/...", []string{"provider/internal/redisstore", "provider/app", "relyingparty-demo"},
		"it stands in for a Redis where a process is started, not where one is used"},
	{"github.com/makiuchi-d/gozxing/...", []string{"api/picture"}, "pictures are hostile: they are read in one place, behind its bounds"},
	{"golang.org/x/image/...", []string{"api/picture"}, "the same"},
	{"github.com/go-webauthn/...", []string{"provider/internal/passkey"},
		"what an authenticator sends is hostile CBOR: it is read in one place, and nothing but what is judged there leaves it"},
	{"github.com/prometheus/...", []string{"provider/internal/metrics"}, "who counts by itself would decide what a label may say"},
	{"go.opentelemetry.io/...", []string{"provider/internal/tracing", "provider/app"}, "who makes spans by itself would decide what they say"},
	{"database/sql/...", []string{"provider/internal/sqlstore", "relyingparty-demo/..."},
		"who speaks SQL beside the store would have to know its tables (the demo has tables of its own)"},
	{"modernc.org/sqlite/...", []string{"provider/internal/sqlstore", "relyingparty-demo/..."}, "the same"},
	{"github.com/jackc/pgx/...", []string{"provider/internal/sqlstore"}, "the same"},
	{"github.com/pressly/goose/...", []string{"provider/internal/sqlstore", "relyingparty-demo/..."}, "the same"},
}

// topLevel is everything that may lie at the top of the repository, beside files whose names begin with a dot. A person who
// opens it for the first time should see at once what is what; the next thing goes into one of these.
var topLevel = []string{
	"provider", "relyingparty-demo", "mobile-sim", "api", "go.mod", "go.sum", "openapi.yaml", "README.md", "Makefile", "docs",
	"deploy", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md",
}
