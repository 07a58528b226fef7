package sms

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	rest "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/render"
)

// attempt is a push that was begun.
type attempt struct {
	to, text string
	since    time.Time
	receipt  string // once known
}

// recent remembers the latest pushes by their keys, so that one in doubt can be looked up. It is a help, not a record:
// what it forgot, Find finds from what the outbox keeps. The zero value is ready; it is safe for concurrent use.
type recent struct {
	mu    sync.Mutex
	by    map[string]attempt
	order []string
	next  int
}

// mostRecent pushes are remembered, about half a megabyte of them.
const mostRecent = 2048

func (r *recent) started(key string, a attempt) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if old, ok := r.by[key]; ok {
		a.since, a.receipt = old.since, old.receipt // the first try may have got through
	}
	r.put(key, a)
}

func (r *recent) settled(key, receipt string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.by[key]
	a.receipt = receipt
	r.put(key, a)
}

func (r *recent) put(key string, a attempt) {
	if r.by == nil {
		r.by = make(map[string]attempt)
	}
	if _, ok := r.by[key]; !ok {
		if len(r.order) < mostRecent {
			r.order = append(r.order, key)
		} else {
			delete(r.by, r.order[r.next])
			r.order[r.next] = key
			r.next = (r.next + 1) % mostRecent
		}
	}
	r.by[key] = a
}

func (r *recent) get(key string) (attempt, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a, ok := r.by[key]
	return a, ok
}

// other says whether a receipt belongs to another push than key's.
func (r *recent) other(key, receipt string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for k, a := range r.by {
		if a.receipt == receipt && k != key {
			return true
		}
	}
	return false
}

// Look asks Twilio what became of a push: by its receipt; else by what a status report said of key, or by the list of
// messages, as long as this process began the push. An error means that it can't be told now; Find tells it later too.
func (t *Twilio) Look(ctx context.Context, key, receipt string) (bool, error) {
	if receipt != "" {
		call := t.call(ctx)
		m, err := call.rest().FetchMessage(receipt, &rest.FetchMessageParams{})
		if err != nil {
			if call.status == 404 {
				return false, nil
			}
			return false, call.failure("look up", err)
		}
		return m.Sid != nil, nil
	}
	a, ok := t.recent.get(key)
	switch {
	case !ok:
		return false, errors.New("sms: this push was begun by another process; Find can look for it")
	case a.receipt != "":
		return true, nil
	}
	_, sent, err := t.find(ctx, a.to, a.text, key, a.since)
	return sent, err
}

// Find looks in Twilio's list for a push whose receipt was lost: the same words to the same number, begun at since or
// later, by the account itself. since is when the push was first tried.
func (t *Twilio) Find(ctx context.Context, to channels.Address, p render.Page, key string, since time.Time) (string, bool, error) {
	return t.find(ctx, to.ID, plain(p.Text), key, since)
}

// skew is how far Twilio's clock and ours may be apart.
const skew = time.Minute

// mostPages of Twilio's list are looked at: 500 messages to one number.
const mostPages = 10

func (t *Twilio) find(ctx context.Context, to, text, key string, since time.Time) (string, bool, error) {
	if a, ok := t.recent.get(key); ok && a.receipt != "" {
		return a.receipt, true, nil
	}
	// Not narrowed by DateSent: a message that still waits in Twilio's queue has none. The list is newest first.
	params := &rest.ListMessageParams{}
	params.SetTo(to)
	params.SetPageSize(50)
	token, page := "", ""
	for range mostPages {
		call := t.call(ctx)
		list, err := call.rest().PageMessage(params, token, page)
		if err != nil {
			return "", false, call.failure("look up", err)
		}
		old := true
		for _, m := range list.Messages {
			begun, ok := created(m)
			if ok && begun.Before(since.Add(-skew)) {
				continue
			}
			old = false
			if ours(m, to, text) && !t.recent.other(key, *m.Sid) {
				t.recent.settled(key, *m.Sid)
				return *m.Sid, true, nil
			}
		}
		more := false
		if token, page, more = nextPage(list); old || !more {
			return "", false, nil
		}
	}
	return "", false, errors.New("sms: look up: too many messages to this number to tell")
}

func created(m rest.ApiV2010Message) (time.Time, bool) {
	if m.DateCreated == nil {
		return time.Time{}, false
	}
	at, err := time.Parse(time.RFC1123Z, *m.DateCreated)
	return at, err == nil
}

// ours says whether m is a push with these words. A trial account puts words of Twilio's in front.
func ours(m rest.ApiV2010Message, to, text string) bool {
	return m.Sid != nil && m.To != nil && *m.To == to && m.Direction != nil && *m.Direction == "outbound-api" &&
		m.Body != nil && strings.HasSuffix(strings.TrimSpace(*m.Body), strings.TrimSpace(text))
}

// nextPage is where the list goes on.
func nextPage(list *rest.ListMessageResponse) (token, page string, more bool) {
	if list.NextPageUri == nil {
		return "", "", false
	}
	_, query, ok := strings.Cut(*list.NextPageUri, "?")
	f := parseForm([]byte(query))
	return f.value("PageToken"), f.value("Page"), ok
}
