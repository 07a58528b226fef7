package sms

import (
	"context"
	"errors"
	"net/url"
	"strings"

	rest "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/twilio"
	"github.com/townline/townline/dialogs/render"
)

// Deliver sends one page as a text message. The receipt is Twilio's SID of it.
func (t *Twilio) Deliver(ctx context.Context, to channels.Address, p render.Page, key string) (string, error) {
	if to.Kind != "tel" {
		return "", channels.Gone(errors.New("sms: only a number can be sent a text"), "address")
	}
	if t.cfg.From == "" {
		return "", channels.Gone(errors.New("sms: no number to send texts from is set"), "from")
	}
	params := &rest.CreateMessageParams{}
	if serviceSID.MatchString(t.cfg.From) {
		params.SetMessagingServiceSid(t.cfg.From)
	} else {
		params.SetFrom(t.cfg.From)
	}
	return t.send(ctx, params, to.ID, p.Text, key)
}

func (t *Twilio) send(ctx context.Context, params *rest.CreateMessageParams, to, text, key string) (string, error) {
	if text = plain(text); strings.TrimSpace(text) == "" {
		return "", channels.Gone(errors.New("sms: there is nothing to send"), "empty")
	}
	params.SetTo(to)
	if params.ContentSid == nil {
		params.SetBody(text)
	}
	params.SetStatusCallback(t.statusCallback(key))
	t.recent.Started(key, twilio.Attempt{To: to, Text: text, Since: t.now()})
	call := t.account.Call(ctx)
	sent, err := call.REST().CreateMessage(params)
	if err != nil {
		return "", failure(call, "send", err)
	}
	if sent.Sid == nil || *sent.Sid == "" {
		return "", channels.Doubt(errors.New("sms: Twilio took the message and gave no SID"))
	}
	t.recent.Settled(key, *sent.Sid)
	return *sent.Sid, nil
}

// statusCallback is where Twilio tells what became of a push. key comes back with it, so that a push whose receipt was
// lost is settled by the first report.
func (t *Twilio) statusCallback(key string) string {
	return t.account.Address("/sms/twilio/status?key=" + url.QueryEscape(key))
}

// failure is what an error of a call means.
func failure(call *twilio.Call, what string, err error) error {
	_, err = call.Failure("sms: "+what, err)
	return err
}
