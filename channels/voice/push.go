package voice

import (
	"bytes"
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"sync"
	"time"

	rest "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/twilio"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
)

const (
	mostTwiml  = 4000 // characters of a document that goes with a call (Twilio, "Create a Call": Twiml)
	mostSealed = 1800 // characters of a page in an address
	ringTime   = 25   // seconds: before most answering machines
	longest    = 3600 // seconds of a call that the town pays for, as by SIP; Twilio's own limit is four hours
	mostPages  = 512  // pages too large for an address, that calls under way wait for here
)

// Deliver rings a number. It returns once Twilio has taken the call: who answers and presses 1 hears p, or is asked as if
// they had rung; what became of it is reported. The receipt is Twilio's SID of it.
func (t *Twilio) Deliver(ctx context.Context, to channels.Address, p render.Page, key string) (string, error) {
	number, ok := channels.Number(to.ID, "")
	if to.Kind != "tel" || !ok || number != to.ID || number[0] != '+' {
		return "", channels.Gone(errors.New("voice: only a number can be rung"), "address")
	}
	lang, sealed := t.cfg.Lang, ""
	if len(p.Spoken) > 0 {
		lang = t.langOf(p.Lang)
		var err error
		if sealed, err = t.pages.close(&t.sealer, &p, key); err != nil {
			return "", channels.Gone(fmt.Errorf("voice: the page can't be written down: %w", err), "page")
		}
	}
	params := &rest.CreateCallParams{}
	params.SetTo(number)
	params.SetFrom(t.cfg.From)
	params.SetTimeout(ringTime)
	params.SetTimeLimit(longest)
	params.SetStatusCallback(t.account.Address("/voice/twilio/status?key=" + url.QueryEscape(key)))
	params.SetFallbackUrl(t.account.Address("/voice/twilio/fallback"))
	if twiml := string(t.greeting(lang, key, sealed, 1, true)); len(twiml) <= mostTwiml {
		params.SetTwiml(twiml)
	} else {
		q := "/voice/twilio/out?k=" + url.QueryEscape(key) + "&l=" + url.QueryEscape(lang) + "&t=0&p=" + sealed
		params.SetUrl(t.account.Address(q))
	}
	t.recent.Started(key, twilio.Attempt{To: number, Since: t.now()})
	c := t.account.Call(ctx)
	sent, err := c.REST().CreateCall(params)
	if err != nil {
		return "", failure(c, "ring", err)
	}
	if sent.Sid == nil || *sent.Sid == "" {
		return "", channels.Doubt(errors.New("voice: Twilio took the call and gave no SID"))
	}
	t.recent.Settled(key, *sent.Sid)
	return *sent.Sid, nil
}

// failure is what an error of a call of the REST interface means. What Twilio refused rang no telephone. Numbers that can't
// be rung (13224, 21211, 21214, 21217) or may not (13227, 21215, 21216) are gone: those are all codes that aren't listed.
func failure(c *twilio.Call, what string, err error) error {
	_, err = c.Failure("voice: "+what, err)
	if after, again := channels.Retrying(err); again {
		return channels.Retry(fmt.Errorf("%w: %w", channels.ErrNotRung, err), after)
	}
	return err
}

// Look asks Twilio what became of a call that may or may not have been made: by its receipt; else by what a status report
// said of key, or by the list of calls, as long as this process began it. Find tells it later too.
func (t *Twilio) Look(ctx context.Context, key, receipt string) (bool, error) {
	if receipt != "" {
		c := t.account.Call(ctx)
		m, err := c.REST().FetchCall(receipt, &rest.FetchCallParams{})
		if err != nil {
			if c.Status == 404 {
				return false, nil
			}
			return false, failure(c, "look up", err)
		}
		return m.Sid != nil, nil
	}
	a, ok := t.recent.Get(key)
	switch {
	case !ok:
		return false, errors.New("voice: this call was begun by another process; Find can look for it")
	case a.Receipt != "":
		return true, nil
	}
	_, sent, err := t.find(ctx, a.To, key, a.Since)
	return sent, err
}

// Find looks in Twilio's list for a call whose receipt was lost: to the same number, begun at since or later, by the account
// itself. since is when it was first tried.
func (t *Twilio) Find(ctx context.Context, to channels.Address, _ render.Page, key string, since time.Time) (string, bool, error) {
	return t.find(ctx, to.ID, key, since)
}

const (
	skew      = time.Minute // how far Twilio's clock and ours may be apart
	listPages = 10          // of Twilio's list are looked at: 500 calls to one number
)

func (t *Twilio) find(ctx context.Context, to, key string, since time.Time) (string, bool, error) {
	if a, ok := t.recent.Get(key); ok && a.Receipt != "" {
		return a.Receipt, true, nil
	}
	// Not narrowed by StartTime: a call that still waits in Twilio's queue has none. The list is newest first.
	params := &rest.ListCallParams{}
	params.SetTo(to)
	params.SetPageSize(50)
	token, page := "", ""
	for range listPages {
		c := t.account.Call(ctx)
		list, err := c.REST().PageCall(params, token, page)
		if err != nil {
			return "", false, failure(c, "look up", err)
		}
		old := true
		for i := range list.Calls {
			m := &list.Calls[i]
			begun, ok := created(m)
			if ok && begun.Before(since.Add(-skew)) {
				continue
			}
			old = false
			if m.Sid != nil && m.To != nil && *m.To == to && m.Direction != nil && *m.Direction == "outbound-api" && !t.recent.Other(key, *m.Sid) {
				t.recent.Settled(key, *m.Sid)
				return *m.Sid, true, nil
			}
		}
		more := false
		if token, page, more = nextPage(list.NextPageUri); old || !more {
			return "", false, nil
		}
	}
	return "", false, errors.New("voice: look up: too many calls to this number to tell")
}

func created(m *rest.ApiV2010Call) (time.Time, bool) {
	if m.DateCreated == nil {
		return time.Time{}, false
	}
	at, err := time.Parse(time.RFC1123Z, *m.DateCreated)
	return at, err == nil
}

// nextPage is where a list goes on.
func nextPage(uri *string) (token, page string, more bool) {
	if uri == nil {
		return "", "", false
	}
	u, err := url.Parse(*uri)
	if err != nil || u.RawQuery == "" {
		return "", "", false
	}
	q := u.Query()
	return q.Get("PageToken"), q.Get("Page"), true
}

// pages are what calls that went out are about. A page goes with the call in an address, sealed, so that any server of the
// town can say it; one that is too large for that waits here, and where it is gone the resident is asked as if they had rung.
type pages struct {
	mu    sync.Mutex
	by    map[string]render.Page
	order []string
}

// close returns how a page is named in an address; "" where it waits here, by key.
func (s *pages) close(seal *sealer, p *render.Page, key string) (string, error) {
	b, err := engine.Encode(p)
	if err != nil {
		return "", err
	}
	var small bytes.Buffer
	squeeze, err := flate.NewWriter(&small, flate.BestCompression)
	if err != nil {
		return "", err
	}
	squeeze.Write(b) // a buffer takes all
	squeeze.Close()
	if sealed := seal.close("page", small.Bytes()); len(sealed) <= mostSealed {
		return sealed, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.by == nil {
		s.by = make(map[string]render.Page)
	}
	if _, again := s.by[key]; !again {
		if s.order = append(s.order, key); len(s.order) > mostPages {
			delete(s.by, s.order[0])
			s.order = s.order[1:]
		}
	}
	s.by[key] = *p
	return "", nil
}

func (s *pages) open(seal *sealer, sealed, key string) (render.Page, bool) {
	if sealed == "" {
		s.mu.Lock()
		defer s.mu.Unlock()
		p, ok := s.by[key]
		return p, ok
	}
	var p render.Page
	b, ok := seal.open("page", sealed)
	if !ok {
		return p, false
	}
	if b, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(b)), 1<<16)); err != nil || engine.Decode(b, &p) != nil {
		return p, false
	}
	return p, true
}
