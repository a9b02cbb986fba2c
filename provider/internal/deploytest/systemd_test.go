package deploytest

import (
	"encoding/base64"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// unit is the settings of the unit's file, in the order of their lines.
func unit(t *testing.T) map[string][]string {
	t.Helper()
	settings := map[string][]string{}
	for line := range strings.Lines(read(t, "deploy/systemd/qrlogin.service")) {
		if name, value, is := strings.Cut(strings.TrimSpace(line), "="); is && !strings.HasPrefix(name, "#") {
			settings[name] = append(settings[name], value)
		}
	}
	return settings
}

// serviceEnv is the environment that systemd would start the service with.
func serviceEnv(t *testing.T) map[string]string {
	t.Helper()
	env := map[string]string{}
	lines := strings.Split(read(t, "deploy/systemd/provider.env"), "\n")
	for _, set := range unit(t)["Environment"] {
		lines = append(lines, strings.Fields(set)...)
	}
	for _, line := range lines {
		if name, value, is := strings.Cut(strings.TrimPrefix(line, "#QRLOGIN"), "="); is && !strings.HasPrefix(line, "# ") {
			if strings.HasPrefix(line, "#") {
				name = "QRLOGIN" + name
			}
			env[name] = value
		}
	}
	return env
}

func TestTheUnitIsWhatSystemdTakes(t *testing.T) {
	if analyze == "" {
		return
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "qrlogin.service")
	write(t, file, put(t, read(t, "deploy/systemd/qrlogin.service"), "/usr/local/bin/provider", built(t).binary()))
	if out, err := exec.CommandContext(t.Context(), analyze, "verify", "--man=no", "--recursive-errors=no", file).CombinedOutput(); err != nil || strings.Contains(string(out), file) {
		t.Errorf("%v\n%s", err, out)
	}
	// 0 is a service that can do nothing, 10 one that can do everything. What is left is the network, and an own user's files.
	if out, err := exec.CommandContext(t.Context(), analyze, "security", "--offline=yes", "--threshold=15", file).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestTheUnitSetsWhatTheProviderReadsAndWaitsForItsStop(t *testing.T) {
	wantsSettings(t, "deploy/systemd", slices.Collect(maps.Keys(serviceEnv(t))))
	settings := unit(t)
	if stop, err := time.ParseDuration(settings["TimeoutStopSec"][0]); err != nil || stop <= 10*time.Second {
		t.Errorf("systemd kills it after %s", stop)
	}
	if files, err := strconv.Atoi(settings["LimitNOFILE"][0]); err != nil || files < 2*15_000 {
		t.Errorf("LimitNOFILE=%d", files)
	}
	loaded := regexp.MustCompile(`(?m)^LoadCredential=([^:]+):`).FindAllStringSubmatch(read(t, "deploy/systemd/qrlogin.service"), -1)
	for _, found := range loaded {
		if !slices.ContainsFunc(slices.Collect(maps.Values(serviceEnv(t))), func(v string) bool { return v == "file:%d/"+found[1] }) {
			t.Errorf("nothing reads the credential %s", found[1])
		}
	}
}

// The service's settings start a provider, with files where LoadCredential puts them.
func TestAProviderStartsWithTheUnitsSettings(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/master-key", strings.Repeat("k", 44)+"\n")
	write(t, dir+"/sms-secret", "whsec_"+base64.StdEncoding.EncodeToString([]byte(strings.Repeat("s", 32)))+"\n")
	listen := freeAddress(t)
	command := exec.Command(built(t).binary(), "serve")
	command.Env = os.Environ()
	for name, value := range serviceEnv(t) {
		switch name {
		case "QRLOGIN_STORE", "QRLOGIN_DATABASE": // commented out
			continue
		case "QRLOGIN_LISTEN":
			value = listen
		case "QRLOGIN_OPERATOR_LISTEN":
			value = freeAddress(t)
		case "QRLOGIN_DATA":
			value = dir + "/data"
		}
		command.Env = append(command.Env, name+"="+strings.ReplaceAll(value, "%d", dir))
	}
	start(t, command).answers(t, listen)
}
