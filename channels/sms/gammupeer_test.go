package sms

import (
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/peers"
)

// modem is gammu-smsd with a phone of paper, which keeps its texts in files.
type modem struct {
	dir, script string
	env         []string
}

// startGammu runs gammu-smsd with README.md's own file and script; only the modem and the folders are others, and it looks
// for texts each second.
func startGammu(t *testing.T, env []string) *modem {
	t.Helper()
	smsd := peers.Program(t, "gammu-smsd", "gammu-smsd")
	inject := peers.Program(t, "gammu-smsd", "gammu-smsd-inject")
	m := &modem{dir: t.TempDir()}
	m.script = filepath.Join(m.dir, "townline-gammu")
	for _, folder := range []string{"phone", "inbox", "outbox", "sent", "error", "bin"} {
		if err := os.Mkdir(filepath.Join(m.dir, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	conf := example(t, "gammu-smsdrc")
	put := func(old, new string) {
		t.Helper()
		if !strings.Contains(conf, old) {
			t.Fatalf("README.md's gammu-smsdrc has no %s", old)
		}
		conf = strings.ReplaceAll(conf, old, new)
	}
	put("device = /dev/ttyUSB0\nconnection = at", "port = "+m.dir+"/phone\nconnection = none\nmodel = dummy")
	put("/var/spool/gammu", m.dir)
	put("/usr/local/bin/townline-gammu", m.script)
	conf += "logfile = " + m.dir + "/smsd.log\ncommtimeout = 1\nreceivefrequency = 1\nloopsleep = 1\nchecksecurity = 0\n"
	rc := filepath.Join(m.dir, "gammu-smsdrc")
	spool := "TOWNLINE_SPOOL='" + filepath.Join(m.dir, "spool") + "'\n"
	for _, one := range env[:2] {
		name, value, _ := strings.Cut(one, "=")
		spool += name + "='" + value + "'\n"
	}
	for path, text := range map[string]string{
		rc:                                    conf,
		m.script:                              example(t, "townline-gammu"),
		filepath.Join(m.dir, "townline.conf"): spool,
		filepath.Join(m.dir, "bin/gammu-smsd-inject"): "#!/bin/sh\nexec " + inject + " -c '" + rc + "' \"$@\"\n", // it looks in /etc otherwise
	} {
		if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	m.env = []string{"LC_ALL=C.UTF-8", "TOWNLINE_CONF=" + filepath.Join(m.dir, "townline.conf"), "PATH=" + m.dir + "/bin:" + os.Getenv("PATH"), "NO_PROXY=*"}
	background(t, m.dir, "/usr/bin/env", append(slices.Clone(m.env), smsd, "-c", rc)...)
	return m
}

// receives puts a text into the modem, as if the network had brought it.
func (m *modem) receives(t *testing.T, words string, more ...string) {
	t.Helper()
	gammu := peers.Program(t, "gammu", "gammu")
	run(t, "", []string{"LC_ALL=C.UTF-8"}, gammu, append([]string{"-c", filepath.Join(m.dir, "gammu-smsdrc"), "savesms", "TEXT", "-folder", "1", "-unread",
		"-sender", "+255700111222", "-text", words}, more...)...)
}

var (
	// partOf begins a part of a text in a backup file; wordsOf are the lines of it that hold its words, in UTF-16.
	partOf  = regexp.MustCompile(`(?m)^\[SMSBackup(\d+)\]`)
	wordsOf = regexp.MustCompile(`(?m)^Text\d+ = ([0-9A-F]*)\s*$`)
)

// sent are the texts that left by the modem, in no order. A file has a text as it was laid out, and again as it was sent.
func (m *modem) sent(t *testing.T) (out []text) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(m.dir, "sent", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		one := text{to: strings.Split(filepath.Base(f), "_")[3]}
		parts := map[string]string{}
		begins := partOf.FindAllStringSubmatchIndex(string(b), -1)
		for i, at := range begins {
			end := len(b)
			if i+1 < len(begins) {
				end = begins[i+1][0]
			}
			var words string
			for _, m := range wordsOf.FindAllSubmatch(b[at[1]:end], -1) {
				raw, err := hex.DecodeString(string(m[1]))
				if err != nil {
					t.Fatal(err)
				}
				words += utf16BE(string(raw))
			}
			parts[string(b[at[2]:at[3]])] = words
		}
		for _, number := range slices.Sorted(maps.Keys(parts)) {
			one.words += parts[number]
			one.parts++
		}
		out = append(out, one)
	}
	return out
}

// sends waits until a text has left.
func (m *modem) sends(t *testing.T, want text) {
	t.Helper()
	until(t, fmt.Sprintf("%+v leaves", want), func() bool { return slices.Contains(m.sent(t), want) })
}

// A town behind a real gammu-smsd, with the file and the script of README.md.
func TestGammuForReal(t *testing.T) {
	long := strings.Repeat("Tell the town what you think. ", 13) + "é"
	const resident, short = "+255700111222", "Karibu é €\n1 Ndio\n\n2 Hapana"
	in := &inbox{answer: func(e channels.Event) channels.Reply {
		switch e.Words {
		case "LONG":
			return say(long)
		case "Ж é":
			return say("Добро пожаловать é")
		}
		return say("Karibu é €\n1 Ndio", "2 Hapana")
	}}
	g, env := town(t, in)
	m := startGammu(t, env)

	m.receives(t, "Ж é")
	m.receives(t, "LONG")
	m.receives(t, long, "-autolen", "1000")
	m.sends(t, text{to: resident, words: "Добро пожаловать é", parts: 1})
	m.sends(t, text{to: resident, words: long, parts: 3})
	m.sends(t, text{to: resident, words: short, parts: 1})

	// The store is away; then it isn't.
	in.breakdown(errors.New("away"))
	m.receives(t, "during")
	until(t, "the script has called", func() bool { return in.refused() > 0 })
	in.breakdown(nil)

	// Meanwhile a push leaves once, also where the report of it was lost.
	for range 2 {
		outcome := deliver(t, g, "k/1", "Добро: \\n 100%\nThank you")
		run(t, "", m.env, "/bin/sh", m.script, "send")
		if got := <-outcome; got != "sent k/1" {
			t.Error(got)
		}
	}
	m.sends(t, text{to: "+15550100123", words: "Добро: \\n 100%\nThank you", parts: 1})
	until(t, "the second reply leaves", func() bool { return len(m.sent(t)) == 5 })
	var heard []string
	for _, e := range in.all() {
		if e.From.ID != resident {
			t.Errorf("it came from %v", e.From)
		}
		heard = append(heard, e.Words)
	}
	if want := []string{"Ж é", "LONG", long, "during"}; !slices.Equal(heard, want) {
		t.Errorf("the town heard %q, want %q", heard, want)
	}
}
