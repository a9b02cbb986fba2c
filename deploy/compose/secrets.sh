#!/bin/sh
# Makes the secrets that compose.yaml names, each once: what is there stays. Nobody else may enter the folder; the files in it can be read
# by whoever is given one, because the users in the containers are not those of this machine.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
cd secrets

random() { head -c 32 /dev/urandom | od -An -vtx1 | tr -d ' \n'; }
make() {
    [ -e "$1" ] && return
    printf '%s\n' "$2" >"$1.new"
    chmod 444 "$1.new"
    mv "$1.new" "$1"
}

make master-key "$(random)"
make database-password "$(random)"
make database-url "postgres://qrlogin:$(cat database-password)@postgres/qrlogin?sslmode=disable"
make valkey-password "requirepass $(random)"
make store-url "redis://:$(cut -d' ' -f2 valkey-password)@valkey:6379/0"
