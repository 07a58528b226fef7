package exchange

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/store"
)

// TestWhatIsPushedToSharedPhonesIsPaid by the price of the number, as everything is; so are codes that are texted.
func TestWhatIsPushedToSharedPhonesIsPaid(t *testing.T) {
	price := func(_, number string) (int64, string, bool) { return 10_000, "USD", strings.HasPrefix(number, "+1555") }
	budget := Budget{Name: "sms", Channels: []string{"sms"}, Most: 100_000_000, Unit: "USD"}
	w := settle(t, func(w *town, _ *Settings) { w.sms.traits.Pushed = true }, limitedTo(Limits{Budgets: []Budget{budget}, Price: price}))
	w.says(ann, "PIN", "2", "4821", "4821", "PARK")
	w.x.Tick(t.Context())
	if len(w.sms.letters()) == 0 {
		t.Fatal("nothing was sent")
	}
	for _, kind := range []string{pinKind, textKind + "0a0b0c0d"} {
		m := store.Message{Channel: "sms", Kind: kind, Address: ann, Weight: 2}
		if got := x100(w, &budget, &m); got != 2 {
			t.Errorf("two segments to %q cost %d cents", kind, got)
		}
	}
}

func x100(w *town, b *Budget, m *store.Message) int64 {
	return w.x.cost(b, m.Channel, NumberOf(m), m.Weight) / 10_000
}

// TestAReplyBehindAPINDoesNotComeLate: a reply to somebody behind a PIN that can't leave while they have the phone never does.
func TestAReplyBehindAPINDoesNotComeLate(t *testing.T) {
	onEachStore(t, func(t *testing.T, on setting) {
		w := settle(t, on, func(w *town, _ *Settings) { w.sms.traits.Pushed = true })
		w.says(ann, "PIN", "2", "4821", "4821", "PARK", "1")
		for range 9 {
			w.x.Tick(t.Context())
		}
		w.sms.fail = func(string, int) error { return channels.Retry(errors.New("busy"), 0) }
		w.says(ann, "12")
		w.x.Tick(t.Context())
		w.sms.fail = nil
		n := len(w.sms.letters())
		w.clock.pass(pinTexts)
		w.x.Tick(t.Context())
		if late := w.sms.letters()[n:]; len(late) > 0 {
			t.Fatalf("whoever has the phone by now reads %+v", late)
		}
		if got := w.codes(); !slices.Contains(got, store.CodeLate) {
			t.Fatal(got)
		}
	})
}

// TestNobodyBehindAPINIsTold what is told to all who answered: it would be read by others, and is not counted as told.
func TestNobodyBehindAPINIsTold(t *testing.T) {
	w := settle(t, func(w *town, _ *Settings) { w.store = onDisk(t) })
	w.says(ann, "OPENV", "2", "yes")
	w.chooses(ann, "4821", "1")
	w.says(ann, "LOCK PIN")
	w.says(ben, "OPENV", "1", "yes")
	told, err := w.x.Tell(t.Context(), w.dialog("open-vote"), map[string]string{"en": "Sunday it is."}, true)
	if err != nil || len(told.Lines) != 1 || told.Lines[0].Messages != 1 || told.Nowhere != 1 {
		t.Fatalf("%+v, %v", told, err)
	}
	w.clock.pass(time.Hour)
	w.x.Tick(t.Context())
	if got := w.codes(); len(got) != 0 {
		t.Fatal(got)
	}
	if !Dropped(codeBehind) {
		t.Error("a person is asked to look at what is not to be sent")
	}
}
