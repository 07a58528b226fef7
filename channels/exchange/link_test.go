package exchange

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/store"
)

var linkForm = regexp.MustCompile(`\b\d{3} \d{3}( \d{3})?\b`)

// from is an event of whoever has an address, on a channel.
func (w *town) from(channel, kind, id, words string) channels.Event {
	e := w.text(id, words)
	e.Channel, e.From.Kind = channel, kind
	return e
}

// chats holds a conversation in a chat and returns the last reply.
func (w *town) chats(id string, words ...string) string {
	w.t.Helper()
	last := ""
	for _, s := range words {
		last = w.hear(w.from("telegram", "telegram", id, s))
	}
	return last
}

// linkCode has whoever texts get a code.
func (w *town) linkCode(from string) string {
	w.t.Helper()
	got := w.says(from, "LINK")
	code := linkForm.FindString(got)
	if code == "" {
		w.t.Fatalf("no code in:\n%s", got)
	}
	return code
}

// link puts a chat together with a number.
func (w *town) link(number, chat string) {
	w.t.Helper()
	w.expect(w.chats(chat, "LINK "+w.linkCode(number)), "Put this together")
	w.expect(w.chats(chat, "yes"), "We know you on both now")
}

// who finds the resident of an address.
func (w *town) who(kind, id string) store.Resident {
	w.t.Helper()
	r, known, err := w.store.Find(w.t.Context(), seals{}.Address(kind, id))
	if err != nil {
		w.t.Fatal(err)
	}
	if !known {
		return store.Resident{}
	}
	return r
}

func (w *town) same() bool { return w.who("tel", ann) == w.who("telegram", "77") }

func TestAPhoneAndAChatPutTogether(t *testing.T) { onEachStore(t, testPutTogether) }

// What was begun by text goes on in the chat, nothing is asked twice, and both are told.
func testPutTogether(t *testing.T, on setting) {
	w := settle(t, on)
	w.says(ann, "PARK", "1")
	code := w.linkCode(ann)
	w.expect(w.chats("77", "LINK "+code), "Put this together with the phone or chat that gave you the code?")
	w.expect(w.chats("77", "1"), "We know you on both now", "You have not finished")
	if !w.same() {
		t.Fatal("two residents")
	}
	w.x.Tick(t.Context())
	last := w.sms.letters()
	if len(last) == 0 || last[len(last)-1].to.ID != ann || !strings.Contains(last[len(last)-1].text, "Not you? Send PART") {
		t.Fatalf("the phone was told: %v", last)
	}
	w.expect(w.chats("77", "1"), "How many days")
	w.clock.pass(toldAgain)
	w.x.Tick(t.Context())
	again := w.sms.letters()
	if again = again[len(last):]; len(again) != 1 || again[0].to.ID != ann || again[0].text != last[len(last)-1].text {
		t.Fatalf("told again: %v", again)
	}
	w.expect(w.says(ann, "12"), "check your answers")
	w.expect(w.chats("77", "1"), "May the town keep these answers?")
	w.expect(w.chats("77", "yes"), "Your receipt is")
	if got := w.polled("survey"); !slices.Equal(got, []string{"first=trees often=12 agree=yes"}) {
		t.Fatal(got)
	}
	w.expect(w.chats("88", "LINK "+code), "We do not know that code")
}

// The code is for one, for ten minutes, and for nobody who hasn't it.
func TestALinkCodeIsGoodOnceAndSoon(t *testing.T) { onEachStore(t, testLinkCodeOnce) }

func testLinkCodeOnce(t *testing.T, on setting) {
	w := settle(t, on)
	code := w.linkCode(ann)
	if again := w.linkCode(ann); again != code {
		t.Errorf("%s, then %s", code, again)
	}
	w.expect(w.says(ann, "LINK "+code), "That code is from here")
	w.clock.pass(10 * time.Minute)
	w.expect(w.chats("77", "LINK "+code), "We do not know that code")
	w.x.Tick(t.Context())
	if _, known, err := w.store.Find(t.Context(), seals{}.Address(linkKind, strings.ReplaceAll(code, " ", ""))); known || err != nil {
		t.Error("an old code is still there", err)
	}
	next := w.linkCode(ann)
	w.chats("77", "LINK "+next)
	w.clock.pass(10 * time.Minute)
	w.expect(w.chats("77", "yes"), "We do not know that code")
	if w.same() {
		t.Error("put together by a code that was too old")
	}
}

func TestADigitAnswersWhatIsAskedAndIsNoCode(t *testing.T) {
	w := settle(t)
	code := strings.ReplaceAll(w.linkCode(ben), " ", "")
	w.says(ann, "PARK", "1")
	w.expect(w.says(ann, code), "a number from 0 to 31") // a number is asked for
	w.expect(w.says(ann, "12"), "check your answers")
	w.expect(w.says(ann, code), "Put this together")
	w.expect(w.says(ann, "no"), "Nothing was changed", "check your answers")
	if w.who("tel", ann) == w.who("tel", ben) {
		t.Error("put together though it was not agreed to")
	}
}

// Two numbers of one person: what is pushed goes to the one that was written from.
func TestTwoNumbersPutTogether(t *testing.T) { onEachStore(t, testTwoNumbers) }

func testTwoNumbers(t *testing.T, on setting) {
	w := settle(t, on, func(w *town, s *Settings) {
		w.sms.traits.Pushed = true
		s.Channels = append(s.Channels, w.sms)
	})
	pushed := func(to string) string {
		w.x.Tick(t.Context())
		all := w.sms.letters()
		if len(all) == 0 || all[len(all)-1].to != (channels.Address{Kind: "tel", ID: to}) {
			t.Fatalf("sent to %v, not to %s", all, to)
		}
		return all[len(all)-1].text
	}
	w.says(ann, "LINK")
	code := linkForm.FindString(pushed(ann))
	w.says(ben, "LINK "+code)
	w.expect(pushed(ben), "Put this together")
	w.says(ben, "yes")
	w.x.Tick(t.Context())
	w.says(ann, "PARK")
	w.expect(pushed(ann), "What should come first")
	w.says(ben, "1")
	w.expect(pushed(ben), "How many days")
	w.says(ann, "back")
	w.expect(pushed(ann), "What should come first")
	w.says(ben, "PART")
	w.expect(pushed(ben), "Shall this phone or chat leave")
	r, err := w.x.Receive(t.Context(), w.text(ben, "1"))
	if err != nil {
		t.Fatal(err)
	}
	w.expect(textOf(r), "It has left")
	w.expect(pushed(ann), "One of your phones or chats has left")
	w.says(ann, "1")
	w.expect(pushed(ann), "How many days")
	w.says(ben, "hello")
	w.expect(pushed(ben), "I don't know that word")
}

// A call that came in gives no code and takes none, whatever number it shows.
func TestACallThatCameInPutsNothingTogether(t *testing.T) {
	w := settle(t, ringable)
	calls := func(kind channels.EventKind, words string) string {
		e := w.from("voice", "tel", ann, words)
		e.Kind = kind
		return w.hear(e)
	}
	press := func(page, option string) string {
		t.Helper()
		i := strings.Index(page, "For "+option+", press ")
		if i < 0 {
			t.Fatalf("no %q in:\n%s", option, page)
		}
		return page[i+len("For "+option+", press "):][:1]
	}
	calls(channels.Dialed, "")
	help := calls(channels.Message, "0")
	for !strings.Contains(help, "other phone or chat") {
		help = calls(channels.Message, "8")
	}
	got := calls(channels.Message, press(help, "putting this together with your other phone or chat"))
	w.expect(got, "We call you back")
	if linkForm.MatchString(got) {
		t.Fatalf("a code on a call: %s", got)
	}
	calls(channels.HungUp, "")
	w.clock.pass(4 * time.Minute)
	w.x.Tick(t.Context())
	out := w.from("voice", "tel", ann, "")
	out.Kind, out.Out = channels.Dialed, true
	asked := w.hear(out)
	w.expect(asked, "Put this together")
	key := w.from("voice", "tel", ann, press(asked, "getting a code"))
	key.Out = true
	code := w.hear(key)
	w.expect(code, "Your code is")
}

func ringable(w *town, s *Settings) {
	s.Callbacks = Callbacks{On: true}
}

// Who has written from the number is texted, once a day however often calls ask for it: anybody can show the number.
func TestACallAsksANumberThatWrites(t *testing.T) {
	w := settle(t, ringable)
	w.says(ann, "PARK")
	w.says(ann, "menu")
	calls := func(kind channels.EventKind, words string) string {
		e := w.from("voice", "tel", ann, words)
		e.Kind = kind
		return w.hear(e)
	}
	ask := func(option string) string {
		calls(channels.Dialed, "")
		help := calls(channels.Message, "0")
		for !strings.Contains(help, option) {
			help = calls(channels.Message, "8")
		}
		i := strings.Index(help, "For "+option+", press ") + len("For "+option+", press ")
		got := calls(channels.Message, help[i:i+1])
		calls(channels.HungUp, "")
		w.x.Tick(t.Context())
		return got
	}
	for range 2 {
		w.expect(ask("putting this together with your other phone or chat"), "answer it with the word LINK")
		all := w.sms.letters()
		if len(all) != 1 || all[0].to.ID != ann || !strings.Contains(all[0].text, "answer LINK") {
			t.Fatal(all)
		}
	}
	w.expect(ask("going on by text message"), "We send you a text message now")
	w.expect(ask("going on by text message"), "We sent you a text message before")
	all := w.sms.letters()
	if len(all) != 2 {
		t.Fatal(all)
	}
	w.expect(all[1].text, "You asked us to go on by text", "1 Park survey")
	w.clock.pass(25 * time.Hour)
	ask("putting this together with your other phone or chat")
	all = slices.DeleteFunc(w.sms.letters(), func(l letter) bool { return !strings.Contains(l.text, "answer LINK") })
	if len(all) != 2 {
		t.Fatal(all)
	}
	w.expect(w.says(ann, "LINK"), "Your code")
}

// Nobody is put together at a screen, behind a PIN, or with a number that is withheld.
func TestWhereItIsNotSureWhoItIs(t *testing.T) {
	w := settle(t)
	code := w.linkCode(ann)
	w.expect(w.hear(w.at("visitor", "LINK")), "do not know whose answers these are")
	w.expect(w.hear(w.at("visitor", "LINK "+code)), "do not know whose answers these are")
	w.says(ben, "PIN", "2", "6042", "6042")
	w.expect(w.says(ben, "LINK"), "can't be sure whose phone it is")
	w.expect(w.says(ben, "LINK "+code), "can't be sure whose phone it is")
	hidden := w.from("voice", "tel", "call-1", "")
	hidden.Kind, hidden.Withheld = channels.Dialed, true
	w.hear(hidden)
	hidden.Kind, hidden.ID, hidden.Words = channels.Message, "w2", "0"
	if got := w.hear(hidden); strings.Contains(got, "other phone or chat") {
		t.Errorf("offered to somebody whose number is hidden:\n%s", got)
	}
}

func TestTheSameMessagesAgain(t *testing.T) { onEachStore(t, testLinkReplayed) }

// Each message of putting together and of leaving comes twice, the second one after all was done, and by another channel too.
func testLinkReplayed(t *testing.T, on setting) {
	w := settle(t, on)
	var all []channels.Event
	var replies []string
	hear := func(e channels.Event) string {
		got := w.hear(e)
		all, replies = append(all, e), append(replies, got)
		return got
	}
	code := linkForm.FindString(hear(w.text(ann, "LINK")))
	hear(w.from("telegram", "telegram", "77", "LINK "+code))
	w.expect(hear(w.from("telegram", "telegram", "77", "yes")), "both now")
	hear(w.from("telegram", "telegram", "77", "PART"))
	w.expect(hear(w.from("telegram", "telegram", "77", "1")), "It has left")
	w.expect(w.chats("77", "PARK"), "What should come first")
	for i, e := range all {
		if got := w.hear(e); got != replies[i] {
			t.Errorf("%q again: %q, not %q", e.Words, got, replies[i])
		}
	}
	if w.same() {
		t.Error("together again")
	}
	// The yes of the chat, as if it had come from the phone: it is nothing but a word there.
	again := all[2]
	again.Channel, again.From = "sms", channels.Address{Kind: "tel", ID: ann}
	if got := w.hear(again); strings.Contains(got, "both now") {
		t.Errorf("replayed on another channel: %s", got)
	}
}

func TestSTOPHoldsForBoth(t *testing.T) { onEachStore(t, testStopBoth) }

func testStopBoth(t *testing.T, on setting) {
	w := settle(t, on)
	code := w.linkCode(ann)
	w.says(ann, "STOP")
	w.chats("77", "LINK "+code)
	w.expect(w.chats("77", "yes"), "You said STOP on one of them")
	for _, a := range []store.AddressKey{seals{}.Address("tel", ann), seals{}.Address("telegram", "77")} {
		if out, err := w.store.OptedOut(t.Context(), a); !out || err != nil {
			t.Error("not in the ledger", err)
		}
	}
	if got := w.chats("77", "hello"); strings.TrimSpace(got) != "" {
		t.Errorf("said to somebody who said STOP: %s", got)
	}
	w.chats("77", "START")
	if out, _ := w.store.OptedOut(t.Context(), seals{}.Address("tel", ann)); out {
		t.Error("START is for both")
	}
}

// Who has another's phone for a moment sends a code of their own from it, and deletes what was said: all that was together with it is
// told at once, and the phone itself the next day.
func TestACodeSentFromABorrowedPhone(t *testing.T) { onEachStore(t, testBorrowed) }

func testBorrowed(t *testing.T, on setting) {
	chat := &post{name: "telegram", traits: render.Telegram}
	w := settle(t, on, func(_ *town, s *Settings) {
		s.Channels = slices.DeleteFunc(s.Channels, func(c channels.Channel) bool { return c.Name() == "telegram" })
		s.Channels = append(s.Channels, chat)
	})
	w.says(ann, "PARK", "1", "12")
	w.link(ann, "77")
	w.x.Tick(t.Context())
	w.clock.pass(48 * time.Hour)
	w.x.Tick(t.Context())
	told := func() (all []string) {
		w.x.Tick(t.Context())
		for _, p := range []*post{w.sms, chat} {
			for _, l := range p.letters() {
				if strings.Contains(l.text, "Not you? Send PART") {
					all = append(all, l.to.ID)
				}
			}
		}
		slices.Sort(all)
		return all
	}
	before := told()
	w.says(ann, "LINK "+w.linkCode(ben))
	w.expect(w.says(ann, "yes"), "We know you on both now")
	now := told()
	if want := append(slices.Clone(before), ben, "77"); len(now) != len(want) || !slices.Contains(now, "77") {
		t.Fatalf("told %v, then %v", before, now)
	}
	w.clock.pass(toldAgain)
	next := told()
	count := func(all []string, who string) (n int) {
		for _, a := range all {
			if a == who {
				n++
			}
		}
		return n
	}
	for _, who := range []string{ann, ben, "77"} {
		if count(next, who) != count(now, who)+1 {
			t.Errorf("%s is not told the next day: %v, then %v", who, now, next)
		}
	}
}

// Somebody else on the same phone, behind a PIN, has nothing of what is put together, and gives nothing.
func TestPutTogetherOnAPhoneThatIsShared(t *testing.T) { onEachStore(t, testLinkShared) }

func testLinkShared(t *testing.T, on setting) {
	w := settle(t, on)
	w.says(ann, "PIN", "2", "6042", "6042")
	w.says(ann, "PARK", "1", "12") // behind the PIN
	w.says(ann, "LOCK PIN")
	w.link(ann, "77")
	if got := w.chats("77", "hello"); strings.Contains(got, "12") || strings.Contains(got, "not finished") {
		t.Fatalf("what is behind a PIN is shown: %s", got)
	}
	w.link(ben, "77")
	w.expect(w.says(ann, "PIN 6042"), "Not finished")
	w.expect(w.says(ann, "1"), "check your answers", "12")
	if got := w.says(ben, "hello"); strings.Contains(got, "12") || strings.Contains(got, "check your answers") {
		t.Fatalf("the door is open on another phone: %s", got)
	}
	w.expect(w.says(ann, "1"), "May the town keep these answers?")
}

// Both hold the same conversation: the one that is further on stays.
func TestTheFurtherOneStays(t *testing.T) {
	w := settle(t)
	w.says(ann, "PARK", "1", "12")
	w.chats("77", "PARK", "2")
	w.link(ann, "77")
	w.expect(w.chats("77", "repeat"), "check your answers", "12")
	w.expect(w.chats("77", "1", "yes"), "Your receipt is")
	if got := w.polled("survey"); !slices.Equal(got, []string{"first=trees often=12 agree=yes"}) {
		t.Fatal(got)
	}
}

func TestRequestsOfBoth(t *testing.T) { onEachStore(t, testRequestsOfBoth) }

// Who reported something by phone is told in the chat where it stands.
func testRequestsOfBoth(t *testing.T, on setting) {
	w := settle(t, on)
	w.expect(w.says(ann, "MEND", "1", "Oak Street 12"), "number")
	w.link(ann, "77")
	all, err := w.store.Requests(t.Context(), store.RequestQuery{Resident: w.who("telegram", "77")})
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
}

func TestGoingOnByTextAndBeingCalled(t *testing.T) {
	w := settle(t, ringable)
	dial := w.from("ussd", "tel", ann, "PARK")
	dial.Kind, dial.Session = channels.Message, &channels.Session{ID: "s1"}
	first := dial
	first.Kind, first.ID, first.Words = channels.Dialed, "", ""
	dial.ID = ""
	w.hear(first)
	w.clock.pass(3 * time.Second)
	w.hear(dial)
	w.clock.pass(3 * time.Second)
	dial.Words = "text me"
	w.expect(w.hear(dial), "We send you a text message now")
	w.x.Tick(t.Context())
	sent := w.sms.letters()
	if len(sent) != 1 || sent[0].to.ID != ann {
		t.Fatal(sent)
	}
	w.expect(sent[0].text, "What should come first")
	w.expect(w.says(ann, "1"), "How many days")
	w.expect(w.says(ann, "text me"), "How many days")
	w.expect(w.says(ann, "call me"), "We call you in a few minutes")
	w.clock.pass(4 * time.Minute)
	w.x.Tick(t.Context())
	rung := w.x.channels["voice"].Channel.(*post).letters()
	if len(rung) != 1 || rung[0].to.ID != ann {
		t.Fatal(rung)
	}
	w.expect(w.chats("77", "call me"), "We can't call you from here")
	w.expect(w.chats("77", "text me"), "do not know your number for sure")
	w.link(ben, "77")
	w.expect(w.chats("77", "text me"), "We send you a text message now")
	w.x.Tick(t.Context())
	if all := w.sms.letters(); all[len(all)-1].to.ID != ben {
		t.Fatal(all)
	}
	w.expect(w.chats("77", "call me"), "We call you in a few minutes")
}

// On a menu a code is got and given with keys alone, or dialled behind the town's code.
func TestPutTogetherOnAMenu(t *testing.T) { onEachStore(t, testLinkMenu) }

func testLinkMenu(t *testing.T, on setting) {
	w := settle(t, on)
	dial := func(session string) func(string) string {
		n := 0
		return func(keys string) string {
			n++
			w.clock.pass(3 * time.Second)
			e := channels.Event{Channel: "ussd", From: channels.Address{Kind: "tel", ID: ann}, Words: keys, Session: &channels.Session{ID: session, Number: n}, At: w.clock.Now()}
			if n == 1 {
				e.Kind = channels.Dialed
			}
			return w.hear(e)
		}
	}
	one := dial("s1")
	one("")
	help := one("0")
	for !strings.Contains(help, "Link my other phone") {
		help = one("8")
	}
	key := help[strings.Index(help, " Link my other phone")-1:][:1]
	w.expect(one(key), "Put this together with your other phone or chat?")
	code := linkForm.FindString(one("1"))
	w.expect(w.chats("77", "LINK "+code), "Put this together")
	w.expect(w.chats("77", "yes"), "both now")
	w.x.Tick(t.Context())
	if all := w.sms.letters(); len(all) != 1 || all[0].to.ID != ann || !strings.Contains(all[0].text, "PART") {
		t.Fatalf("whoever dialled was told %v", all)
	}
	other := strings.ReplaceAll(w.linkCode(ben), " ", "")
	w.expect(dial("s2")(other), "Put this together with the phone or chat")
	w.expect(w.chats("77", "PIN"), "only where we see your phone number")
	w.expect(w.says(ann, "no", "PARK", "1", "PIN", "2", "6042", "6042"), "Was it only you")
	w.expect(w.says(ann, "1"), "send PART first")
}
