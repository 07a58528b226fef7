package storetest

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/townline/townline/store"
)

// Everything is a town with records of every kind, for whoever takes a store elsewhere: Fill makes it, Check finds it again.
type Everything struct {
	residents, gone []store.Resident
	polls           []string
	media           [][16]byte
	references      []string
	claimed         [16]byte
}

// Fill puts something of every kind into an empty store, by so many residents.
func Fill(tt testing.TB, s store.Store, residents int) *Everything {
	tt.Helper()
	ctx := tt.Context()
	must := func(err error) {
		tt.Helper()
		if err != nil {
			tt.Fatal(err)
		}
	}
	e := &Everything{polls: []string{"main-street", "budget", "codes"}}
	turn := func(r store.Resident, c store.Change) {
		tt.Helper()
		row, err := s.Load(ctx, r)
		must(err)
		c.Resident, c.Read, c.At = r, row.Version, noon
		if c.State == nil {
			c.State = fmt.Appendf(nil, "state %d of %x", row.Version+1, r)
		}
		if c.Inbound == (store.Inbound{}) {
			c.Inbound = inbound(fmt.Sprintf("%x %d", r, row.Version))
			c.Reply = fmt.Appendf(nil, "reply %d to %x", row.Version, r)
		}
		o, err := s.Commit(ctx, &c)
		must(err)
		if o.Kind != store.Applied {
			tt.Fatalf("outcome %v", o.Kind)
		}
	}
	for n := range residents {
		r := resident()
		e.residents = append(e.residents, r)
		turn(r, store.Change{Link: []store.Address{tel(fmt.Sprintf("+1555%07d", n)), {Key: addressKey(fmt.Sprint("chat", n)), Kind: "telegram", Address: fmt.Sprint(n)}}})
		c := store.Change{Timers: []store.Timer{{Resident: r, Name: "again", At: noon.Add(time.Duration(n) * time.Hour)}},
			Responses: []store.Response{{ID: id(), Poll: "main-street", Version: 2, Channel: "sms", Lang: "es", At: noon, Record: []byte("record"), Order: []byte{2, 1}}},
			Consents:  []store.Consent{{ID: id(), Resident: r, Poll: "main-street", Version: 2, Step: "share", Words: "May we …?", Lang: "es", Yes: n%2 == 0, Channel: "sms", At: noon}},
			Outbox:    []store.Message{{ID: id(), Resident: r, Channel: "sms", Kind: "tel", Due: noon, Body: fmt.Append(nil, "message ", n), Class: 1, Weight: 2, Until: noon.Add(48 * time.Hour)}}}
		turn(r, c)
		switch n % 5 {
		case 0: // a ballot, secret
			turn(r, store.Change{Ballots: []store.Ballot{{Poll: "budget", Voter: id(), ID: id(), Version: 1, Channel: "text", Day: "2027-03-15", Record: []byte("yes")}}})
		case 1: // confidential, and what is known of the person is forgotten
			turn(r, store.Change{Forget: true, Ballots: []store.Ballot{{Poll: "budget", Voter: id(), ID: id(), Version: 1, Channel: "voice", Day: "2027-03-16", Record: []byte("no"), Linked: true}}})
			turn(r, store.Change{})
		case 2:
			ref := fmt.Sprint("R-", n)
			e.references = append(e.references, ref)
			turn(r, store.Change{Requests: []store.RequestEvent{{Reference: ref, Kind: store.Opened, At: noon, By: "resident", Resident: r, Dialog: "pothole", Service: "roads", Department: "works",
				Status: "open", Due: "2027-03-20", Label: "Pothole", Place: "main street", Channel: "sms", Record: []byte("deep"), Personal: []byte("Ana")}}})
			turn(e.residents[0], store.Change{Requests: []store.RequestEvent{{Reference: ref, Kind: store.Joined, At: noon, By: "resident", Resident: e.residents[0]}}})
			must(s.Append(ctx, store.RequestEvent{Reference: ref, Kind: "note", At: noon, By: "cleo", Status: "closed", Text: "mended", Personal: []byte("she called")}))
		case 3:
			m := store.Media{ID: id(), Type: "audio/ogg", Bytes: bytes.Repeat([]byte("sound"), 60_000), At: noon, Until: noon.Add(90 * 24 * time.Hour)}
			e.media = append(e.media, m.ID)
			turn(r, store.Change{Media: []store.Media{m}, Letters: []store.Letter{{ID: id(), At: noon, Channel: "sms", Words: "Where is it?", Media: []string{"media:1"}}},
				Case: &store.Case{State: store.Waiting, Desk: "works", Since: noon, Last: noon, Unread: 1, Dialog: "pothole", Channel: "sms", Lang: "es"}})
		case 4:
			turn(r, store.Change{OptOuts: []store.OptOut{{Address: addressKey(fmt.Sprintf("+1555%07d", n)), Out: true, At: noon, Channel: "sms", Word: "STOP"}},
				Marks: []store.Mark{{Poll: "budget", Voter: id()}}, Inbound: inbound(fmt.Sprint("stop", n)), Reply: []byte("stopped"), State: []byte{}})
		}
	}
	must(s.Reserve(ctx, "codes", [][16]byte{numbered(1), numbered(2)}))
	must(s.Publish(ctx, store.Published{ID: "main-street", Version: 2, Hash: "abc", At: noon, Source: []byte("id: main-street")}))
	if len(e.residents) > 6 { // somebody is erased, two are merged, a message is being sent
		gone, other, into := e.residents[6], e.residents[5], e.residents[0]
		must(s.Erase(ctx, gone, noon))
		row, err := s.Load(ctx, other)
		must(err)
		turn(into, store.Change{Merged: &store.Merged{Resident: other, Read: row.Version}})
		e.gone = []store.Resident{gone, other}
		got, err := s.Claim(ctx, store.Want{Channels: []string{"sms"}, Class: 2, N: 1}, noon, time.Minute)
		must(err)
		if len(got) != 1 {
			tt.Fatal("nothing to send")
		}
		e.claimed = got[0].ID
	}
	return e
}

// Check finds in got all that there is in want, as it is asked for, and that a message that was being sent is in doubt. Both stay as
// they are.
func (e *Everything) Check(tt testing.TB, want, got store.Store) {
	tt.Helper()
	ctx := tt.Context()
	both := func(what string, ask func(s store.Store) (any, error)) {
		tt.Helper()
		var said [2]string
		for i, s := range []store.Store{want, got} {
			v, err := ask(s)
			if err != nil {
				tt.Fatalf("%s: %v", what, err)
			}
			said[i] = fmt.Sprintf("%+v", v)
		}
		if said[0] != said[1] {
			tt.Fatalf("%s: %.600s\nwant %.600s", what, said[1], said[0])
		}
	}
	for n, r := range slices.Concat(e.residents, e.gone) {
		both("conversation", func(s store.Store) (any, error) { return s.Load(ctx, r) })
		row, err := want.Load(ctx, r)
		if err != nil {
			tt.Fatal(err)
		}
		for _, in := range row.Answered {
			both("reply", func(s store.Store) (any, error) {
				b, ok, err := s.Reply(ctx, r, in)
				return fmt.Sprint(ok, string(b)), err
			})
		}
		both("addresses", func(s store.Store) (any, error) { return s.Addresses(ctx, r) })
		both("consents", func(s store.Store) (any, error) { return s.Consents(ctx, r) })
		both("letters", func(s store.Store) (any, error) { return s.Letters(ctx, r, 9) })
		both("case", func(s store.Store) (any, error) { c, ok, err := s.CaseOf(ctx, r); return fmt.Sprint(c, ok), err })
		both("contacts", func(s store.Store) (any, error) { return s.Contacts(ctx, r, noon.Add(-time.Hour)) })
		for _, a := range []string{fmt.Sprintf("+1555%07d", n), fmt.Sprint("chat", n)} {
			both("who", func(s store.Store) (any, error) {
				r, ok, err := s.Find(ctx, addressKey(a))
				return fmt.Sprint(r, ok), err
			})
			both("opted out", func(s store.Store) (any, error) { return s.OptedOut(ctx, addressKey(a)) })
		}
	}
	for _, poll := range e.polls {
		both("responses", func(s store.Store) (all any, err error) {
			var list []string
			err = s.Responses(ctx, poll, func(r store.Response) error { list = append(list, fmt.Sprint(r)); return nil })
			slices.Sort(list)
			return list, err
		})
		both("ballots", func(s store.Store) (all any, err error) {
			var list []string
			err = s.Ballots(ctx, poll, func(b store.Ballot) error { list = append(list, fmt.Sprint(b)); return nil })
			slices.Sort(list)
			return list, err
		})
		both("on the roll", func(s store.Store) (any, error) { return s.OnRoll(ctx, poll, numbered(1)) })
	}
	for _, ref := range e.references {
		both("request", func(s store.Store) (any, error) { return s.Request(ctx, ref) })
	}
	both("requests", func(s store.Store) (any, error) { return s.Requests(ctx, store.RequestQuery{Status: "closed"}) })
	both("joined", func(s store.Store) (any, error) {
		return s.Requests(ctx, store.RequestQuery{Resident: e.residents[0]})
	})
	for _, m := range e.media {
		both("media", func(s store.Store) (any, error) { return s.Media(ctx, m) })
	}
	both("dialog", func(s store.Store) (any, error) { return s.Dialog(ctx, "main-street", 2, "abc") })
	both("cases", func(s store.Store) (any, error) { return s.Cases(ctx, "works", 99) })
	both("timers", func(s store.Store) (any, error) { return s.Timers(ctx, noon.Add(1e6*time.Hour), 9999) })
	both("waiting messages", func(s store.Store) (any, error) { return s.Messages(ctx, store.Queued, 9999) })
	both("counts", func(s store.Store) (any, error) {
		st, err := s.Stats(ctx)
		st.WAL, st.Unsure = 0, 0 // of the doubt below
		return st, err
	})
	unsure, err := got.Messages(ctx, store.Unsure, 9)
	if err != nil {
		tt.Fatal(err)
	}
	if e.claimed != [16]byte{} && (len(unsure) != 1 || unsure[0].ID != e.claimed) {
		tt.Fatalf("a message that was being sent isn't in doubt: %+v", unsure)
	}
}

// GoesOn takes every resident's conversation further. Where it is done to two stores, both come to the same.
func (e *Everything) GoesOn(tt testing.TB, s store.Store) {
	tt.Helper()
	ctx := tt.Context()
	for n, r := range e.residents {
		if slices.Contains(e.gone, r) {
			continue
		}
		row, err := s.Load(ctx, r)
		if err != nil {
			tt.Fatal(err)
		}
		for _, in := range row.Answered {
			said, _, err := s.Reply(ctx, r, in)
			if err != nil {
				tt.Fatal(err)
			}
			o, err := s.Commit(ctx, &store.Change{Resident: r, Read: row.Version, At: noon, State: []byte("twice"), Inbound: in})
			if err != nil || o.Kind != store.Duplicate || !bytes.Equal(o.Reply, said) {
				tt.Fatalf("a message that was answered came to %v %q, %v; want %q", o.Kind, o.Reply, err, said)
			}
		}
		name := fmt.Sprintf("%x %d", r, row.Version)
		made := func(what string) (b [16]byte) {
			in := inbound(what + name)
			copy(b[:], in[:])
			copy(b[8:], in[:])
			return b
		}
		c := &store.Change{Resident: r, Read: row.Version, At: noon, State: []byte("on " + name), Inbound: inbound("on " + name), Reply: []byte("reply " + name),
			Responses: []store.Response{{ID: made("response"), Poll: "main-street", At: noon}},
			Consents:  []store.Consent{{ID: made("consent"), Resident: r, Poll: "main-street", At: noon}},
			Letters:   []store.Letter{{ID: made("letter"), At: noon, Words: "again"}},
			Outbox:    []store.Message{{ID: made("message"), Resident: r, Channel: "sms", Kind: "tel", Due: noon, Body: []byte("on")}},
			OptOuts:   []store.OptOut{{Address: addressKey(fmt.Sprint("chat", n)), Out: true, At: noon}},
			Media:     []store.Media{{ID: made("media"), Type: "image/jpeg", Bytes: []byte("picture"), At: noon}},
			Requests:  []store.RequestEvent{{Reference: "On-" + name, Kind: store.Opened, At: noon, Resident: r}}}
		o, err := s.Commit(ctx, c)
		if err != nil || o.Kind != store.Applied {
			tt.Fatalf("a conversation doesn't go on: %v, %v", o.Kind, err)
		}
	}
}
