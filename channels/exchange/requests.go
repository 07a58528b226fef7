package exchange

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/talk"
	"github.com/townline/townline/locales"
	"github.com/townline/townline/store"
)

const (
	statusOpen   = "open"
	statusClosed = "closed"
	// servicePerson is the service of a request that is nothing but "I want to speak to somebody".
	servicePerson = "person"
	byResident    = "resident"
)

// Personal is what only the desk may see of a request: how to reach who made it. It is sealed under the resident's key.
type Personal struct {
	Kind    string `json:"kind,omitempty"`    // of the address it came from: "tel"
	Address string `json:"address,omitempty"` // "+15550100"
	Contact string `json:"contact,omitempty"` // what the resident gave when asked for a number; not proved
}

// ParsePersonal reads a request's Personal.
func ParsePersonal(b []byte) (Personal, error) {
	var p Personal
	if len(b) == 0 {
		return p, nil
	}
	err := json.Unmarshal(b, &p)
	return p, err
}

func (t *turn) personal(contact string) ([]byte, error) {
	p := Personal{Contact: contact}
	if t.event != nil && !t.event.Withheld {
		p.Kind, p.Address = t.event.From.Kind, t.event.From.ID
	}
	return json.Marshal(p)
}

// open makes a request, or joins the one that the resident chose.
func (t *turn) open(ctx context.Context, e *talk.Effect) (map[string]string, error) {
	d := e.Dialog
	record, err := engine.Encode(e.Record)
	if err != nil {
		return nil, err
	}
	personal, err := t.personal(e.Contact)
	if err != nil {
		return nil, err
	}
	t.recorded.addRecord(d, e.Record)
	t.contact(e.Contact)
	if e.Record.Joins != "" {
		r, err := t.x.store.Request(ctx, e.Record.Joins)
		if err == nil && r.Status != statusClosed {
			t.request = r.Reference
			t.change.Requests = append(t.change.Requests, store.RequestEvent{
				Reference: r.Reference, Kind: "joined", At: t.now, By: byResident, Resident: t.resident, Channel: t.class(),
				Record: record, Personal: personal,
			})
			return map[string]string{"reference": r.Reference, "due": r.Due}, nil
		}
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
		// It was closed while the resident was asked: theirs becomes a request of its own.
		own := *e.Record
		own.Joins = ""
		if record, err = engine.Encode(&own); err != nil {
			return nil, err
		}
	}
	ref, err := t.reference(t.taken)
	if err != nil {
		return nil, err
	}
	t.request = ref
	due := t.x.calendar.Due(t.now, d.Service.Days)
	if t.done != nil && t.done.Due != "" {
		due = t.done.Due // it was promised
	}
	t.change.Requests = append(t.change.Requests, store.RequestEvent{
		Reference: ref, Kind: store.Opened, At: t.now, By: byResident, Resident: t.resident, Dialog: d.ID,
		Service: d.Service.Code, Department: d.Service.Department, Status: statusOpen, Due: due,
		Label: label(d, e.Record), Place: placeOf(d, e.Record), Channel: t.class(), Record: record, Personal: personal,
	})
	return map[string]string{"reference": ref, "due": due}, nil
}

// passOn leaves word for a clerk that a resident waits for a person: on the request that the conversation is about, else
// on the one that the resident has open for this already, else on a new one. An emergency doesn't wait for the desk's
// hours; the dialog's own words say what to do when nobody is there.
func (t *turn) passOn(ctx context.Context, e *talk.Effect) (map[string]string, error) {
	open, hours := t.x.calendar.Open(e.To, t.now)
	result := map[string]string{"open": "no", "hours": hours}
	if open {
		result["open"] = "yes"
	}
	by := t.answersBy()
	t.wantsPerson(e, by)
	personal, err := t.personal(e.Contact)
	if err != nil {
		return nil, err
	}
	word := store.RequestEvent{
		Kind: "handoff", At: t.now, By: byResident, Resident: t.resident, Channel: t.class(), Text: e.To, Personal: personal,
	}
	if word.Reference, err = t.about(ctx, e); err != nil {
		return nil, err
	}
	if word.Reference == "" {
		opened, err := t.personRequest(e, personal)
		if err != nil {
			return nil, err
		}
		t.change.Requests = append(t.change.Requests, opened)
		word.Reference = opened.Reference
	}
	t.change.Requests = append(t.change.Requests, word)
	t.request, t.handoff = word.Reference, true
	result["reference"] = word.Reference
	if by != "" {
		result["by"] = by
	}
	return result, nil
}

// about finds the request that a wish for a person belongs to; "" when there is none.
func (t *turn) about(ctx context.Context, e *talk.Effect) (string, error) {
	if t.request != "" {
		return t.request, nil
	}
	if now := t.memory.Now; now != nil && e.Dialog != nil && now.Pin == e.Dialog.Pin && e.Dialog.Purpose == dialogs.Request && now.Ref != "" {
		return now.Ref, nil
	}
	if t.version == 0 || e.Step != "" { // a dialog that ends at a desk has something to tell: it gets a request of its own
		return "", nil
	}
	waiting, err := t.x.store.Requests(ctx, store.RequestQuery{Resident: t.resident, Service: servicePerson, Status: statusOpen, Limit: 1})
	if err != nil || len(waiting) == 0 {
		return "", err
	}
	return waiting[0].Reference, nil
}

// personRequest opens a request for somebody who wants a person. What was answered so far goes along only when it was
// meant as a request: half an answer to a consultation is nobody's business.
func (t *turn) personRequest(e *talk.Effect, personal []byte) (store.RequestEvent, error) {
	ref, err := t.reference(t.taken)
	if err != nil {
		return store.RequestEvent{}, err
	}
	r := store.RequestEvent{
		Reference: ref, Kind: store.Opened, At: t.now, By: byResident, Resident: t.resident, Service: servicePerson,
		Department: e.To, Status: statusOpen, Channel: t.class(), Personal: personal,
	}
	if d := e.Dialog; d != nil {
		r.Dialog, r.Label = d.ID, d.Title.Text
		if d.Purpose == dialogs.Request && e.Record != nil {
			if r.Record, err = engine.Encode(e.Record); err != nil {
				return store.RequestEvent{}, err
			}
			t.recorded.addRecord(d, e.Record)
			r.Label, r.Place = label(d, e.Record), placeOf(d, e.Record)
			if r.Department == "" {
				r.Department = d.Service.Department
			}
		}
	}
	return r, nil
}

// label is what a request is about: its kind, and the place in the resident's words.
func label(d *dialogs.Dialog, r *engine.Record) string {
	kind, place := kindAndPlace(d, r)
	if place == "" {
		return kind
	}
	return kind + ", " + place
}

func kindAndPlace(d *dialogs.Dialog, r *engine.Record) (kind, place string) {
	kind = d.Title.Text
	chosen := false
	for i := range d.Steps {
		st := &d.Steps[i]
		a, ok := r.Answer(st.ID)
		if !ok || len(a.Values) == 0 {
			continue
		}
		switch {
		case st.Type == dialogs.Choice && !chosen:
			for _, o := range st.Options {
				if o.ID == a.Values[0] {
					kind, chosen = o.Text.Text, true
				}
			}
		case st.Type == dialogs.Place && place == "" && !strings.HasPrefix(a.Values[0], geoPrefix):
			place = a.Values[0]
		}
	}
	return kind, place
}

// placeOf is the place of a request, folded so that it can be compared.
func placeOf(d *dialogs.Dialog, r *engine.Record) string {
	for i := range d.Steps {
		if d.Steps[i].Type != dialogs.Place {
			continue
		}
		if a, ok := r.Answer(d.Steps[i].ID); ok && len(a.Values) > 0 {
			if strings.HasPrefix(a.Values[0], geoPrefix) {
				return a.Values[0]
			}
			return locales.Fold(a.Values[0])
		}
	}
	return ""
}

// status finds the request with the reference that was given, or the resident's own latest ones.
func (t *turn) status(ctx context.Context, e *talk.Effect) ([]engine.Found, error) {
	if len(e.Values) > 0 {
		ref, ok := ParseReference(e.Values[0])
		if !ok {
			return nil, nil
		}
		r, err := t.x.store.Request(ctx, ref)
		if errors.Is(err, store.ErrNotFound) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("find a request: %w", err)
		}
		f := found(&r)
		if r.Resident == (store.Resident{}) || r.Resident != t.resident {
			f.What = t.x.public(&r)
		}
		return []engine.Found{f}, nil
	}
	if t.version == 0 {
		return nil, nil
	}
	all, err := t.x.store.Requests(ctx, store.RequestQuery{Resident: t.resident, Limit: mostFound})
	if err != nil {
		return nil, fmt.Errorf("find the resident's requests: %w", err)
	}
	out := make([]engine.Found, 0, len(all))
	for i := range all {
		out = append(out, found(&all[i]))
	}
	return out, nil
}

// public is what anybody who has a request's number may see of it. The place is told only where the dialog offers open
// requests to neighbours: of any other it may be somebody's home.
func (x *Exchange) public(r *store.Request) string {
	for _, d := range x.town.Dialogs.Current() {
		if d.ID != r.Dialog {
			continue
		}
		if slices.ContainsFunc(d.Steps, func(st dialogs.Step) bool { return st.Type == dialogs.Similar }) {
			return r.Label
		}
		var record engine.Record
		if engine.Decode(r.Record, &record) != nil {
			return d.Title.Text
		}
		kind, _ := kindAndPlace(d, &record)
		return kind
	}
	return r.Service
}

func found(r *store.Request) engine.Found {
	return engine.Found{Ref: r.Reference, What: r.Label, State: r.Status, Due: r.Due}
}
