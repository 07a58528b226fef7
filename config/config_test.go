package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

// write puts text into a townline.yaml of its own, beside a folder "dialogs".
func write(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "dialogs"), 0o755); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, FileName)
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestNothingSetIsTheSampleTown(t *testing.T) {
	t.Chdir(t.TempDir())
	c, err := Load(Source{})
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "127.0.0.1:8080" || c.Store.Path != "townline.db" || c.Dialogs != "" || c.File != "" {
		t.Errorf("got %+v", c)
	}
	if c.SMS.Twilio.On() || c.SMS.Gateway.On() || c.SMS.Kannel.On() {
		t.Error("a way to send is on, though nothing was set")
	}
}

const whole = `listen: ":8443"
public_url: https://talk.example.org/town/
dialogs: dialogs
town:
  name: Elmwood
  timezone: Europe/Madrid
  languages: [en, es]
  emergency: 112
  desk_hours:
    - Mon-Thu 8:30-17:00
    - Fri 8:30-14:00
  country: es
store:
  url: sqlite:town.db
  key_file: town.key
sms:
  twilio:
    account_sid: ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
    auth_token: [first-token, second-token]
    from: +15550100
  gateway:
    secret: 0123456789abcdef
  kannel:
    secret: s3cret-s3cret-s3cret
    allow: [127.0.0.1, 10.0.0.0/8]
audio:
  dir: sound
  rate: 120
  voices: en=en-gb, es=es
preview: yes
kiosk:
  outposts: library=0123456789abcdef0123456789abcdef, hall=another-secret-of-32-characters-x
  centre: https://talk.example.org/
  name: library
  secret: 0123456789abcdef0123456789abcdef
  dir: machine
  scale: 1.476
  idle: 120
  scan: 1.5
  headphones: on
log: {level: debug, format: json}
`

func TestWholeFile(t *testing.T) {
	name := write(t, whole)
	dir := filepath.Dir(name)
	c, err := Load(Source{File: name})
	if err != nil {
		t.Fatal(err)
	}
	for what, pair := range map[string][2]any{
		"public_url":   {c.PublicURL, "https://talk.example.org/town"},
		"audio.dir":    {c.Audio.Dir, filepath.Join(dir, "sound")},
		"audio.rate":   {c.Audio.Rate, 120},
		"audio.voices": {c.Audio.Voices["en"] + " " + c.Audio.Voices["es"], "en-gb es"},
		"outposts":     {c.Kiosk.Outposts["hall"].Reveal() + fmt.Sprint(len(c.Kiosk.Outposts)), "another-secret-of-32-characters-x2"},
		"centre":       {c.Kiosk.Centre, "https://talk.example.org"},
		"machine":      {c.Kiosk.Name + " " + c.Kiosk.Secret.Reveal(), "library 0123456789abcdef0123456789abcdef"},
		"kiosk.dir":    {c.Kiosk.Dir, filepath.Join(dir, "machine")},
		"scale":        {c.Kiosk.Scale, 1.476},
		"idle":         {c.Kiosk.Idle, 2 * time.Minute},
		"warn":         {c.Kiosk.Warn, 45 * time.Second},
		"scan":         {c.Kiosk.Scan, 1500 * time.Millisecond},
		"headphones":   {c.Kiosk.Headphones, true},
		"dialogs":      {c.Dialogs, filepath.Join(dir, "dialogs")},
		"emergency":    {c.Town.Emergency, "112"},
		"country":      {c.Town.Country, "ES"},
		"zone":         {c.Town.Zone.String(), "Europe/Madrid"},
		"store":        {c.Store.Path, filepath.Join(dir, "town.db")},
		"key file":     {c.Store.KeyFile, filepath.Join(dir, "town.key")},
		"from":         {c.SMS.Twilio.From, "+15550100"},
		"first token":  {c.SMS.Twilio.AuthToken[0].Reveal(), "first-token"},
		"second token": {c.SMS.Twilio.AuthToken[1].Reveal(), "second-token"},
		"allow":        {fmt.Sprint(c.SMS.Kannel.Allow), "[127.0.0.1 10.0.0.0/8]"},
		"preview":      {c.Preview, On},
		"log":          {c.Log, Log{"debug", "json"}},
		"desk hours":   {c.Town.DeskHours, "Mon-Thu 8:30-17:00, Fri 8:30-14:00"},
		"languages":    {fmt.Sprint(c.Town.Languages), "[en es]"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: got %v, want %v", what, pair[0], pair[1])
		}
	}
}

func TestFlagsBeatEnvironmentBeatsFile(t *testing.T) {
	name := write(t, "listen: 127.0.0.1:1\n")
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	AddFlags(flags, "listen", "store.url")
	load := func() *Config {
		t.Helper()
		c, err := Load(Source{File: name, Flags: flags})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	check := func(c *Config, listen, from string) {
		t.Helper()
		if c.Listen != listen || c.Values[0].From != from {
			t.Errorf("listen is %s from %s, want %s from %s", c.Listen, c.Values[0].From, listen, from)
		}
	}
	check(load(), "127.0.0.1:1", "townline.yaml:1")
	t.Setenv("TOWNLINE_LISTEN", "127.0.0.1:2")
	check(load(), "127.0.0.1:2", "TOWNLINE_LISTEN")
	if err := flags.Parse([]string{"--listen", "127.0.0.1:3"}); err != nil {
		t.Fatal(err)
	}
	check(load(), "127.0.0.1:3", "--listen")

	t.Setenv("TOWNLINE_STORE_URL", "sqlite:here.db")
	if c := load(); c.Store.Path != "here.db" {
		t.Errorf("a path from the environment is taken from the folder at hand, got %s", c.Store.Path)
	}
}

func TestMistakes(t *testing.T) {
	cases := []struct {
		name, file string
		env        [2]string
		want       []string
	}{
		{name: "unknown key", file: "lisen: 127.0.0.1:80\n", want: []string{"townline.yaml:1: lisen: there is no such setting", "did you mean listen?"}},
		{name: "unknown inner key", file: "town:\n  nmae: X\n", want: []string{"townline.yaml:2: town.nmae", "did you mean town.name?"}},
		{name: "key in the wrong place", file: "timezone: UTC\n", want: []string{"did you mean town.timezone?"}},
		{name: "hopeless key", file: "colour_of_the_bus: red\n", want: []string{"\"townline config\" lists"}},
		{name: "twice", file: "listen: 127.0.0.1:1\nlisten: 127.0.0.1:2\n", want: []string{"townline.yaml:2: listen: is written twice"}},
		{name: "group as value", file: "town: Elmwood\n", want: []string{"town: is a group"}},
		{name: "value as group", file: "listen:\n  port: 80\n", want: []string{"listen: takes one value"}},
		{name: "list for one value", file: "listen: [a, b]\n", want: []string{"listen: takes one value, not a list"}},
		{name: "alias", file: "town: &t\n  name: X\n", want: []string{"anchors and aliases"}},
		{name: "not YAML", file: "listen: [\n", want: []string{"can't be read as YAML"}},
		{name: "tab", file: "town:\n\tname: X\n", want: []string{"can't be read as YAML"}},
		{name: "a list at the top", file: "- listen\n", want: []string{"not a list of settings"}},
		{name: "zone", file: "town: {timezone: Mars}\n", want: []string{`town.timezone: "Mars" is not a time zone`}},
		{name: "listen", file: "listen: 8080\n", want: []string{`"8080" has no address and port`}},
		{name: "port", file: "listen: 127.0.0.1:99999\n", want: []string{`"99999" is not a port`}},
		{name: "url", file: "public_url: talk.example.org\n", want: []string{"is not a web address"}},
		{name: "open url", file: "public_url: http://talk.example.org\n", want: []string{"use https"}},
		{name: "url with query", file: "public_url: https://t.example.org/?a=b\n", want: []string{"host and a path only"}},
		{name: "dialogs", file: "dialogs: nowhere\ntown: {name: A, timezone: UTC}\n", want: []string{"there is no folder"}},
		{name: "no town", file: "dialogs: dialogs\n", want: []string{"town.name: is missing", "town.timezone: is missing"}},
		{name: "check of another package", file: "town: {desk_hours: whenever}\n", want: []string{"townline.yaml:1: town.desk_hours: no hours"}},
		{name: "language", file: "town: {languages: [english]}\n", want: []string{`"english" is not a language`}},
		{name: "emergency", file: "town: {emergency: call us}\n", want: []string{"not a number to dial"}},
		{name: "country", file: "town: {country: Spain}\n", want: []string{"is not a country"}},
		{name: "store", file: "store: {url: 'mysql:x'}\n", want: []string{"sqlite:town.db"}},
		{name: "password in the file", file: "store: {url: 'postgres://town:hush@db/town?sslmode=require'}\n", want: []string{"townline.yaml:1: store.url: a password may not be written here", "TOWNLINE_STORE_URL"}},
		{name: "no word of encryption", file: "store: {url: 'postgres://town@localhost,db.example.org:5432/town'}\n", want: []string{"the way to db.example.org is encrypted", "sslmode=verify-full"}},
		{name: "no database", file: "store: {url: 'postgres://town@db'}\n", want: []string{`"postgres://town@db" is not the address of a database`}},
		{name: "misspelt, with a password", file: "store: {url: 'postgre://town:hush@db/town'}\n", want: []string{`"postgre:…" is not a place`}},
		{name: "keys in the file", file: "store: {keys: abc}\n", want: []string{"may not be written here", "TOWNLINE_STORE_KEYS"}},
		{name: "level", file: "log: {level: inof}\n", want: []string{"did you mean info?"}},
		{name: "preview", file: "preview: maybe\n", want: []string{"neither on nor off"}},
		{name: "half of twilio", file: "sms: {twilio: {account_sid: ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}}\n",
			want: []string{"sms.twilio.auth_token: is missing", "TOWNLINE_SMS_TWILIO_AUTH_TOKEN", "sms.twilio.from: is missing", "public_url: is missing"}},
		{name: "whatsapp alone", file: "sms: {twilio: {whatsapp: '+15550100'}}\n", want: []string{"sms.twilio.account_sid: is missing", "sms.twilio.auth_token: is missing"}},
		{name: "pace", file: "audio: {rate: 400}\n", want: []string{`"400" is no pace to read aloud in`, "60 to 250"}},
		{name: "outposts", file: "kiosk: {outposts: 'library=short, Hall=0123456789abcdef0123456789abcdef, a=0123456789abcdef0123456789abcdef, a=0123456789abcdef0123456789abcdef'}\n",
			want: []string{`a secret for "library" that is too short`, "openssl rand -hex 16", "not a machine's name", `names "a" twice`}},
		{name: "machine", file: "kiosk: {name: The Library, secret: abc, centre: talk, scale: 0, idle: 3, printer: -h x, listen: here}\n",
			want: []string{`"The Library" is not a name`, "is too short", `"talk" is not a web address`, `"0" is not a scale`, `"3" is no number of seconds`, `"-h x" is not a printer's queue`, `"here" has no address`}},
		{name: "voices", file: "audio: {voices: [en, es=--help, fr=f/r]}\n", want: []string{`"en" is not a language and its voice`, `"es=--help" is not`, `"fr=f/r" is not`}},
		{name: "templates", file: "sms: {twilio: {whatsapp_buttons: [two=HX1]}}\n", want: []string{`"two=HX1" is not a number of options and its template`}},
		{name: "sid", file: "sms: {twilio: {account_sid: SK1}}\n", want: []string{"begins with AC"}},
		{name: "from", file: "sms: {twilio: {from: 555 0100}}\n", want: []string{"not a number to send from"}},
		{name: "short secret", file: "sms: {gateway: {secret: abc}}\n", want: []string{"too short"}},
		{name: "half of kannel", file: "sms: {kannel: {send_url: 'http://127.0.0.1:13013/'}}\n",
			want: []string{"sms.kannel.secret: is missing", "sms.kannel.username: is missing", "sms.kannel.password: is missing"}},
		{name: "kannel secret", file: "sms: {kannel: {secret: 'with blanks in it, and signs'}}\n", want: []string{"letters and digits"}},
		{name: "kannel network", file: "sms: {kannel: {secret: 0123456789abcdef, allow: here}}\n", want: []string{`"here" is not an address`}},
		{name: "environment", env: [2]string{"TOWNLINE_PUBLIC_ULR", "x"}, want: []string{"TOWNLINE_PUBLIC_ULR: there is no such setting", "did you mean TOWNLINE_PUBLIC_URL?"}},
		{name: "value from the environment", env: [2]string{"TOWNLINE_LISTEN", "x"}, want: []string{"TOWNLINE_LISTEN: listen:"}},
		{name: "all at once", file: "lisen: x\ntown: {timezone: Mars, country: Spain}\nlog: {level: loud}\n",
			want: []string{"lisen", "town.timezone", "town.country", "log.level"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if c.env[0] != "" {
				t.Setenv(c.env[0], c.env[1])
			}
			_, err := Load(Source{File: write(t, c.file), Checks: map[string]func(string) error{"town.desk_hours": func(text string) error {
				if text == "whenever" {
					return errors.New("no hours")
				}
				return nil
			}}})
			var m Mistakes
			if !errors.As(err, &m) {
				t.Fatalf("got %v, want mistakes", err)
			}
			for _, w := range c.want {
				if !strings.Contains(m.Error(), w) {
					t.Errorf("got\n%s\nwithout %q", m, w)
				}
			}
		})
	}
}

func TestNamesThatOthersSetAreLetBe(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("TOWNLINE_SERVICE_HOST", "10.0.0.1")
	c, err := Load(Source{})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Notes) != 1 || !strings.Contains(c.Notes[0], "TOWNLINE_SERVICE_HOST") {
		t.Errorf("notes are %q", c.Notes)
	}
}

func TestMissingFileIsSaid(t *testing.T) {
	_, err := Load(Source{File: filepath.Join(t.TempDir(), "none.yaml")})
	if err == nil || !strings.Contains(err.Error(), "there is no file") {
		t.Errorf("got %v", err)
	}
}

func TestSecretNeverPrints(t *testing.T) {
	const word = "hunter2hunter2hunter2"
	t.Setenv("TOWNLINE_SMS_GATEWAY_SECRET", word)
	t.Chdir(t.TempDir())
	c, err := Load(Source{})
	if err != nil {
		t.Fatal(err)
	}
	if c.SMS.Gateway.Secret.Reveal() != word {
		t.Fatal("the secret was lost")
	}
	all, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{string(all), fmt.Sprintf("%v %+v %#v %s %x %q", *c, *c, c.SMS.Gateway.Secret, c.SMS.Gateway.Secret, c.SMS.Gateway.Secret, c.SMS.Gateway.Secret)} {
		if strings.Contains(s, word) || strings.Contains(s, fmt.Sprintf("%x", word)) {
			t.Errorf("the secret stands in %s", s)
		}
	}
}

func FuzzFile(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte("town: {name: X}\n"))
	f.Add([]byte("a: &b [*b]\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		r := reading{name: FileName, file: map[string]written{}}
		r.readFile(text)
	})
}

func TestTemplatesForWhatsApp(t *testing.T) {
	r := &reading{}
	got := r.templates("sms.twilio.whatsapp_lists", "5=HX00000000000000000000000000000005, 7=HX00000000000000000000000000000007")
	if len(got) != 2 || got[5] != "HX00000000000000000000000000000005" || got[7] != "HX00000000000000000000000000000007" {
		t.Error(got)
	}
}
