package sms

import (
	"context"
	"errors"
	"strings"
	"time"

	rest "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/twilio"
	"github.com/townline/townline/dialogs/render"
)

// Look asks Twilio what became of a push: by its receipt; else by what a status report said of key, or by the list of
// messages, as long as this process began the push. An error means that it can't be told now; Find tells it later too.
func (t *Twilio) Look(ctx context.Context, key, receipt string) (bool, error) {
	if receipt != "" {
		call := t.account.Call(ctx)
		m, err := call.REST().FetchMessage(receipt, &rest.FetchMessageParams{})
		if err != nil {
			if call.Status == 404 {
				return false, nil
			}
			return false, failure(call, "look up", err)
		}
		return m.Sid != nil, nil
	}
	a, ok := t.recent.Get(key)
	switch {
	case !ok:
		return false, errors.New("sms: this push was begun by another process; Find can look for it")
	case a.Receipt != "":
		return true, nil
	}
	_, sent, err := t.find(ctx, a.To, a.Text, key, a.Since)
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
	if a, ok := t.recent.Get(key); ok && a.Receipt != "" {
		return a.Receipt, true, nil
	}
	// Not narrowed by DateSent: a message that still waits in Twilio's queue has none. The list is newest first.
	params := &rest.ListMessageParams{}
	params.SetTo(to)
	params.SetPageSize(50)
	token, page := "", ""
	for range mostPages {
		call := t.account.Call(ctx)
		list, err := call.REST().PageMessage(params, token, page)
		if err != nil {
			return "", false, failure(call, "look up", err)
		}
		old := true
		for _, m := range list.Messages {
			begun, ok := created(m)
			if ok && begun.Before(since.Add(-skew)) {
				continue
			}
			old = false
			if ours(m, to, text) && !t.recent.Other(key, *m.Sid) {
				t.recent.Settled(key, *m.Sid)
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
	f := twilio.ParseForm([]byte(query))
	return f.Value("PageToken"), f.Value("Page"), ok
}
