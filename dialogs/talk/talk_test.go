package talk

import (
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/library"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/locales"
)

type shelf struct{ all []*dialogs.Dialog }

func (s shelf) Current() []*dialogs.Dialog { return s.all }
func (s shelf) Pinned(pin dialogs.Pin) *dialogs.Dialog {
	for _, d := range s.all {
		if d.Pin == pin {
			return d
		}
	}
	return nil
}

// The phrases and the sample town's dialogs are read once: no test changes them, and reading takes longer than most tests.
var (
	phrases = sync.OnceValues(locales.Load)
	sample  = sync.OnceValues(func() (*dialogs.Set, dialogs.Problems) { return dialogs.Load(library.FS(), dialogs.Options{}) })
)

func elmwood(t testing.TB) *Town {
	t.Helper()
	all, err := phrases()
	if err != nil {
		t.Fatal(err)
	}
	set, problems := sample()
	if problems.Errors() {
		t.Fatal(problems.String())
	}
	return &Town{Name: "Elmwood", Languages: []string{"en", "es"}, Zone: time.UTC, Emergency: "911", Country: "1", Locales: all, Dialogs: shelf{slices.Clone(set.All())}}
}

// person is a resident in a test; the memory is encoded and decoded between every two turns.
type person struct {
	t       *testing.T
	town    *Town
	memory  []byte
	at      time.Time
	traits  render.Traits
	said    Said
	effects []engine.EffectKind
	results map[string]string
	out     bool          // on a call that the town made
	texted  bool          // they have written from this number
	brings  *engine.State // what a code brings along
}

func someone(t *testing.T) *person {
	return &person{t: t, town: elmwood(t), at: time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC), traits: render.SMS, results: map[string]string{"reference": "482-173-5", "due": "2026-12-08"}}
}

func (p *person) hear(h Heard) *person {
	p.t.Helper()
	m, err := Decode(p.memory)
	if err != nil {
		p.t.Fatal(err)
	}
	h.At, h.Traits, h.Seed, h.Out, h.Texted = p.at, p.traits, 1, p.out, p.texted
	p.said, err = p.town.Hear(m, h, func(e Effect) (engine.Input, error) {
		p.effects = append(p.effects, e.Kind)
		return engine.Input{Result: p.results, State: p.brings}, nil
	})
	if err != nil {
		p.t.Fatal(err)
	}
	for _, e := range p.said.Effects {
		p.effects = append(p.effects, e.Kind)
	}
	if p.memory, err = Encode(&p.said.Memory); err != nil {
		p.t.Fatal(err)
	}
	if os.Getenv("TALK") != "" {
		p.t.Logf("> %s\n%s\n", h.Words, p.text())
	}
	return p
}

func (p *person) says(words string) *person { p.t.Helper(); return p.hear(Heard{Words: words}) }

func (p *person) text() string {
	var b strings.Builder
	for _, page := range p.said.Pages {
		b.WriteString(page.Text)
		for _, s := range page.Spoken {
			b.WriteString(s.Words + "\n")
		}
	}
	return b.String()
}

func (p *person) hears(parts ...string) *person {
	p.t.Helper()
	for _, part := range parts {
		if !strings.Contains(p.text(), part) {
			p.t.Fatalf("they hear\n%s\nwithout %q", p.text(), part)
		}
	}
	return p
}

func (p *person) not(parts ...string) *person {
	p.t.Helper()
	for _, part := range parts {
		if strings.Contains(p.text(), part) {
			p.t.Fatalf("they hear\n%s\nwith %q", p.text(), part)
		}
	}
	return p
}

func TestAStartWordBeginsADialog(t *testing.T) {
	someone(t).says("main").hears("What is your link to Elmwood?", "1 I live here")
}

func TestAnUnknownWordShowsTheMenu(t *testing.T) {
	p := someone(t).says("hello there").hears("1 ")
	p.says("1").not("hello there")
	if p.said.Memory.Now == nil {
		t.Error("the menu's first entry begins nothing")
	}
}

func TestWhatWasSetAsideIsOfferedAgain(t *testing.T) {
	p := someone(t).says("MAIN").says("1").says("FIX").hears("What is the problem?").says("light")
	p.says("main").hears("What first on Main Street?") // and the other way round
	p.says("fix").hears("Street and number")
	p.says("12 Oak Street").says("It is dark").says("skip")
	for i := 0; p.said.Memory.Now != nil && p.said.Memory.Now.Pin.ID == "street-problem" && i < 5; i++ {
		p.says("1")
	}
	p.hears("482-173-5", "Main Street plan").says("1").hears("What first on Main Street?")
}

func TestStopIsStickyAndStartGoesOn(t *testing.T) {
	p := someone(t).says("MAIN").says("Stop. Thank you").hears("Elmwood")
	if !p.said.Memory.Stopped || p.effects[len(p.effects)-1] == "" {
		t.Fatal("not stopped")
	}
	for _, words := range []string{"MAIN", "1", "stop", "hello"} {
		if p.says(words); len(p.said.Pages) != 0 {
			t.Errorf("%q is answered after STOP: %s", words, p.text())
		}
	}
	p.says("start").hears("What is your link to Elmwood?")
}

func TestEraseIsHeardAfterStop(t *testing.T) {
	p := someone(t).says("MAIN").says("STOP").says("erase").hears("1 Yes")
	p.says("2").hears("erased")
	if p.says("1"); len(p.said.Pages) != 0 {
		t.Errorf("answered: %s", p.text())
	}
	p.says("erase").says("yes").hears("We keep nothing")
	if !slices.Contains(p.effects, engine.EraseAll) {
		t.Error("nothing is erased")
	}
}

func TestSeveralAnswersInOneMessage(t *testing.T) {
	someone(t).says("MAIN").says("I live here, more frequent buses").not("What first").hears("Order, best")
	someone(t).says("MAIN").says("live\nbuses\nskip").hears("What is your link") // a command among them is no answer: nothing is guessed
	someone(t).says("FIX hole").hears("0 for help", "Street and number").not("What is the problem")
	someone(t).says("MAIN live").hears("4 minutes, free", "The city council decides", "What first").not("your link")
	someone(t).says("MAIN").says("1,2").not("What first") // either could be meant
}

func TestALiveChannelOffersToGoOn(t *testing.T) {
	p := someone(t).says("MAIN").says("1")
	p.traits = render.Voice
	p.hear(Heard{Kind: Came}).hears("Main Street plan").says("1").hears("What should the city improve first")
	p.hear(Heard{Kind: Came}).says("2").hears("press 1")
	if p.said.Memory.Now != nil || len(p.said.Memory.Aside) != 1 {
		t.Error("something else doesn't set aside")
	}
}

func TestAReminderComesOnceAndTheRestExpires(t *testing.T) {
	p := someone(t).says("MAIN").says("1")
	p.at = p.at.Add(24 * time.Hour)
	p.hear(Heard{Kind: Rang, Timer: "remind:main-street"}).hears("Main Street plan", "What first on Main Street?")
	p.at = p.at.Add(6 * 24 * time.Hour)
	p.hear(Heard{Kind: Rang, Timer: "expire:main-street"})
	if len(p.said.Pages) != 0 || p.said.Memory.Now != nil {
		t.Error("after a week it isn't over, or something is said")
	}
	p.hear(Heard{Kind: Rang, Timer: "remind:main-street"})
	if len(p.said.Pages) != 0 {
		t.Error("an old timer speaks")
	}
}

func TestTwoMachinesStopAnsweringEachOther(t *testing.T) {
	p := someone(t)
	answered := 0
	for range 20 {
		if p.says("I am out of the office."); len(p.said.Pages) > 0 {
			answered++
		}
	}
	if answered > 5 {
		t.Errorf("answered %d times", answered)
	}
}

func TestAWithdrawnDialogIsExplained(t *testing.T) {
	p := someone(t).says("MAIN")
	all := p.town.Dialogs.(shelf).all
	var rest []*dialogs.Dialog
	for _, d := range all {
		if d.ID != "main-street" {
			rest = append(rest, d)
		}
	}
	p.town.Dialogs = shelf{rest}
	p.says("1").hears("1 ")
	if p.said.Memory.Now != nil {
		t.Error("still held")
	}
}

func TestAReminderPutOffLeavesTheMenuOnShow(t *testing.T) {
	p := someone(t).says("MAIN")
	p.at = p.at.Add(23 * time.Hour)
	p.says("live").says("menu").hears("Main Street plan")
	p.at = p.at.Add(time.Hour)
	p.hear(Heard{Kind: Rang, Timer: "remind:main-street"})
	if len(p.said.Pages) > 0 || p.said.Memory.Now != nil || p.said.Memory.Hall == nil {
		t.Fatalf("the menu is gone, and %q is said", p.text())
	}
	p.says("1") // a choice from the menu, never an answer to what was set aside
	for _, s := range p.said.Memory.Aside {
		if s.Pin.ID == "main-street" && len(s.Answers) != 1 {
			t.Errorf("the menu's 1 was taken for an answer: %+v", s.Answers)
		}
	}
	p.says("menu")
	p.at = p.at.Add(23 * time.Hour)
	p.hear(Heard{Kind: Rang, Timer: "remind:main-street"}).hears("Main Street plan", "What first on Main Street?")
	p.says("trees").hears("Order, best")
}

func TestTheMenuShowsAllItHasAfterAWordItDoesNotKnow(t *testing.T) {
	p := someone(t)
	p.traits = render.USSD
	p.hear(Heard{Kind: Came}).says("8").says("zzzz").hears("I don't know that word")
	all := p.text()
	for range 9 {
		all += p.says("8").text()
	}
	for _, id := range p.said.Memory.Hall.IDs {
		title, _ := (&hearing{t: p.town, h: Heard{Traits: p.traits}}).title(id, "en")
		if !strings.Contains(all, title) {
			t.Errorf("%q is on no page:\n%s", title, all)
		}
	}
}

func TestLastWordsAreHeardWholeBeforeTheOffer(t *testing.T) {
	p := someone(t).says("FIX").says("light").says("main").says("live").says("buses").says("skip").says("5 3 2").says("skip").says("1")
	p.traits = render.USSD
	p.traits.Limit = 80
	all := p.says("yes").text()
	for p.said.Memory.Rest != nil {
		all += "\n" + p.says("8").text()
	}
	for _, part := range []string{"482-173-5", "by 1 June", "Not finished: Report a street problem", "1 Go on"} {
		if !strings.Contains(all, part) {
			t.Errorf("they read\n%s\nwithout %q", all, part)
		}
	}
	p.says("1").hears("We go on", "Street and number")
}

// A screen forgets its visitor, so that "your answers are kept" would not be true there: going on later takes a code.
func TestGoingOnLaterAtAScreenTakesACode(t *testing.T) {
	p := someone(t)
	p.results["code"], p.results["until"] = "482 173 629", "2026-12-08"
	p.says("MAIN").says("live").says("help").says("6").hears("Your answers are kept")
	p.says("trees")
	p.traits = render.Kiosk
	p.hear(Heard{Kind: Came}).hear(Heard{Choice: "1"}).hear(Heard{Choice: "0"}).hear(Heard{Choice: "6"})
	var shown []string
	for _, page := range p.said.Pages {
		for _, b := range page.Blocks {
			shown = append(shown, b.Kind+": "+b.Words)
		}
	}
	if !slices.Contains(shown, "code: 482 173 629") || p.said.Over || p.said.Memory.Now == nil || p.said.Memory.Now.Mode != engine.Asking {
		t.Errorf("over: %v, on show: %q", p.said.Over, shown)
	}
}

func TestAnEndThatNobodySawIsToldWhenTheyComeBack(t *testing.T) {
	for _, words := range []string{"1", "hello", ""} {
		p := someone(t).says("MAIN").says("live")
		p.at = p.at.Add(7 * 24 * time.Hour)
		p.hear(Heard{Kind: Rang, Timer: "expire:main-street"})
		if words == "" {
			p.traits = render.Kiosk
			p.hear(Heard{Kind: Came})
		} else {
			p.says(words).hears("We ended this", "1 ").not("don't know that word")
		}
		if p.said.Memory.Now != nil || p.said.Memory.Hall.Note != engine.PhraseExpired {
			t.Errorf("%q: %+v", words, p.said.Memory)
		}
		if p.traits = render.SMS; p.says("hello").said.Memory.Hall.Note == engine.PhraseExpired {
			t.Error("it is told twice")
		}
	}
}

func TestAQuestionOfTheHallLeadsBackToTheOffer(t *testing.T) {
	for _, words := range [][]string{{"language", "Español"}, {"language", "back"}, {"erase", "no"}, {"erase", "back"}, {"help"}, {"person"}} {
		p := someone(t).says("MAIN").says("live")
		p.hear(Heard{Kind: Came})
		for _, w := range words {
			p.says(w)
		}
		if h := p.said.Memory.Hall; h == nil || h.Kind != OfferHall {
			t.Errorf("%v leads to %+v", words, h)
			continue
		}
		p.says("1")
		if p.said.Memory.Now == nil || p.said.Memory.Hall != nil || (p.said.Memory.Now.Lang == "es") != (words[len(words)-1] == "Español") {
			t.Errorf("after %v they go on with %+v", words, p.said.Memory.Now)
		}
	}
}

func TestWhatIsClosedOrGoneIsNotOffered(t *testing.T) {
	p := someone(t).says("MAIN").says("live").says("status").hears("number")
	p.at = time.Date(2027, 4, 1, 12, 0, 0, 0, time.UTC)
	p.says("menu").not("Main Street plan")
	m := p.said.Memory
	x := hearing{t: p.town, m: m, h: Heard{At: p.at}}
	if i := x.next(); i != 1 {
		t.Errorf("of %d set aside number %d is offered", len(m.Aside), i)
	}

	p = someone(t).says("MAIN")
	p.town.Dialogs = shelf{slices.DeleteFunc(p.town.Dialogs.Current(), func(d *dialogs.Dialog) bool { return d.ID == "main-street" })}
	p.hear(Heard{Kind: Came}).not("main-street")
	if p.said.Memory.Now != nil {
		t.Error("still held")
	}
}

const (
	ways = `dialog: ways
version: 1
title: Ways to town
purpose: information
language: en
start: WAYS
steps:
  - id: how
    type: choice
    say: How do you come?
    options:
      foot: On foot
      bus: Bus
  - {id: bye, type: end, say: Goodbye.}
`
	bus = `dialog: bus
version: 1
title: Our buses
purpose: information
language: en
start: BUS
steps:
  - {id: late, type: yesno, say: Is it late?}
  - {id: how, type: yesno, say: Is it full?}
  - {id: bye, type: end, say: Goodbye bus.}
`
)

func TestAStartWordThatIsAnAnswer(t *testing.T) {
	set, problems := dialogs.Load(fstest.MapFS{"ways.yaml": {Data: []byte(ways)}, "bus.yaml": {Data: []byte(bus)}}, dialogs.Options{})
	if problems.Errors() {
		t.Fatal(problems.String())
	}
	p := someone(t)
	p.town.Dialogs = shelf{set.All()}
	p.says("ways").says("bus").hears("Goodbye.")
	p.says("bus").hears("Is it late?").says("yes").says("ways").hears("How do you come?").says("menu")
	p.says("bus yes").hears("Is it full?") // taken up again: "yes" was not meant for a question that they couldn't see
}

func TestAStartWordThatIsALandmark(t *testing.T) {
	where := "dialog: spot\nversion: 1\ntitle: A spot\npurpose: information\nlanguage: en\nsteps:\n  - {id: at, type: place, from: stops, say: Where is it?}\n  - {id: bye, type: end, say: \"It is at ${at}.\"}\n"
	list := "list: stops\nlanguage: en\nplaces:\n  station:\n    text: The bus station\n    also: [bus]\n"
	set, problems := dialogs.Load(fstest.MapFS{"spot.yaml": {Data: []byte(where)}, "stops.places.yaml": {Data: []byte(list)}, "bus.yaml": {Data: []byte(bus)}}, dialogs.Options{})
	if problems.Errors() {
		t.Fatal(problems.String())
	}
	for _, traits := range []render.Traits{render.SMS, render.WhatsApp, render.Telegram} {
		p := someone(t)
		p.town.Dialogs, p.traits = shelf{set.All()}, traits
		p.says("a spot").hears("Where is it?").says("bus").hears("It is at The bus station.")
	}
}

func TestATitleStartsADialogInAnyLanguage(t *testing.T) {
	p := someone(t)
	for _, d := range p.town.Dialogs.Current() {
		for _, tag := range []string{"en", "es"} {
			title, _ := d.Text(tag, "title")
			q := someone(t).says(title.Text)
			if now := q.said.Memory.Now; now == nil || now.Pin != d.Pin || now.Lang != tag && slices.Contains(d.AllLanguages(), tag) {
				t.Errorf("%q begins %+v: %s", title.Text, now, q.text())
			}
		}
	}
	p.says("1").hears("I don't know that word")
}

func TestWhyTheyAreAskedAgainIsHeardOnAnyPage(t *testing.T) {
	p := someone(t).says("MAIN").says("live")
	p.traits = render.Voice
	p.says("8").hears("press 4")
	p.hear(Heard{Kind: Quiet}).hears("I did not hear anything", "What should the city improve first")
	p.says("8").says("7").hears("I did not understand that").says("4").hears("Put these in order")
}

func TestSilenceInTheMenu(t *testing.T) {
	p := someone(t)
	p.traits = render.Voice
	p.hear(Heard{Kind: Came}).says("1")
	p.hear(Heard{Kind: Quiet}).hears("I did not hear anything", "press 1")
	p.hear(Heard{Kind: Quiet}).hears("I still hear nothing", "press 1")
	p.hear(Heard{Kind: Quiet}).hears("I still hear nothing", "press 1")
	p.hear(Heard{Kind: Quiet}).hears("Sorry, I can not hear you.", "For a person, press 1.", "For another try, press 2.", "For a call back, press 3.", "For going on later, press 4.")
	for range 3 {
		if p.hear(Heard{Kind: Quiet}); p.said.Over {
			t.Error("hangs up although somebody may still be there")
		}
	}
	if p.hear(Heard{Kind: Quiet}).hears("Call again at any time. Goodbye."); !p.said.Over {
		t.Error("nobody hangs up")
	}
}

func TestErasingLeavesNothing(t *testing.T) {
	p := someone(t).says("MAIN").says("1").says("FIX").says("erase").says("1")
	m := p.said.Memory
	if m.Now != nil || len(m.Aside) != 0 || !slices.Contains(p.effects, engine.EraseAll) {
		t.Errorf("%+v %v", m, p.effects)
	}
}

func BenchmarkHear(b *testing.B) {
	town := elmwood(b)
	ask := func(Effect) (engine.Input, error) { return engine.Input{}, nil }
	at := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	said, err := town.Hear(Memory{}, Heard{At: at, Traits: render.SMS, Words: "MAIN"}, ask)
	if err != nil {
		b.Fatal(err)
	}
	memory, err := Encode(&said.Memory)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		m, err := Decode(memory)
		if err != nil {
			b.Fatal(err)
		}
		said, err := town.Hear(m, Heard{At: at, Traits: render.SMS, Words: "1"}, ask)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := Encode(&said.Memory); err != nil {
			b.Fatal(err)
		}
	}
}

func TestADigitAnswersNoQuestionThatNobodyHasSeen(t *testing.T) {
	p := someone(t)
	p.traits = render.USSD
	p.says("MAIN").not("your link")
	for i := 0; !strings.Contains(p.text(), "your link"); i++ {
		p.says("1")
		if now := p.said.Memory.Now; len(now.Answers) > 0 || i > 9 {
			t.Fatalf("answered unseen: %+v", now)
		}
	}
	p.says("1").hears("What first on Main Street?")
}

// A field on a screen is for the answer: what would be a command, a key, a start word or a code elsewhere is kept as it is.
func TestWhatIsTypedOnAScreenIsTheAnswer(t *testing.T) {
	for _, words := range []string{"stop", "help", "back", "*", "0", "8", "main", "fix", "kiosk", "482 173 62" + string(CheckDigit("48217362")), "español"} {
		p := someone(t)
		p.traits = render.Kiosk
		p.says("main")
		for _, choice := range []string{"1", "1"} {
			p.hear(Heard{Choice: choice})
		}
		p.hear(Heard{Choice: "skip"}).says("5 3 2").says(words)
		d := p.town.Dialogs.Current()[slices.IndexFunc(p.town.Dialogs.Current(), func(d *dialogs.Dialog) bool { return d.ID == "main-street" })]
		if p.said.Memory.Now == nil {
			t.Errorf("%q ended it", words)
			continue
		}
		if a, ok := p.said.Memory.Now.Answer(d.Index("ideas")); !ok || len(a.Values) != 1 || a.Values[0] != words {
			t.Errorf("%q was not kept: %+v", words, a)
		}
	}
}
