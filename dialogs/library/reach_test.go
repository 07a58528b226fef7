package library_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/townline/townline/dialogs/dialogtest"
	"github.com/townline/townline/dialogs/render"
)

// Every answer to every question of the sample town can be given in each language, on each channel, in every way there is.
func TestReach(t *testing.T) {
	town, set := load(t, inSpanish(t))
	everywhere := render.Channels()
	for _, most := range [][2]int{{100, 60}, {182, 80}} { // septets and UCS-2, of the gateways there are
		menu := render.USSD
		menu.Name, menu.Limit, menu.Limit16 = fmt.Sprint("ussd ", most), most[0], most[1]
		everywhere = append(everywhere, menu)
	}
	for _, d := range set.All() {
		t.Run(d.ID, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			if problems := dialogtest.Reach(town, d, time.Date(2026, 12, 1, 10, 0, 0, 0, time.UTC), everywhere...); len(problems) > 0 {
				t.Error(problems.String())
			}
			t.Logf("%d steps in %d languages on %d channels took %v", len(d.Steps), len(d.AllLanguages()), len(everywhere), time.Since(began))
		})
	}
}
