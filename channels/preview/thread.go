package preview

import (
	"slices"
	"time"

	"github.com/townline/townline/dialogs/render"
)

// kept is how many messages a handset remembers.
const kept = 200

// Text is one message on a handset.
type Text struct {
	Number   int     `json:"number"` // counts up from 1
	By       string  `json:"by"`     // "town" or "resident": whose words these are
	Words    string  `json:"words"`
	Lang     string  `json:"lang,omitempty"`
	At       string  `json:"at"` // "14:05", in the town's zone
	Day      string  `json:"day"`
	Segments int     `json:"segments,omitempty"` // that a phone company would charge for
	Keys     []Press `json:"keys,omitempty"`     // answers that are on offer, to save typing
	Mark     string  `json:"mark,omitempty"`     // chat: of the page, for its buttons
	Share    bool    `json:"share,omitempty"`    // chat: a place is asked for, which a phone can share
	Over     bool    `json:"over,omitempty"`     // the conversation is over
	Carried  string  `json:"carried,omitempty"`  // chat: what came instead of words: "voice", "picture" or "place"
}

// Press is one digit on offer, or in a chat another button.
type Press struct {
	Digit  string `json:"digit"`
	Label  string `json:"label"`
	ID     string `json:"id,omitempty"`     // of the option
	Choice string `json:"choice,omitempty"` // chat: what is pressed, in render.Heard's terms
	Chosen bool   `json:"chosen,omitempty"` // chat: it was given before
}

// thread is what one handset shows. Its owner's lock guards it.
type thread struct {
	texts   []Text
	keys    []string // of those delivered lately
	last    int
	changed chan struct{} // closed, and made anew, by every text
}

func (t *thread) has(key string) bool { return key != "" && slices.Contains(t.keys, key) }

func (t *thread) add(m Text, key string) {
	t.last++
	m.Number = t.last
	t.texts = append(t.texts, m)
	if len(t.texts) > kept {
		t.texts = slices.Delete(t.texts, 0, len(t.texts)-kept)
	}
	if key != "" {
		t.keys = append(t.keys, key)
		if len(t.keys) > kept {
			t.keys = slices.Delete(t.keys, 0, len(t.keys)-kept)
		}
	}
	close(t.changed)
	t.changed = make(chan struct{})
}

// after returns the texts later than number n.
func (t *thread) after(n int) []Text {
	for i, m := range t.texts {
		if m.Number > n {
			return slices.Clone(t.texts[i:])
		}
	}
	return []Text{}
}

func fromTown(page render.Page, now time.Time) Text {
	m := said("town", page.Text, now)
	m.Lang, m.Segments, m.Over = page.Lang, render.Count(page.Text).Segments, page.Over
	for _, o := range page.Options {
		m.Keys = append(m.Keys, Press{Digit: o.Digit, Label: o.Label, ID: o.ID})
	}
	return m
}

func said(by, words string, now time.Time) Text {
	return Text{By: by, Words: words, At: now.Format("15:04"), Day: now.Format("Mon 2 Jan 2006")}
}
