package outpost

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/exchange"
	"github.com/townline/townline/dialogs"
)

var reference = regexp.MustCompile(`\d{3}-\d{3}-\d{3}-\d`)

func TestAVisitWhileCutOff(t *testing.T) {
	w := newWorld(t, 1)
	b := w.booth("library", 0)
	if _, err := b.Receive(t.Context(), b.event("ann", "MEND")); !errors.Is(err, ErrNoTown) {
		t.Fatal("a machine that never reached its centre:", err)
	}
	b.sync()
	w.line.down = true
	page := b.says("ann", "MEND", "light", "12 Elm Street", "skip")
	ref := reference.FindString(page)
	w.expect(page, "Thank you. Your number is", "28 November")
	w.expect(b.says("ann", "WORDS", "one", "two", "three", "yes"), "Your receipt is")
	w.clock.pass(26 * time.Hour)
	if n, age := b.Waiting(); n != 9 || age != 26*time.Hour {
		t.Errorf("%d wait for %s", n, age)
	}
	if _, err := b.contact(t.Context()); !errors.Is(err, errLine) {
		t.Error(err)
	}
	if len(w.requests()) != 0 {
		t.Fatal("by which line?")
	}
	w.line.down = false
	b.sync()
	all := w.requests()
	if len(all) != 1 || all[0].Reference != ref || all[0].Label != "Street light out, 12 Elm Street" || !all[0].Opened.Equal(w.clock.Now().Add(-26*time.Hour)) {
		t.Errorf("%s: %+v", ref, all)
	}
	if got := w.polled("words"); !slices.Equal(got, []string{"one two three yes"}) {
		t.Error(got)
	}
	if n, _ := b.Waiting(); n != 0 {
		t.Error(n, "wait")
	}
}

// What was answered here is the record that it would have been at the centre.
func TestTheSameRecordAsAtTheCentre(t *testing.T) {
	w := newWorld(t, 2)
	b := w.booth("library", 0)
	b.sync()
	for _, words := range []string{"WORDS", "one", "two", "three", "yes"} {
		e := b.event("bob", words)
		if _, err := w.x.Receive(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	b.says("ann", "WORDS", "one", "two", "three", "yes")
	b.sync()
	if got := w.polled("words"); len(got) != 2 || got[0] != got[1] {
		t.Error(got)
	}
}

func TestWhatNeedsTheTown(t *testing.T) {
	w := newWorld(t, 3)
	b := w.booth("library", 0)
	b.sync()
	if err := w.disk.Reserve(t.Context(), "roll-vote", [][16]byte{exchange.CodeVoter(w.keys, "roll-vote", "ABC234"), exchange.CodeVoter(w.keys, "roll-vote", "DEF567")}); err != nil {
		t.Fatal(err)
	}
	page := b.says("ann", "MEND", "light", "12 Elm Street", "skip")
	ref := reference.FindString(page)
	b.sync()
	w.expect(b.says("bob", "WHERE", ref), "Street light out")
	w.expect(b.says("bob", "WHERE", "482-173-5"), "no request")
	w.expect(b.says("cem", "MEND", "light", "12 Elm Street"), "Is it one of these?", "12 Elm Street")
	w.expect(b.says("cem", "1", "skip"), ref, "28 November")
	w.expect(b.says("dora", "ROLLV", "XYZ999"), "code")
	page = b.says("dora", "ABC234", "monday", "yes")
	w.expect(page, "Your receipt is")
	if strings.Contains(page, "check your code") {
		t.Error("the code was checked:", page)
	}
	w.expect(b.says("eve", "person"), "Somebody is at the town")

	w.line.down = true
	began := w.line.calls
	b.says("flo", "WHERE")
	w.expect(b.says("flo", ref), "can't reach the town")
	w.expect(b.says("gil", "MEND", "light", "12 Elm Street"), "What number may we call?")
	if w.line.calls != began+1 {
		t.Errorf("%d people waited for a line that is known to be down", w.line.calls-began)
	}
	page = b.says("hans", "ROLLV", "XYZ999", "sunday", "yes")
	w.expect(page, "Your receipt is", "still has to check your code")
	w.expect(b.says("ina", "ROLLV", "ABC234", "sunday", "yes"), "still has to check your code")
	w.expect(b.says("jan", "ROLLV", "DEF567", "sunday", "yes"), "still has to check your code")
	w.expect(b.says("kim", "person"), "Mon-Fri 9:00-17:00")
	b.says("lou", "WORDS", "one")
	along := b.event("lou", "")
	along.Choice = "carry"
	if r, err := b.Receive(t.Context(), along); err != nil || !strings.Contains(textOf(r), "can't reach the town") {
		t.Error(textOf(r), err)
	}
	w.expect(b.says("lou", "1", "two"), "third")
	w.line.down = false
	b.sync()
	if got := w.polled("roll-vote"); !slices.Equal(got, []string{"monday yes", "sunday yes"}) && len(got) != 2 {
		t.Error(got)
	}
	if all := w.centre.aside.All(); len(all) != 1 || all[0].Why != "code" || all[0].Outpost != "library" {
		t.Errorf("put aside: %+v", all)
	}
	persons := 0
	for _, r := range w.requests() {
		if r.Service == "person" {
			persons++
		}
		if r.Reference == ref && r.Joined != 1 {
			t.Errorf("%d joined", r.Joined)
		}
	}
	if persons != 2 {
		t.Errorf("%d wait for a person", persons)
	}
}

func TestTheSameSubmitTwiceIsOneTurn(t *testing.T) {
	w := newWorld(t, 4)
	b := w.booth("library", 0)
	b.sync()
	b.says("ann", "WORDS")
	e := b.event("ann", "one")
	first, err := b.Receive(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		again, err := b.Receive(t.Context(), e)
		if err != nil || textOf(again) != textOf(first) {
			t.Fatal(textOf(again), err)
		}
	}
	b.crash(nil)
	again, err := b.Receive(t.Context(), e)
	if err != nil || textOf(again) != textOf(first) {
		t.Fatal("after a crash:", textOf(again), err)
	}
	w.expect(b.says("ann", "two", "three", "yes"), "Your receipt is")
	b.sync()
	if got := w.polled("words"); !slices.Equal(got, []string{"one two three yes"}) {
		t.Error(got)
	}
}

func TestLookingChangesNothing(t *testing.T) {
	w := newWorld(t, 5)
	b := w.booth("library", 0)
	b.sync()
	look := b.event("ann", "")
	look.Kind = channels.Looked
	if r, err := b.Receive(t.Context(), look); err != nil || len(r.Pages) > 0 {
		t.Error("of nobody:", textOf(r), err)
	}
	b.says("ann", "WORDS", "one")
	n, _ := b.Waiting()
	for range 3 {
		r, err := b.Receive(t.Context(), look)
		if err != nil {
			t.Fatal(err)
		}
		w.expect(textOf(r), "What is the second word?")
	}
	left := b.event("ann", "")
	left.Kind = channels.HungUp
	if r, err := b.Receive(t.Context(), left); err != nil || len(r.Pages) > 0 {
		t.Error(textOf(r), err)
	}
	if m, _ := b.Waiting(); m != n {
		t.Errorf("%d turns of looking", m-n)
	}
}

// crash ends the machine as a loss of power does. cut says where the journal is torn, by its size; nil: nowhere.
func (b *booth) crash(cut func(size int64) int64) {
	b.w.t.Helper()
	name := filepath.Join(b.dir, "turns")
	if err := b.Outpost.Close(); err != nil {
		b.w.t.Fatal(err)
	}
	if cut != nil {
		f, err := os.Stat(name)
		if err != nil {
			b.w.t.Fatal(err)
		}
		if err := os.Truncate(name, cut(f.Size())); err != nil {
			b.w.t.Fatal(err)
		}
	}
	b.start()
}

func TestTheVisitGoesOnAfterTheMachineWas(t *testing.T) {
	w := newWorld(t, 6)
	b := w.booth("library", 0)
	b.sync()
	b.says("ann", "WORDS", "one")
	b.sync() // the centre has it, the visit needs it still
	b.crash(nil)
	w.expect(b.says("ann", "two"), "What is the third word?")
	b.crash(nil)
	w.expect(b.says("ann", "three", "yes"), "Your receipt is")
	b.sync()
	if got := w.polled("words"); !slices.Equal(got, []string{"one two three yes"}) {
		t.Error(got)
	}
}

func TestAfterTheWipeNobodyGoesOn(t *testing.T) {
	w := newWorld(t, 7)
	b := w.booth("library", 0)
	b.sync()
	w.line.down = true
	b.says("ann", "WORDS", "one")
	b.Over("ann")
	b.Over("nobody")
	for range 2 {
		if page := b.says("ann", "two"); strings.Contains(page, "third word") {
			t.Error("the visit went on:", page)
		}
		b.Over("ann")
		b.crash(nil)
	}
	if len(b.visits) != 0 {
		t.Error(len(b.visits), "visits")
	}
	w.line.down = false
	b.sync()
	if b.journal.length() > 64 { // what the time was takes a few
		t.Error("nobody needs the journal, and it has", b.journal.length(), "bytes")
	}
	if n := w.centre.aside.Len(); n != 0 {
		t.Error(n, "turns put aside")
	}
}

// The end of a visit outlives the journal being written anew while its turns wait, and what the visit would have gone on with is
// on disk no more.
func TestTheWipeOutlivesTidying(t *testing.T) {
	w := newWorld(t, 43)
	b := w.booth("library", 0)
	b.sync()
	w.line.down = true
	b.says("ann", "WORDS", "one")
	b.says("bob", "WORDS", "uno")
	b.Over("ann")
	anew := func() {
		t.Helper()
		b.tidied.Lock()
		defer b.tidied.Unlock()
		b.mu.Lock()
		defer b.mu.Unlock()
		if err := b.write(b.queue); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		before := b.journal.length()
		anew()
		if before == b.journal.length() && len(b.visits) > 1 {
			t.Error("nothing went")
		}
		b.crash(nil)
		if len(b.visits) != 1 {
			t.Error(len(b.visits), "visits can be gone on with")
		}
	}
	w.expect(b.says("bob", "dos"), "What is the third word?")
	b.says("bob", "tres", "yes")
	w.line.down = false
	b.sync()
	if got := w.polled("words"); !slices.Equal(got, []string{"uno dos tres yes"}) {
		t.Error(got)
	}
	if n := w.centre.aside.Len(); n != 0 {
		t.Error(n, "turns put aside")
	}
}

func TestErasedHereSomebodyNewGoesOn(t *testing.T) {
	w := newWorld(t, 8)
	b := w.booth("library", 0)
	b.sync()
	w.line.down = true
	b.says("ann", "WORDS", "one", "two", "three", "yes")
	w.expect(b.says("ann", "erase", "yes"), "We keep nothing")
	b.says("ann", "WORDS", "four", "five", "six", "yes")
	w.line.down = false
	b.sync()
	w.clock.pass(3 * time.Hour)
	w.x.Tick(t.Context())
	if got := w.polled("words"); !slices.Equal(got, []string{"four five six yes"}) {
		t.Error(got)
	}
	if n := w.centre.aside.Len(); n != 0 {
		t.Error(n, "turns put aside")
	}
}

func TestNewDialogsReachTheMachine(t *testing.T) {
	w := newWorld(t, 10)
	b := w.booth("library", 0)
	b.sync()
	b.says("ann", "WORDS", "one")
	words, err := phrases()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("testdata/words.yaml")
	if err != nil {
		t.Fatal(err)
	}
	newer := strings.NewReplacer("version: 1", "version: 2", "What is the second word?", "And the second?").Replace(string(text))
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/words.yaml", []byte(newer), 0o600); err != nil {
		t.Fatal(err)
	}
	set, problems := dialogs.Load(os.DirFS(dir), dialogs.Options{Locales: words})
	if problems.Errors() {
		t.Fatal(problems)
	}
	if _, err := w.shelf.Publish(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	b.sync()
	for range 2 {
		w.expect(b.says("bob"+time.Now().String(), "WORDS", "one"), "And the second?")
		b.crash(nil) // it is kept
	}
	w.expect(b.says("ann", "two"), "What is the third word?") // who began with the old one ends with it
	w.expect(b.says("ann", "three", "yes"), "Your receipt is")
	b.sync()
	if got := w.polled("words"); !slices.Equal(got, []string{"one two three yes"}) {
		t.Error(got)
	}
	if town, _, _ := b.Town(); len(town.Dialogs.Current()) != 1 {
		t.Error("what is out of service is on the menu")
	}
	calls := w.line.calls
	b.sync()
	if w.line.calls != calls+1 {
		t.Error("a contact needs", w.line.calls-calls, "calls")
	}
}

// A stolen machine, and a line that is listened to, tell nothing of what was said.
func TestNothingInTheClear(t *testing.T) {
	w := newWorld(t, 11)
	b := w.booth("library", 0)
	b.sync()
	cookie := "cookie-of-the-visitor"
	b.says(cookie, "MEND", "light", "Zanzibar Avenue")
	w.line.down = true
	page := b.says(cookie, "+1 555 010 4477")
	ref := reference.FindString(page)
	b.says(cookie, "WORDS", "xylophone", "marmalade", "three", "yes")
	b.says(cookie+"2", "WORDS", "rhododendron")
	secrets := []string{"anzibar", "010447", "0104477", "xylophone", "marmalade", "rhododendron", cookie, ref, strings.ReplaceAll(ref, "-", ""), lineSecret, "Three words"}
	looked := 0
	look := func(where string, b []byte) {
		looked++
		for _, s := range secrets {
			if strings.Contains(string(b), s) || strings.Contains(strings.ToLower(string(b)), s) {
				t.Errorf("%s tells %q", where, s)
			}
		}
	}
	everywhere := func() {
		err := filepath.WalkDir(b.dir, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			if info.Mode().Perm() != 0o600 {
				t.Errorf("%s has mode %o", name, info.Mode().Perm())
			}
			c, err := os.ReadFile(name)
			look(name, c)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	everywhere()
	w.line.down = false
	b.sync()
	everywhere()
	b.crash(func(size int64) int64 { return size - 3 })
	everywhere()
	for _, c := range w.line.heard {
		look("the line", c)
	}
	if looked < 10 {
		t.Error("only", looked, "places were looked at")
	}
	// The machine's own secret doesn't open its outbox, only the centre's key does.
	if len(b.visits) == 0 {
		t.Fatal("nothing is kept")
	}
	for _, v := range b.visits {
		for _, e := range v.last {
			l, err := b.read(e)
			if err != nil {
				t.Fatal(err)
			}
			for _, key := range []box{newBox([]byte(lineSecret), "visitor"), newBox([]byte(lineSecret), "town")} {
				if _, err := key.open(l.Keep, keepAbout(e.visit, e.event)); err == nil {
					t.Error("the machine's secret opens what is the visitor's")
				}
			}
		}
	}
}

func TestOneMachineAFolder(t *testing.T) {
	w := newWorld(t, 12)
	b := w.booth("library", 0)
	words, _ := phrases()
	if o, err := Open(Settings{Name: "x", Secret: "y", Centre: "http://z", Dir: b.dir, Channel: "kiosk", Locales: words, Entropy: chance(1)}); err == nil {
		o.Close()
		t.Error("two work in one folder")
	}
	if _, err := Open(Settings{}); err == nil {
		t.Error("a machine without a name")
	}
}

func TestAnotherSecretIsAnotherTown(t *testing.T) {
	w := newWorld(t, 13)
	b := w.booth("library", 0)
	b.sync()
	b.Outpost.Close()
	b.name = "hall" // with the hall's secret, in the library's folder
	b.start()
	if _, _, ok := b.Town(); ok {
		t.Error("a town under another secret was taken")
	}
	b.sync()
	if _, _, ok := b.Town(); !ok {
		t.Error("no town")
	}
}
