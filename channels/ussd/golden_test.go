package ussd

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/dialogtest"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/golden"
	"github.com/townline/townline/dialogs/render"
)

// answerOf takes a gateway's answer apart.
func answerOf(t testing.TB, dialect string, w *httptest.ResponseRecorder) (text string, more bool) {
	t.Helper()
	body := w.Body.String()
	switch dialect {
	case "africastalking":
		text, more = strings.CutPrefix(body, "CON ")
		if !more {
			var end bool
			if text, end = strings.CutPrefix(body, "END "); !end {
				t.Fatalf("neither CON nor END: %q", body)
			}
		}
		return text, more
	case "airtel":
		return body, w.Header().Get("Freeflow") == "FC"
	}
	var m map[string]any
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		t.Fatalf("%q: %v", body, err)
	}
	text = func(name string) string { s, _ := m[name].(string); return s }(map[string]string{
		"hubtel": "Message", "nalo": "MSG", "arkesel": "message", "infobip": "ussdMenu", "hollatags": "session_msg", "plain": "text", "beem": "",
	}[dialect])
	switch dialect {
	case "hubtel":
		more = m["Type"] == "response"
	case "nalo":
		more = m["MSGTYPE"] == true
	case "arkesel":
		more = m["continueSession"] == true
	case "infobip":
		more = m["shouldClose"] == false
	case "hollatags":
		more = m["session_operation"] == "continue" && m["session_type"] == 1.0
	case "beem":
		payload, _ := m["payload"].(map[string]any)
		text, _ = payload["request"].(string)
		more = m["command"] == "continue"
	default:
		more = m["more"] == true
	}
	return text, more
}

// TestTranscripts writes down a whole conversation through each dialog of the sample town by each gateway: the bytes that
// go over the wire, with the real exchange and a real file behind it. What is kept in the end is the same whichever gateway
// it came by, byte for byte, but for those whose screens are smaller. go test ./channels/ussd -run Transcripts -update
// writes them anew, where it was changed on purpose.
func TestTranscripts(t *testing.T) {
	_, set := sampleTown(t)
	want := map[string]bool{}
	for i, d := range set.All() {
		kept := map[string][]string{} // by what was left, who left it
		for _, dialect := range Dialects() {
			name := dialect + "." + d.ID + ".txt"
			if want[name] = true; raced && i%16 > 0 { // the bytes are the same, and it takes five times as long
				continue
			}
			h := newHouse(t, dialect, nil)
			p := &phone{h: h, number: numbered(123)}
			p.walks(t, d.ID, "session-1")
			if !p.over {
				t.Errorf("%s doesn't come to an end", name)
			}
			if h.line.Traits().Limit == UsualSeptets { // on smaller screens a page turns elsewhere, and this resident chooses by the page
				all := strings.Join(h.records(t), "\n")
				kept[all] = append(kept[all], dialect)
			}
			golden.Compare(t, filepath.Join("testdata", "golden", name), p.wire.String())
		}
		if len(kept) > 1 || len(kept) == 0 && !raced {
			t.Errorf("%s leaves other records by some gateways: %q", d.ID, kept)
		}
	}
	golden.Only(t, filepath.Join("testdata", "golden"), want)
}

// A gateway that asks again, in the same moment or late, gets the same answer, and nothing counts twice.
func TestEveryRequestTwice(t *testing.T) {
	for _, dialect := range Dialects() {
		once, twice := newHouse(t, dialect, nil), newHouse(t, dialect, nil)
		p := &phone{h: once, number: numbered(123)}
		p.walks(t, "street-problem", "session-1")
		q := &phone{h: twice, number: numbered(123)}
		w := walker{dialog: "street-problem", lang: phrases(t).Language("en")}
		again := func(first string, kind channels.EventKind, words string) {
			t.Helper()
			keyed, count := slices.Clone(q.keyed), q.count
			if kind == channels.Message {
				q.keyed = q.keyed[:len(q.keyed)-1]
			}
			q.count--
			twice.clock.pass(time.Second)
			if second := q.sends(t, kind, words); second != first {
				t.Errorf("%s: %q again is answered %q, was %q", dialect, words, second, first)
			}
			q.keyed, q.count = keyed, count
		}
		again(q.dials(t, "session-1", ""), channels.Dialed, "")
		for !q.over && w.turns < longestWalk {
			twice.clock.pass(9 * time.Second)
			words := w.answers(&twice.pages(q.number)[0])
			again(q.sends(t, channels.Message, words), channels.Message, words)
		}
		if a, b := fmt.Sprint(once.records(t)), fmt.Sprint(twice.records(t)); a != b || !q.over {
			t.Errorf("%s: over %v; kept\n%s\nwant\n%s", dialect, q.over, b, a)
		}
	}
}

// Several requests of one session at the same moment: one of them counts, and each gets that one's screen.
func TestRequestsAtTheSameMoment(t *testing.T) {
	h := newHouse(t, "africastalking", nil)
	p := &phone{h: h, number: numbered(123)}
	p.dials(t, "session-1", "")
	h.clock.pass(10 * time.Second)
	type answer struct{ text string }
	answers := make(chan answer)
	for range 16 {
		go func() {
			line, body := requestOf("africastalking", &phone{h: h, number: p.number, session: "session-1", keyed: []string{"1"}}, channels.Message, "1")
			w := httptest.NewRecorder()
			h.mux.ServeHTTP(w, call(line, body))
			answers <- answer{w.Body.String()}
		}()
	}
	first := (<-answers).text
	for range 15 {
		if next := (<-answers).text; next != first {
			t.Errorf("%q beside %q", next, first)
		}
	}
	if !strings.HasPrefix(first, "CON ") {
		t.Error(first)
	}
}

// Who is cut off dials again and goes on with one key, or dials straight there: *384*123*1#.
func TestDialledAgain(t *testing.T) {
	for _, dialect := range Dialects() {
		h := newHouse(t, dialect, nil)
		p := &phone{h: h, number: numbered(123)}
		p.dials(t, "session-1", "")
		w := walker{dialog: "street-problem", lang: phrases(t).Language("en")}
		question := ""
		for range 4 {
			h.clock.pass(10 * time.Second)
			question = p.sends(t, channels.Message, w.answers(&h.pages(p.number)[0]))
		}
		h.clock.pass(time.Minute)
		offer := p.dials(t, "session-2", "")
		if !strings.Contains(offer, "1 ") {
			t.Errorf("%s offers %q", dialect, offer)
		}
		h.clock.pass(10 * time.Second)
		if back := p.sends(t, channels.Message, "1"); back != question {
			t.Errorf("%s goes on with %q, was %q", dialect, back, question)
		}
		if dialect == "beem" { // it doesn't say what was dialled
			continue
		}
		h.clock.pass(4 * time.Minute)
		if back := p.dials(t, "session-3", "1"); back != question {
			t.Errorf("%s: *384*123*1# shows %q, was %q", dialect, back, question)
		}
	}
}

// Every screen of every dialog in every language fits, on the smallest screens, the usual ones and the largest, and comes
// alone.
func TestScreensFit(t *testing.T) {
	town, set := sampleTown(t)
	sizes := [][2]int{{LeastSeptets, LeastUCS2}, {120, UsualUCS2}, {UsualSeptets, UsualUCS2}, {MostSeptets, MostUCS2}}
	screens := 0
	for _, size := range sizes {
		traits := render.USSD
		traits.Limit, traits.Limit16 = size[0], size[1]
		for _, d := range set.All() {
			for _, lang := range d.AllLanguages() {
				r := dialogtest.NewResident(town, traits, winter)
				r.Mute = true
				r.Meets(dialogtest.Test{Roll: []string{"482715"}, Shut: true, Found: []dialogtest.Known{
					{Found: engine.Found{Ref: "311-204-7", What: "Street light out, 3 Oak Street", State: "open", Due: "2026-12-15"}, Mine: true}}})
				r.Speaks(lang)
				w := walker{dialog: d.ID, lang: phrases(t).Language(lang)}
				for r.Comes(traits); !r.Over && w.turns < longestWalk; r.Says(w.answers(&r.Pages[0])) {
					if r.Err() != nil || len(r.Pages) != 1 {
						t.Fatalf("%s in %s: %d pages at a time, %v", d.ID, lang, len(r.Pages), r.Err())
					}
					screens++
					if _, cut := render.Cut(r.Pages[0].Text, traits); cut {
						t.Errorf("%s in %s at %v: %q is too long", d.ID, lang, size, r.Pages[0].Text)
					}
				}
				if r.End == "" {
					t.Errorf("%s in %s at %v doesn't come to an end: %q", d.ID, lang, size, r.Said())
				}
			}
		}
	}
	t.Logf("%d screens", screens)
}
