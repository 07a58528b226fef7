package exchange

import (
	"errors"
	"fmt"
	"testing"

	"github.com/townline/townline/channels"
)

// crowdedTown is a town that has no room for anybody.
func crowdedTown(t *testing.T) *town {
	w := settle(t)
	w.says(ann, "PARK")
	w.x.admission.room, w.x.admission.found = 0, true
	if _, err := w.x.Receive(t.Context(), w.text(ann, "2")); !errors.Is(err, channels.ErrBusy) {
		t.Fatalf("it is full, and says %v", err)
	}
	return w
}

// Most providers never come again with what was turned away: who wants to be let alone, forgotten or helped is heard in any crowd.
func TestStopComesThroughACrowd(t *testing.T) {
	for _, said := range []string{"STOP", "Please stop!", "ALTO", "停止", "START", "HELP", "aide", "ERASE"} {
		w := crowdedTown(t)
		if _, err := w.x.Receive(t.Context(), w.text(ann, said)); err != nil {
			t.Errorf("%s: %v", said, err)
		}
	}
	w := crowdedTown(t)
	w.says(ann, "STOP")
	if out, err := w.store.OptedOut(t.Context(), seals{}.Address("tel", ann)); err != nil || !out {
		t.Errorf("a STOP in a crowd isn't in the ledger (%v)", err)
	}
	e := w.text(ben, "")
	e.Choice = "stop"
	w.hear(e)
	if len(w.x.urgent) != 0 || w.x.admission.busy != 0 {
		t.Error("a place is never given back")
	}
}

// A provider that says that somebody opted out there is heard as well.
func TestAnOptOutIsReportedThroughACrowd(t *testing.T) {
	w := settle(t)
	w.queue(ann, "one")
	w.x.Tick(t.Context())
	w.x.admission.room, w.x.admission.found = 0, true
	receipt := "R-" + fmt.Sprintf("%x", w.inside().outbox[0].ID)
	if err := w.x.Report(t.Context(), "sms", receipt, channels.Delivery{State: channels.Arrived}); !errors.Is(err, channels.ErrBusy) {
		t.Errorf("a report that can wait: %v", err)
	}
	if err := w.x.Report(t.Context(), "sms", receipt, channels.Delivery{State: channels.Failed, Code: "21610", OptedOut: true}); err != nil {
		t.Error(err)
	}
	if out, err := w.store.OptedOut(t.Context(), seals{}.Address("tel", ann)); err != nil || !out {
		t.Errorf("an opt-out isn't in the ledger (%v)", err)
	}
}

// A flood of STOPs has an end too.
func TestAFloodOfStops(t *testing.T) {
	w := crowdedTown(t)
	for range mostUrgent {
		w.x.urgent <- struct{}{}
	}
	if _, err := w.x.Receive(t.Context(), w.text(ann, "STOP")); !errors.Is(err, channels.ErrBusy) {
		t.Errorf("more than there is room for: %v", err)
	}
}
