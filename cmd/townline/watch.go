package main

import (
	"context"
	"slices"
	"sync"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/talk"
	"github.com/townline/townline/store"
)

// watch is a store that remembers what the residents of the preview page and of the simulator left behind, so that it can
// be shown: a secret ballot could not be found again otherwise, and it must not. It remembers nobody else.
type watch struct {
	store.Store

	mu   sync.Mutex
	find map[store.AddressKey]string // whom to remember, by the key of the address
	last []store.AddressKey          // those that were seen since, oldest first
	who  map[store.Resident]string
	kept map[string][]left
}

// left is one record as it was committed.
type left struct {
	Dialog    string
	Version   int
	Lang      string
	Channel   string
	Reference string
	Due       string
	Record    []byte
	Personal  bool // the desk sees a name or number beside it
	Link      link
}

// link says how a record can be led back to a person.
type link uint8

const (
	linkPerson link = iota // it stands beside the resident
	linkUntil              // until the consultation closes
	linkNone
)

// words for staff, who read the record.
func (l link) words() string {
	switch l {
	case linkUntil:
		return "The link to the number is destroyed when the consultation closes."
	case linkNone:
		return "Nothing leads from this record to a number."
	}
	return "The record is kept with the resident."
}

// watching wraps s; addresses are those to remember, by kind "tel".
func watching(s store.Store, keys *store.Keys, numbers ...string) *watch {
	w := &watch{Store: s, find: map[store.AddressKey]string{}, who: map[store.Resident]string{}, kept: map[string][]left{}}
	for _, n := range numbers {
		w.find[keys.Address("tel", n)] = n
	}
	return w
}

// Find notes whom a watched address belongs to.
func (w *watch) Find(ctx context.Context, a store.AddressKey) (store.Resident, bool, error) {
	r, ok, err := w.Store.Find(ctx, a)
	if ok && err == nil {
		w.found(a, r)
	}
	return r, ok, err
}

// Meet does too.
func (w *watch) Meet(ctx context.Context, a store.AddressKey) (store.Conversation, bool, error) {
	c, ok, err := w.Store.Meet(ctx, a)
	if ok && err == nil {
		w.found(a, c.Resident)
	}
	return c, ok, err
}

func (w *watch) found(a store.AddressKey, r store.Resident) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if number := w.find[a]; number != "" {
		w.who[r] = number
	}
}

// mostSeen is how many visits and the like are remembered to be a watched resident's.
const mostSeen = 500

// sees notes one more address of a watched resident: a visit to a machine.
func (w *watch) sees(a store.AddressKey, number string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.find[a] != "" {
		return
	}
	w.find[a] = number
	if w.last = append(w.last, a); len(w.last) > mostSeen {
		delete(w.find, w.last[0])
		w.last = slices.Delete(w.last, 0, 1)
	}
}

// Commit notes what a watched resident left behind.
func (w *watch) Commit(ctx context.Context, c *store.Change) (store.Outcome, error) {
	o, err := w.Store.Commit(ctx, c)
	if err == nil && o.Kind == store.Applied {
		w.note(c)
	}
	return o, err
}

// most is how many records are remembered of one number.
const most = 5

func (w *watch) note(c *store.Change) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range c.Link {
		if number := w.find[a.Key]; number != "" {
			w.who[c.Resident] = number
		}
	}
	if m := c.Merged; m != nil && w.who[m.Resident] != "" {
		w.who[c.Resident] = w.who[m.Resident]
	}
	number := w.who[c.Resident]
	if number == "" {
		return
	}
	var all []left
	for _, r := range c.Responses {
		all = append(all, left{Dialog: r.Poll, Version: r.Version, Lang: r.Lang, Channel: r.Channel, Record: slices.Clone(r.Record)})
	}
	for _, b := range c.Ballots {
		l := left{Dialog: b.Poll, Version: b.Version, Channel: b.Channel, Record: slices.Clone(b.Record), Link: linkNone}
		if b.Linked {
			l.Link = linkUntil
		}
		all = append(all, l)
	}
	for _, e := range c.Requests {
		var r engine.Record
		if e.Record != nil && engine.Decode(e.Record, &r) == nil {
			all = append(all, left{Dialog: r.Dialog, Version: r.Version, Channel: e.Channel, Reference: e.Reference, Due: e.Due, Record: slices.Clone(e.Record), Personal: len(e.Personal) > 0})
		}
	}
	w.kept[number] = append(all, w.kept[number]...)
	if len(w.kept[number]) > most {
		w.kept[number] = w.kept[number][:most]
	}
}

// of returns what a number left behind, newest first.
func (w *watch) of(number string) []left {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.kept[number])
}

// lines words one record for staff, with the wording in service.
func (l left) lines(dialogsNow talk.Catalogue) (title, note string, out []line) {
	title, note = l.Dialog, l.Link.words()
	var d *dialogs.Dialog
	for _, one := range dialogsNow.Current() {
		if one.ID == l.Dialog {
			d, title = one, one.Title.Text
		}
	}
	if l.Reference != "" {
		out = append(out, line{Question: "Number of the request", Answer: l.Reference})
	}
	if l.Due != "" {
		out = append(out, line{Question: "Reply promised by", Answer: l.Due})
	}
	answers, err := recordLines(d, "", l.Record)
	if err != nil {
		out = append(out, line{Question: "Record", Answer: err.Error()})
	}
	out = append(out, answers...)
	out = append(out, line{Question: "Came by", Answer: l.Channel})
	if l.Personal {
		note += " Name and number are sealed, for the desk only."
	}
	return title, note, out
}
