package cost

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/townline/townline/dialogs/render"
)

var update = flag.Bool("update", false, "write the golden files anew: after dialogs say something else")

// What dialogs take is in files, a channel each, so that a review shows what new wording costs.
func TestTheSampleTown(t *testing.T) {
	town, set := sample(t)
	var calls, texts, menus, pages strings.Builder
	for _, d := range set.All() {
		cards := Of(town, d, render.USSD)
		if len(cards) != len(d.AllLanguages()) {
			t.Fatalf("%s: %d cards", d.ID, len(cards))
		}
		for i := range cards {
			c := &cards[i]
			if c.Text == nil || c.Menu == nil || c.Call == nil || c.Kiosk == nil || c.WhatsApp == nil || c.Telegram == nil {
				t.Fatalf("%s can't be finished on each channel in %s", d.ID, c.Lang)
			}
			if c.Text.Cut || c.Menu.Cut || c.Call.Cut || c.Kiosk.Cut || c.WhatsApp.Cut || c.Telegram.Cut {
				t.Errorf("%s in %s: not all ways were tried", c.Dialog, c.Lang)
			}
			row := func(b *strings.Builder, which string, asked []string, format string, args ...any) {
				fmt.Fprintf(b, "%s %s %s: %s: %s\n", c.Dialog, c.Lang, which, fmt.Sprintf(format, args...), strings.Join(asked, " "))
			}
			for j, which := range []string{"shortest", "longest"} {
				w := [...]*Call{&c.Call.Shortest, &c.Call.Longest}[j]
				row(&calls, which, w.Asked, "menu %.1f s, speech %.1f s, waits %.1f s, %d turns, %d keys, %d recordings", w.Menu.Seconds(), w.Speech.Seconds(), w.Waits.Seconds(), w.Turns, w.Keys, w.Records)
				x := [...]*Texts{&c.Text.Shortest, &c.Text.Longest}[j]
				row(&texts, which, x.Asked, "%d messages, %d paid, the dearest %d; by the resident %d, %d paid, %d pictures", x.Messages, x.Segments, x.Dearest, x.Sent, x.Paid, x.Pictures)
				s := [...]*Screens{&c.Menu.Shortest, &c.Menu.Longest}[j]
				row(&menus, which, s.Asked, "menu %d, %d screens, %d keys, %.0f s, the slowest %.0f s, %d dials", s.Menu, s.Shown, s.Keys, s.Time.Seconds(), s.Slowest.Seconds(), s.Dials())
				p := [...]*Pages{&c.Kiosk.Shortest, &c.Kiosk.Longest}[j]
				a := [...]*Chat{&c.WhatsApp.Shortest, &c.WhatsApp.Longest}[j]
				e := [...]*Chat{&c.Telegram.Shortest, &c.Telegram.Longest}[j]
				row(&pages, which, p.Asked, "%d pages at the kiosk, %d messages on WhatsApp, %d on Telegram", p.Shown, a.Messages, e.Messages)
			}
		}
	}
	golden(t, "sample-town.txt", calls.String())
	golden(t, "sample-town.sms.txt", texts.String())
	golden(t, "sample-town.ussd.txt", menus.String())
	golden(t, "sample-town.pages.txt", pages.String())
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	had := strings.Split(string(want), "\n")
	for i, line := range strings.Split(got, "\n") {
		if i >= len(had) || had[i] != line {
			t.Errorf("dialogs take something else than testdata/%s says (-update writes it anew):\n%s", name, line)
		}
	}
}
