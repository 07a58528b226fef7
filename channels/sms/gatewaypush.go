package sms

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/signature"
	"github.com/townline/townline/dialogs/render"
)

// Deliver hands one page to the gateway: by a signed POST to its address, or by laying it on the shelf until the gateway
// has fetched and reported it, which may take as long as ctx allows. The receipt is key. As the gateway sends an id once
// however often it gets it, nothing is ever in doubt: what got no answer is tried again.
func (g *Gateway) Deliver(ctx context.Context, to channels.Address, p render.Page, key string) (string, error) {
	m := outgoing{ID: key, From: g.cfg.From, To: to.ID, Text: plain(p.Text)}
	switch {
	case to.Kind != "tel":
		return "", channels.Gone(errors.New("sms: only a number can be sent a text"), "address")
	case strings.TrimSpace(m.Text) == "":
		return "", channels.Gone(errors.New("sms: there is nothing to send"), "empty")
	case g.cfg.URL == "":
		if err := g.shelf.lay(ctx, m); err != nil {
			return "", err
		}
		return key, nil
	}
	body, _ := json.Marshal(m) // strings only: can't fail
	h := http.Header{"Content-Type": {"application/json"}}
	signature.Put(g.secret, signedPush, h, body, g.now())
	a, err := ask(ctx, &g.client, http.MethodPost, g.cfg.URL, h, bytes.NewReader(body))
	if err != nil {
		l, _ := err.(lost)
		return "", channels.Retry(fmt.Errorf("sms: the gateway can't be reached: %w", l.error), 0)
	}
	err = fmt.Errorf("sms: the gateway refused a text, status %d", a.status)
	switch {
	case a.status >= 200 && a.status < 300:
		return key, nil
	case a.status == http.StatusUnauthorized, a.status == http.StatusForbidden, a.status == http.StatusNotFound, a.status >= 300 && a.status < 400:
		return "", channels.Retry(err, 5*time.Minute) // the secret, the clock or the address: staff can mend it
	case a.status == http.StatusTooManyRequests:
		return "", channels.Retry(fmt.Errorf("%w: %w", channels.ErrThrottled, err), channels.RetryAfter(a.retryAfter, g.now()))
	case a.status >= 500, a.status == http.StatusRequestTimeout:
		return "", channels.Retry(err, channels.RetryAfter(a.retryAfter, g.now()))
	}
	return "", channels.Gone(err, strconv.Itoa(a.status))
}

// shelf holds texts for a gateway that fetches. Only what a Deliver waits for lies on it: the record is the outbox. The zero
// value is ready; it is safe for concurrent use.
type shelf struct {
	mu   sync.Mutex
	laid []*laid // oldest first
}

type laid struct {
	outgoing
	word chan channels.Delivery // the gateway's first word on it
}

// mostFetched is the most texts in one answer.
const mostFetched = 50

// lay puts a text on the shelf until it is taken, or ctx ends.
func (s *shelf) lay(ctx context.Context, m outgoing) error {
	l := &laid{m, make(chan channels.Delivery, 1)}
	s.mu.Lock()
	s.laid = append(s.laid, l)
	s.mu.Unlock()
	select {
	case d := <-l.word:
		return outcome(d)
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.laid, l); i >= 0 {
		s.laid = slices.Delete(s.laid, i, i+1)
		return channels.Retry(errors.New("sms: the gateway has not fetched a text"), 0)
	}
	return outcome(<-l.word) // taken in this moment
}

func outcome(d channels.Delivery) error {
	if d.State == channels.Failed {
		return channels.Gone(errors.New("sms: the gateway could not send a text"), d.Code)
	}
	return nil
}

func (s *shelf) waiting() []outgoing {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]outgoing, 0, min(len(s.laid), mostFetched))
	for _, l := range s.laid[:min(len(s.laid), mostFetched)] {
		out = append(out, l.outgoing)
	}
	return out
}

// taken gives the gateway's word on id to whoever waits for it, and says whether anybody did.
func (s *shelf) taken(id string, d channels.Delivery) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	waited := false
	s.laid = slices.DeleteFunc(s.laid, func(l *laid) bool {
		if l.ID != id {
			return false
		}
		waited = true
		l.word <- d
		return true
	})
	return waited
}
