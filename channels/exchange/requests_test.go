package exchange

import (
	"bufio"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/store"
)

var referenceForm = regexp.MustCompile(`\d{3}-\d{3}-\d`)

func (w *town) requests() []store.Request {
	w.t.Helper()
	all, err := w.store.Requests(w.t.Context(), store.RequestQuery{})
	if err != nil {
		w.t.Fatal(err)
	}
	for i := range all {
		if all[i], err = w.store.Request(w.t.Context(), all[i].Reference); err != nil {
			w.t.Fatal(err)
		}
	}
	return all
}

func TestRequest(t *testing.T) { onEachStore(t, testRequest) }

func testRequest(t *testing.T, on setting) {
	w := settle(t, on)
	reply := w.says(ann, "MEND", "2", "Main and Elm")
	w.expect(reply, "We reply by 30 November.")
	all := w.requests()
	if len(all) != 1 {
		t.Fatal(all)
	}
	r := all[0]
	if !strings.Contains(reply, r.Reference) || r.Status != "open" || r.Due != "2026-11-30" || r.Service != "street" || r.Department != "works" ||
		r.Label != "Hole in the road, Main and Elm" || r.Place != "main and elm" || r.Channel != "sms" {
		t.Fatalf("%+v", r)
	}
	if p, err := ParsePersonal(r.Personal); err != nil || p.Address != ann || p.Kind != "tel" {
		t.Fatal(p, err)
	}
}

func TestSimilarRequestIsJoined(t *testing.T) { onEachStore(t, testSimilarRequestIsJoined) }

func testSimilarRequestIsJoined(t *testing.T, on setting) {
	w := settle(t, on)
	w.says(ann, "MEND", "2", "Corner of Main and Elm")
	w.expect(w.says(ben, "MEND", "2", "main & elm"), "Is it one of these?", "Hole in the road, Corner of Main and Elm")
}

func TestSimilar(t *testing.T) {
	for _, c := range []struct {
		name        string
		what, where string
		wait        time.Duration
		closed      bool
		want        bool
	}{
		{"the same words", "2", "Main and Elm", 0, false, true},
		{"another problem", "1", "Main and Elm", 0, false, false},
		{"another place", "2", "Main and Oak", 0, false, false},
		{"a month ago", "2", "Main and Elm", 31 * 24 * time.Hour, false, false},
		{"mended", "2", "Main and Elm", 0, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := settle(t)
			w.says(ann, "MEND", "2", "Main and Elm")
			if c.closed {
				if err := w.store.Append(t.Context(), store.RequestEvent{Reference: w.requests()[0].Reference, Kind: "status", Status: "closed", At: noon}); err != nil {
					t.Fatal(err)
				}
			}
			w.clock.pass(c.wait)
			got := strings.Contains(w.says(ben, "MEND", c.what, c.where), "Is it one of these?")
			if got != c.want {
				t.Fatalf("offered: %v", got)
			}
			if !c.want {
				return
			}
			w.expect(w.says(ben, "1"), w.requests()[0].Reference, "30 November")
			all := w.requests()
			if len(all) != 1 || all[0].Joined != 1 || len(all[0].History) != 2 {
				t.Fatalf("%+v", all)
			}
		})
	}
}

func TestJoinedRequestWasClosedMeanwhile(t *testing.T) {
	onEachStore(t, testJoinedRequestWasClosedMeanwhile)
}

func testJoinedRequestWasClosedMeanwhile(t *testing.T, on setting) {
	w := settle(t, on)
	w.says(ann, "MEND", "2", "Main and Elm")
	w.says(ben, "MEND", "2", "Main and Elm")
	kiosk := func(id, words string) string {
		return w.hear(channels.Event{Channel: "kiosk", ID: id, From: channels.Address{Kind: "kiosk", ID: "v1"}, Words: words})
	}
	w.hear(channels.Event{Channel: "kiosk", ID: "0", From: channels.Address{Kind: "kiosk", ID: "v1"}, Kind: channels.Dialed})
	kiosk("1", "MEND")
	kiosk("2", "2")
	kiosk("3", "Main and Elm")
	kiosk("4", "1") // that one; then it asks for a number
	if err := w.store.Append(t.Context(), store.RequestEvent{Reference: w.requests()[0].Reference, Kind: "status", Status: "closed", At: noon}); err != nil {
		t.Fatal(err)
	}
	w.expect(kiosk("5", "+1 555 010 0199"), "Your number is")
	all := w.requests()
	if len(all) != 2 || all[0].Joined != 0 || all[0].Status != "open" {
		t.Fatalf("%+v", all)
	}
}

// A number that is typed at a kiosk may be anybody's: the desk gets it, and it never lets in who calls from it.
func TestContactIsNoIdentity(t *testing.T) { onEachStore(t, testContactIsNoIdentity) }

func testContactIsNoIdentity(t *testing.T, on setting) {
	w := settle(t, on)
	for i, s := range []string{"MEND", "2", "Main and Elm", "+1 555 010 0199"} {
		w.hear(channels.Event{Channel: "kiosk", ID: string(rune('a' + i)), From: channels.Address{Kind: "kiosk", ID: "v1"}, Words: s})
	}
	all := w.requests()
	if len(all) != 1 {
		t.Fatalf("%+v", all)
	}
	p, err := ParsePersonal(all[0].Personal)
	if err != nil || p.Contact != "+15550100199" {
		t.Fatal(p, err)
	}
	if strings.Contains(string(all[0].Record), "15550100199") {
		t.Fatal("the number is in the record")
	}
	if _, known, _ := w.store.Find(t.Context(), seals{}.Address("tel", "+15550100199")); known {
		t.Fatal("a number that nobody proved finds a resident")
	}
	addresses, _ := w.store.Addresses(t.Context(), all[0].Resident)
	if len(addresses) != 2 {
		t.Fatalf("%+v", addresses)
	}
}

func TestStatus(t *testing.T) { onEachStore(t, testStatus) }

func testStatus(t *testing.T, on setting) {
	w := settle(t, on)
	w.says(ann, "MEND", "2", "Main and Elm")
	ref := w.requests()[0].Reference
	w.expect(w.says(ann, "WHERE"), ref, "Hole in the road") // one's own
	w.expect(w.says(ben, "WHERE"), "What is the number")
	wrong := ref[:len(ref)-1] + string('0'+(ref[len(ref)-1]-'0'+1)%10)
	if got := w.says(ben, wrong); strings.Contains(got, "Hole in the road") {
		t.Fatal(got)
	}
	w.expect(w.says(ben, strings.ReplaceAll(ref, "-", " ")), "Hole in the road")
}

func TestPersonIsAskedFor(t *testing.T) {
	hours, err := ParseHours("Mon-Fri 9:00-17:00")
	if err != nil {
		t.Fatal(err)
	}
	w := settle(t, func(_ *town, s *Settings) { s.Calendar.Hours = hours })
	open := w.says(ann, "PARK", "person")
	all := w.requests()
	if len(all) != 1 || all[0].Service != servicePerson || all[0].Status != "open" || len(all[0].Record) != 0 || all[0].History[1].Kind != "handoff" {
		t.Fatalf("%+v", all)
	}
	if p, err := ParsePersonal(all[0].Personal); err != nil || p.Address != ann {
		t.Fatal(p, err)
	}
	w.clock.pass(8 * time.Hour)
	shut := w.says(ann, "person")
	w.expect(shut, "Mon-Fri 9:00-17:00")
	if open == shut {
		t.Fatal("the same words when nobody is there")
	}
	if all = w.requests(); len(all) != 1 || len(all[0].History) != 3 {
		t.Fatalf("the second call for a person is no line on the first: %+v", all)
	}
}

func TestDialogThatEndsAtADesk(t *testing.T) {
	hours, _ := ParseHours("Tue 9:00-17:00")
	w := settle(t, func(_ *town, s *Settings) { s.Calendar.Desks = map[string]Hours{"emergency": hours} })
	w.expect(w.says(ann, "MEND", "4"), "Nobody is at the desk")
	w.expect(w.says(ben, "MEND", "4"), "Nobody is at the desk")
	w.clock.pass(24 * time.Hour)
	w.expect(w.says(ben, "MEND", "4"), "I am passing you to a person")
	all := w.requests()
	if len(all) != 3 || all[0].Department != "emergency" || all[0].Label != "Fallen wire" || len(all[0].Record) == 0 {
		t.Fatalf("%+v", all)
	}
}

func TestReferenceThatIsTaken(t *testing.T) { onEachStore(t, testReferenceThatIsTaken) }

func testReferenceThatIsTaken(t *testing.T, on setting) {
	w := settle(t, on)
	w.says(ann, "MEND", "2")
	w.says(ben, "MEND", "1")
	w.x.entropy = bufio.NewReader(sevens{})
	w.says(ann, "Main and Elm")
	w.says(ben, "Oak Street")
	all := w.requests()
	if len(all) != 2 || all[0].Reference == all[1].Reference || len(all[0].Reference) <= len(all[1].Reference) {
		t.Fatalf("%+v", all)
	}
	if !referenceForm.MatchString(all[1].Reference) {
		t.Fatal(all[1].Reference)
	}
}

// sevens is randomness that has run dry.
type sevens struct{}

func (sevens) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 7
	}
	return len(b), nil
}

// Whoever guesses a number is told what a request is about. Where it is they learn only of what is shown to neighbours
// anyway: a place may be somebody's home.
func TestPlaceIsToldOnlyWhereNeighboursAreAsked(t *testing.T) {
	w := settle(t)
	w.says(ann, "MEND", "2", "Main and Elm")
	set := edited(t, "report.yaml", swap("version: 1", "version: 2", `  - id: same
    type: similar
    compare: [what, where]
    within: 100 m
    days: 30
    say: Is it one of these?
`, ""))
	if problems, err := w.dialogs.Publish(t.Context(), set); err != nil || problems.Errors() {
		t.Fatal(err, problems)
	}
	w.says(ben, "MEND", "2", "14 Quiet Lane")
	for _, r := range w.requests() {
		if r.Place == "14 quiet lane" {
			w.expect(w.says(ben, "WHERE"), "Hole in the road, 14 Quiet Lane")
			if got := w.says("+15550100777", "WHERE", r.Reference); !strings.Contains(got, "Hole in the road") || strings.Contains(got, "Quiet Lane") {
				t.Errorf("whoever has the number is told %q", got)
			}
		}
	}
	if n := len(w.requests()); n != 2 {
		t.Fatalf("%d requests", n)
	}
}
