package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// cli is the whole command line. Each flag can also be set by an environment variable: QRLOGIN_ and the flag's name.
type cli struct {
	Serve  serveCommand  `cmd:"" help:"Run the provider until SIGINT or SIGTERM."`
	Client clientCommand `cmd:"" help:"Register sites. Works while a server runs on the same database."`
	Key    keyCommand    `cmd:"" help:"List and rotate the signing keys. Works while servers run on the same database."`
	Backup backupCommand `cmd:"" help:"Copy the SQLite database into one file. Works while servers run on it."`
	Copy   copyCommand   `cmd:"" help:"Copy the SQLite database of --data into the empty PostgreSQL of --database, to go on there. Stop the servers first."`
	Health healthCommand `cmd:"" help:"Ask a server on this machine whether it is well; for a container's health check. Ends with 0 or 1."`
}

// databaseFlags is where everything that must survive a restart lies: the same for the server and for the commands beside it.
type databaseFlags struct {
	Data     string `default:"qrlogin-data" placeholder:"DIR" help:"Folder of the SQLite database: accounts, devices, sites, keys, logins. Made if missing (${default})."`
	Database string `placeholder:"URL" help:"A PostgreSQL database instead: postgres://USER:PASSWORD@HOST/NAME, or file:PATH, which has it. Put it into a file or the environment, not on a command line, which every user of the machine can read; docs/operate.md has more."`
}

const description = `An identity provider that logs a website's visitor in by a QR code and a phone.

Try it out on this machine:

  provider client add --id=shop --name="My shop" --origin=http://localhost:8080
  provider serve

In production, with a real name and a way to send codes:

  provider serve --issuer=https://login.example --listen=:9000 --data=/var/lib/qrlogin --sms=file:/run/qrlogin/sms

Every flag can also be set by an environment variable: --issuer is QRLOGIN_ISSUER.`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// run answers the exit status: 0 done, 1 failed, 2 a wrong command line.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	exited := -1
	parser, err := kong.New(&cli{},
		kong.Name("provider"), kong.Description(description), kong.UsageOnError(),
		kong.DefaultEnvars("QRLOGIN"), kong.Writers(stdout, stderr),
		kong.Exit(func(status int) { exited = status }),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.BindTo(stdout, (*io.Writer)(nil)),
	)
	if err != nil {
		fmt.Fprintln(stderr, "provider:", err)
		return 1
	}
	command, err := parser.Parse(args)
	if exited == 0 { // --help has answered
		return 0
	}
	if err != nil {
		fmt.Fprintf(stderr, "provider: %v\nprovider --help tells more.\n", err)
		return 2
	}
	if err := command.Run(); err != nil {
		fmt.Fprintln(stderr, "provider:", err)
		return 1
	}
	return 0
}
