package ussd

import (
	"bytes"
	"context"
	"encoding/json"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/peers"
)

// told is one request with its answer, as both sides of the comparison have it.
type told struct {
	Provider string         `json:"provider"`
	Request  map[string]any `json:"request"`
	Screen   string         `json:"screen"`
	Over     bool           `json:"over"`

	event  channels.Event
	answer string
}

// Another program that answers these gateways reads the same out of each request of a whole conversation, and writes the
// same into its answers. Where it is known to be wrong, it says so here.
func TestAgainstUSSDBuilder(t *testing.T) {
	providers := map[string]string{"africastalking": "africasTalking", "hubtel": "hubtel", "nalo": "nalo", "arkesel": "arkesel", "beem": "beem"}
	var all []told
	for dialect, provider := range providers {
		for _, dialog := range []string{"street-problem", "main-street"} {
			h := newHouse(t, dialect, nil)
			p := &phone{h: h, number: numbered(123)}
			in := &listening{house: h}
			h.mux = muxOf(h.line, in)
			p.walks(t, dialog, "session-1")
			turns := strings.Split(strings.TrimSuffix(p.wire.String(), "\n\n"), "\n\n")
			if len(turns) != len(in.events) || len(turns) != len(p.texts) {
				t.Fatalf("%s: %d turns, %d events, %d screens", dialect, len(turns), len(in.events), len(p.texts))
			}
			for i, turn := range turns {
				asked, answered, _ := strings.Cut(turn, "\n< ")
				_, body, _ := strings.Cut(asked, "\n> ")
				_, answer, _ := strings.Cut(answered, "\n< ")
				x := told{Provider: provider, Screen: p.texts[i], Over: i+1 == len(turns), event: in.events[i], answer: strings.ReplaceAll(answer, "\n< ", "\n")}
				if dialect == "africastalking" {
					form, err := url.ParseQuery(body)
					if err != nil {
						t.Fatal(err)
					}
					x.Request = map[string]any{}
					for name := range form {
						x.Request[name] = form.Get(name)
					}
				} else if err := json.Unmarshal([]byte(body), &x.Request); err != nil {
					t.Fatal(err)
				}
				all = append(all, x)
			}
		}
	}
	var lines bytes.Buffer
	for _, x := range all {
		if err := json.NewEncoder(&lines).Encode(x); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	node := exec.CommandContext(ctx, "node", filepath.Join("testdata", "ussd-builder.js"), peers.NPM(t, "ussd-builder"))
	node.Stdin = &lines
	out, err := node.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	theirs := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(theirs) != len(all) || len(all) < 60 {
		t.Fatalf("%d of %d requests came back", len(theirs), len(all))
	}
	for i, line := range theirs {
		x := &all[i]
		var got struct {
			Number string `json:"number"`
			Text   any    `json:"text"`
			Answer any    `json:"answer"`
		}
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			t.Fatal(err)
		}
		if got.Number != x.event.From.ID || got.Text != x.event.Words {
			t.Errorf("%s %v: ussd-builder reads %q from %s, we %q from %s", x.Provider, x.Request, got.Text, got.Number, x.event.Words, x.event.From.ID)
		}
		if text, ok := got.Answer.(string); ok {
			if text != x.answer {
				t.Errorf("%s: ussd-builder answers %q, we %q", x.Provider, text, x.answer)
			}
			continue
		}
		var ours map[string]any
		if err := json.Unmarshal([]byte(x.answer), &ours); err != nil {
			t.Fatal(err)
		}
		compare(t, x.Provider, got.Answer.(map[string]any), ours)
	}
}

// compare looks for all that another program answers in ours.
func compare(t *testing.T, provider string, theirs, ours map[string]any) {
	t.Helper()
	for name, value := range theirs {
		text, _ := value.(string)
		switch {
		case name == "MSISDN" || name == "msisdn": // it gives the number back with a plus that did not come with it
			value = strings.TrimPrefix(text, "+")
		case provider == "hubtel" && name == "Type": // Hubtel writes response and release (its reference page)
			value = strings.ToLower(text)
		case provider == "beem" && name == "session_id" && value == nil: // left out by mistake
			value = ours[name]
		}
		if inner, ok := value.(map[string]any); ok {
			our, _ := ours[name].(map[string]any)
			compare(t, provider, inner, our)
			continue
		}
		if ours[name] != value {
			t.Errorf("%s: ussd-builder has %s %v, we %v", provider, name, value, ours[name])
		}
	}
}

// listening is a house that notes what it heard.
type listening struct {
	*house
	events []channels.Event
}

func (l *listening) Receive(ctx context.Context, e channels.Event) (channels.Reply, error) {
	l.events = append(l.events, e)
	return l.house.Receive(ctx, e)
}
