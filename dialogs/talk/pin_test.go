package talk

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/locales"
)

func TestEasyPINs(t *testing.T) {
	for _, easy := range []string{"", "12", "0000", "1111", "1234", "4321", "0123", "1212", "1122", "7788", "123123", "121212", "1987", "2004", "031987", "2580", "555555", "654321", "112233"} {
		if !EasyPIN(easy) {
			t.Errorf("%s may be chosen", easy)
		}
	}
	for _, fine := range []string{"4821", "0417", "9350", "48213", "482130", "1357", "135790", "121314"} {
		if EasyPIN(fine) {
			t.Errorf("%s may not be chosen", fine)
		}
	}
}

func TestPINsAreReadInEveryLanguage(t *testing.T) {
	p := someone(t)
	p.town.Languages = []string{"en", "es", "fr", "zh", "ar", "so"}
	x := hearing{t: p.town}
	for words, want := range map[string][2]string{
		"PIN 4821": {"4821", ""}, "pin: 4821": {"4821", ""}, "My PIN 482130 status": {"482130", "status"}, "Pin4821.": {"4821", ""}, "código pin 4821": {"4821", ""},
		"密码4821": {"4821", ""}, "密码 4821 路灯": {"4821", "路灯"}, "رقم سري ٤٨٢١": {"4821", ""}, "pinka 4821": {"4821", ""}, "PIN 4821, 1": {"4821", "1"}, "pin 12": {"12", ""},
		"please PIN 4821": {"4821", ""}, "code secret 4821": {"4821", ""},
	} {
		pin, rest, ok := x.pinIn(words)
		if !ok || pin != want[0] || rest != want[1] {
			t.Errorf("%q: %q %q %v", words, pin, rest, ok)
		}
	}
	for _, words := range []string{"", "4821", "PIN", "the pin 4821 fell", "stop 4821", "PIN 4821st", "pinned 4821", "PIN " + strings.Repeat("1", 30)} {
		if pin, _, ok := x.pinIn(words); ok {
			t.Errorf("%q is taken for the PIN %q", words, pin)
		}
	}
}

func FuzzPIN(f *testing.F) {
	for _, words := range []string{"PIN 4821", "密码4821", "pin", "٤٨٢١", "PIN 4821 1 \xff", "PIN ²"} {
		f.Add(words)
	}
	all, err := locales.Load()
	if err != nil {
		f.Fatal(err)
	}
	x := hearing{t: &Town{Languages: []string{"en", "zh", "ar"}, Locales: all}}
	f.Fuzz(func(t *testing.T, words string) {
		pin, rest, ok := x.pinIn(words)
		if !ok {
			return
		}
		if pin == "" || strings.Trim(pin, "0123456789") != "" || !strings.HasSuffix(words, rest) {
			t.Fatalf("%q: %q %q", words, pin, rest)
		}
	})
}

// pinned is somebody who was here before, and said PIN.
func pinned(t *testing.T, results map[string]string) *person {
	p := someone(t)
	p.results = results
	return p.says("FIX").says("PIN").hears("1 I have a PIN", "2 Choose a new PIN", "3 Go on without a PIN")
}

func (p *person) remembers() *Memory {
	p.t.Helper()
	m, err := Decode(p.memory)
	if err != nil {
		p.t.Fatal(err)
	}
	return &m
}

func TestAPINIsChosen(t *testing.T) {
	p := pinned(t, map[string]string{"pin": "good"})
	p.says("2").hears("Choose 4 to 6 digits").says("12").hears("A PIN has 4 to 6 digits", "Choose").says("1234").hears("easy to guess")
	p.says("4821").hears("once more").not("4821").says("4812").hears("not the same", "Choose 4 to 6").says("4821").says("4821").hears("Was it only you")
	if slices.Contains(p.effects, engine.ChoosePIN) {
		t.Fatal("it is set before all was said")
	}
	p.says("1").hears("Your PIN is set", "Go on").not("4821")
	if m := p.remembers(); m.Now == nil || p.said.Newcomer != nil || m.Hall.PIN != "" {
		t.Fatalf("what was said goes behind it: %+v", m)
	}
}

func TestSomethingOfOnesOwnIsBegun(t *testing.T) {
	p := pinned(t, map[string]string{"pin": "good"})
	p.says("2").says("4821").says("4821").says("2").hears("Your PIN is set", "What can we do for you")
	own := p.said.Newcomer
	if own == nil || own.Now != nil || own.Hall == nil || own.Hall.Kind != MenuHall {
		t.Fatalf("%+v", own)
	}
	if m := p.remembers(); m.Now == nil || m.Hall != nil {
		t.Fatalf("what was there before stays as it was: %+v", m)
	}
	// Who was never here isn't asked: there is nothing to take along.
	q := someone(t)
	q.results = map[string]string{"pin": "good"}
	if q.says("PIN").says("2").says("4821").says("4821").hears("Your PIN is set"); q.said.Newcomer == nil {
		t.Fatal("nobody begins")
	}
}

func TestAPINIsGiven(t *testing.T) {
	p := pinned(t, map[string]string{"pin": "good"})
	p.says("2").says("menu").says("PIN") // whatever was on show
	before := someone(t).says("FIX").remembers()
	for _, way := range [][]string{{"PIN 4821"}, {"PIN", "1", "4821"}, {"PIN", "4821"}} {
		q := someone(t)
		q.results = map[string]string{"pin": "good"}
		q.says("FIX")
		for _, words := range way {
			q.says(words)
		}
		if !q.said.Opens || len(q.said.Pages) > 0 {
			t.Fatalf("%q: %+v", way, q.said)
		}
		after := q.remembers()
		if b, _ := Encode(after); string(b) != string(must(Encode(before))) {
			t.Errorf("%q leaves %+v", way, after)
		}
	}
	q := someone(t)
	q.results = map[string]string{"pin": "good"}
	if q.says("PIN 4821 my street light"); q.said.Rest != "my street light" {
		t.Fatal(q.said.Rest)
	}
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

func TestAPINThatOpensNothing(t *testing.T) {
	p := pinned(t, map[string]string{"pin": "unknown"})
	p.says("4821").hears("opens nothing here", "1 Try again", "2 Go on without", "3 Choose a new PIN").says("1").hears("What is your PIN?").says("what").hears("4 to 6 digits")
	p.says("9350").hears("opens nothing here").says("2").hears("What is the problem?")
	p.says("PIN 4822").says("3").hears("Choose 4 to 6")
	p.results = map[string]string{"pin": "locked"}
	p.says("PIN 4823").hears("No PIN can be used on this phone")
}

// TestWhatIsAskedOfPINsEnds: a quarter of an hour later the phone may be in other hands.
func TestWhatIsAskedOfPINsEnds(t *testing.T) {
	p := pinned(t, map[string]string{"pin": "good"})
	p.says("2").says("4821")
	p.at = p.at.Add(16 * time.Minute)
	p.says("4821").not("PIN", "4821")
	if m := p.remembers(); slices.Contains(p.effects, engine.ChoosePIN) || m.Hall.ofPIN() {
		t.Fatalf("%+v", m)
	}
}

func TestBehindAPIN(t *testing.T) {
	p := someone(t)
	behind := func(h Heard) *person {
		h.Behind = true
		p.traits.Address, p.traits.Behind = false, true
		return p.hear(h)
	}
	behind(Heard{Kind: Opened}).hears("Your PIN is open", "15 minutes", "What can we do for you")
	behind(Heard{Words: "FIX"})
	behind(Heard{Words: "PIN 9350"})
	if !p.said.Leave || len(p.said.Pages) > 0 {
		t.Fatalf("another PIN is for whoever is found without one: %+v", p.said)
	}
	behind(Heard{Words: "pin"}).hears("1 Close it", "2 Choose another PIN", "3 Go on")
	behind(Heard{Words: "3"}).hears("What is the problem?")
	p.results = map[string]string{"pin": "good"}
	for _, words := range []string{"pin", "2", "4821", "4821"} {
		behind(Heard{Words: words})
	}
	p.hears("Your PIN is set")
	if p.said.Newcomer != nil {
		t.Fatal("a change makes nobody new")
	}
	for _, way := range [][]string{{"pin", "1"}, {"LOCK PIN"}} {
		p.effects = nil
		behind(Heard{Kind: Opened, Words: "FIX"})
		for _, words := range way {
			behind(Heard{Words: words})
		}
		if p.hears("Your PIN is closed"); !p.said.Over || !slices.Contains(p.effects, engine.ShutPIN) {
			t.Fatalf("%+v", p.said)
		}
	}
	// One that the desk gave is good for nothing but another.
	behind(Heard{Kind: Opened, Once: true}).hears("for this one time", "Choose 4 to 6 digits")
	p.traits = render.USSD
	behind(Heard{Kind: Opened}).hears("until this menu ends")
}

// TestWhereThereIsNoNumber a PIN is of no use.
func TestWhereThereIsNoNumber(t *testing.T) {
	p := someone(t)
	p.traits = render.Telegram
	p.says("PIN").hears("only where we see your phone number").says("PIN 4821")
	if len(p.effects) > 0 {
		t.Fatal(p.effects)
	}
}

func TestAPINOnAMenu(t *testing.T) {
	p := someone(t)
	p.traits = render.USSD
	p.results = map[string]string{"pin": "good"}
	p.hear(Heard{Kind: Came}).says("0").hears("How can we help?", "Go on", "Talk to a person").not("louder")
	for _, page := range p.said.Pages {
		for _, o := range page.Options {
			if o.ID == "pin" {
				p.says(o.Digit)
			}
		}
	}
	p.hears("1 I have a PIN").says("1").hears("What is your PIN?").says("4821")
	if !p.said.Opens {
		t.Fatalf("%+v", p.said)
	}
}

func TestAPINIsChosenOnAMenu(t *testing.T) {
	p := someone(t)
	p.traits = render.USSD
	p.results = map[string]string{"pin": "good"}
	p.hear(Heard{Kind: Came}).says("PIN").says("2").says("4821").says("4821").hears("Your PIN is set", "press 0 and choose your PIN").not("Delete your messages")
}

func TestAPINOnTheTelephone(t *testing.T) {
	p := someone(t)
	p.traits = render.Voice
	p.results = map[string]string{"pin": "unknown"}
	p.hear(Heard{Kind: Came}).says("1").says("0")
	for range 4 {
		if strings.Contains(p.text(), "a PIN, if others use this phone") {
			break
		}
		p.says("8")
	}
	p.hears("a PIN, if others use this phone")
	for _, o := range p.said.Pages[0].Options {
		if o.ID == "pin" {
			p.says(o.Digit)
		}
	}
	p.hears("For using your PIN, press 1").says("1").hears("Press the digits of your PIN, then the hash key")
	if l := p.said.Pages[0].Listen; l == nil || l.Keys < 6 || l.Record > 0 {
		t.Fatalf("%+v", l)
	}
	p.says("4821#").hears("opens nothing here").not("4821", "4 8 2 1")
	p.results = map[string]string{"pin": "good"}
	p.says("1").says("4821#")
	if !p.said.Opens {
		t.Fatalf("%+v", p.said)
	}
}

// Any call can show any number: whoever chooses a PIN on one takes nothing along that was said from that number.
func TestACallPutsNothingBehindAPIN(t *testing.T) {
	choose := func(out bool) *person {
		p := someone(t)
		p.results = map[string]string{"pin": "good"}
		p.says("FIX").says("1")
		p.traits = render.Voice
		p.out = out
		return p.hear(Heard{Kind: Came}).says("PIN").says("2").says("4821#").says("4821#")
	}
	p := choose(false)
	p.hears("Your PIN is set", "What was said before is not behind it").not("Was it only you", "Report a street problem. Do you")
	if n := p.said.Newcomer; n == nil || n.Now != nil || len(n.Aside) > 0 || p.said.Memory.Now == nil {
		t.Fatalf("%+v", p.said)
	}
	choose(true).hears("Was it only you") // the telephone is at hand
}
