package exchange

import (
	"crypto/rand"
	"errors"
	"path/filepath"
	"testing"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sqlite"
)

// rekeyable is a town on disk; change changes its keys between two runs of it.
func rekeyable(t *testing.T, on ...setting) (w *town, change func()) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "town.db")
	open := func(key string) (*store.Keys, *sqlite.Store) {
		t.Helper()
		k, err := store.LoadKeys(key, "")
		if err != nil {
			t.Fatal(err)
		}
		s, err := sqlite.Open(file, k)
		if err != nil {
			t.Fatal(err)
		}
		return k, s
	}
	keys, s := open(file + ".key")
	t.Cleanup(func() { s.Close() })
	var kept Settings
	w = settle(t, append(on, func(w *town, with *Settings) {
		w.store, with.Keys = s, keys
		kept = *with
	})...)
	return w, func() {
		t.Helper()
		next := filepath.Join(t.TempDir(), "next.key")
		if err := errors.Join(s.Close(), keys.MakeNext(next)); err != nil {
			t.Fatal(err)
		}
		k, err := store.LoadKeys(next, "")
		if err != nil {
			t.Fatal(err)
		}
		if err := sqlite.Rotate(file, keys, k); err != nil {
			t.Fatal(err)
		}
		keys, s = open(next)
		w.store, kept.Keys = s, keys
		w.open(kept)
	}
}

// Of two numbers that are one person's, each is still answered where it was written from, and can leave.
func TestTwoNumbersOutlastTheKeys(t *testing.T) {
	w, change := rekeyable(t, func(w *town, s *Settings) {
		w.sms.traits.Pushed = true
		s.Channels = append(s.Channels, w.sms)
	})
	pushed := func(to string) string {
		t.Helper()
		w.x.Tick(t.Context())
		all := w.sms.letters()
		if len(all) == 0 || all[len(all)-1].to.ID != to {
			t.Fatalf("sent to %v, not to %s", all, to)
		}
		return all[len(all)-1].text
	}
	w.says(ann, "LINK")
	w.says(ben, "LINK "+linkForm.FindString(pushed(ann)), "yes")
	w.x.Tick(t.Context())
	change()
	for range 2 { // one of them is the newer
		w.says(ann, "PARK")
		pushed(ann)
		w.says(ben, "menu")
		pushed(ben)
	}
	w.says(ben, "PART")
	w.expect(pushed(ben), "Shall this phone or chat leave")
	w.says(ben, "1")
	w.expect(pushed(ann), "One of your phones or chats has left")
	w.says(ben, "hello")
	w.expect(pushed(ben), "I don't know that word")
	w.says(ann, "menu")
	w.expect(pushed(ann), "Park survey")
}

// Who forgot a PIN gets another from the desk, and chooses one.
func TestAPINOutlastsTheKeys(t *testing.T) {
	w, change := rekeyable(t)
	w.chooses(ann, "4821", "")
	w.expect(w.says(ann, "person"), "")
	w.says(ann, "LOCK PIN")
	change()
	w.expect(w.says(ann, "PIN 4821"), "Your PIN is open")
	w.says(ann, "LOCK PIN")
	reference := w.requests()[0].Reference
	pin, err := GivePIN(t.Context(), w.store, w.x.keys, ann, reference, w.clock.Now(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	w.expect(w.says(ann, "PIN "+pin), "for this one time", "Choose 4 to 6 digits")
	change()
	w.expect(w.says(ann, "PIN "+pin), "Choose 4 to 6 digits")
	w.expect(w.says(ann, "7305", "7305"), "Your PIN is set")
}
