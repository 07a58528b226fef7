package sms

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"
	"unicode/utf8"

	rest "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/render"
)

// Content names templates that the town made in Twilio's Content Template Builder, by how many options they hold. With
// none, options are a numbered list in the words, which works in every chat. {{1}} is the words, {{2}} and {{3}} the
// label and the id of the first option, {{4}} and {{5}} of the second, and so on.
type Content struct {
	Buttons map[int]string // quick replies: 1 to 3 options
	Lists   map[int]string // list pickers: 1 to 10 options
}

var contentSID = regexp.MustCompile(`^HX[0-9a-fA-F]{32}$`)

func (c Content) check() error {
	for _, set := range []struct {
		of   map[int]string
		most int
	}{{c.Buttons, render.WhatsApp.Buttons}, {c.Lists, render.WhatsApp.Rows}} {
		for n, sid := range set.of {
			if n < 1 || n > set.most || !contentSID.MatchString(sid) {
				return fmt.Errorf("sms: a template for %d options (of at most %d) must be a SID that begins with HX", n, set.most)
			}
		}
	}
	return nil
}

// choose returns the template for a page's options; "" where none fits.
func (c Content) choose(p render.Page) string {
	n := len(p.Options)
	if fits(p, render.WhatsApp.Label) && c.Buttons[n] != "" {
		return c.Buttons[n]
	}
	if fits(p, render.WhatsApp.RowLabel) {
		return c.Lists[n]
	}
	return ""
}

func fits(p render.Page, label int) bool {
	for _, o := range p.Options {
		if o.Label == "" || utf8.RuneCountInString(o.Label) > label {
			return false
		}
	}
	return len(p.Options) > 0
}

// variables of a template, as JSON.
func variables(p render.Page) string {
	v := map[string]string{"1": plain(p.Text)}
	for i, o := range p.Options {
		v[strconv.Itoa(2*i+2)] = plain(o.Label)
		v[strconv.Itoa(2*i+3)] = channels.Button(o.Digit, p.Mark)
	}
	b, _ := json.Marshal(v) // strings only: can't fail
	return string(b)
}

// WhatsApp pushes to WhatsApp through the same account; what comes from there is received by Twilio.Mount.
type WhatsApp struct{ twilio *Twilio }

var (
	_ channels.Channel = (*WhatsApp)(nil)
	_ channels.Settler = (*WhatsApp)(nil)
	_ channels.Finder  = (*WhatsApp)(nil)
)

// WhatsApp returns the channel that pushes to WhatsApp.
func (t *Twilio) WhatsApp() *WhatsApp { return &WhatsApp{t} }

func (w *WhatsApp) Name() string { return WhatsAppName }

// Traits promise buttons and lists only where there are templates for them.
func (w *WhatsApp) Traits() render.Traits {
	t := render.WhatsApp
	if len(w.twilio.cfg.Content.Buttons) == 0 {
		t.Buttons, t.Label = 0, 0
	}
	if len(w.twilio.cfg.Content.Lists) == 0 {
		t.Rows, t.RowLabel = 0, 0
	}
	return t
}

// Deliver sends one page. Where more than a day has passed since the resident wrote, WhatsApp takes approved templates
// only: the error is marked by channels.Gone, with code 63016.
func (w *WhatsApp) Deliver(ctx context.Context, to channels.Address, p render.Page, key string) (string, error) {
	if to.Kind != "tel" && to.Kind != "whatsapp" {
		return "", channels.Gone(errors.New("sms: WhatsApp can't reach this kind of address"), "address")
	}
	params := &rest.CreateMessageParams{}
	switch c := w.twilio.cfg; {
	case c.WhatsApp != "":
		params.SetFrom(whatsAppPrefix + c.WhatsApp)
	case serviceSID.MatchString(c.From):
		params.SetMessagingServiceSid(c.From)
	default:
		params.SetFrom(whatsAppPrefix + c.From)
	}
	if sid := w.twilio.cfg.Content.choose(p); sid != "" {
		params.SetContentSid(sid)
		params.SetContentVariables(variables(p))
	}
	return w.twilio.send(ctx, params, whatsAppPrefix+to.ID, p.Text, key)
}

// Look is as Twilio.Look.
func (w *WhatsApp) Look(ctx context.Context, key, receipt string) (bool, error) {
	return w.twilio.Look(ctx, key, receipt)
}

// Find is as Twilio.Find.
func (w *WhatsApp) Find(ctx context.Context, to channels.Address, p render.Page, key string, since time.Time) (string, bool, error) {
	return w.twilio.find(ctx, whatsAppPrefix+to.ID, plain(p.Text), key, since)
}
