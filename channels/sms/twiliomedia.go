package sms

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"

	rest "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/townline/townline/channels"
)

var (
	_ channels.Fetcher = (*Twilio)(nil)
	_ channels.Fetcher = (*WhatsApp)(nil)
)

// mediaPath is the address of a picture or a recording that came with a message: account, message, media.
var mediaPath = regexp.MustCompile(`^/2010-04-01/Accounts/(AC[0-9a-fA-F]{32})/Messages/([SM]M[0-9a-fA-F]{32})/Media/(ME[0-9a-fA-F]{32})$`)

// mediaOf reads such an address. Others are not asked for: a message could name any.
func (t *Twilio) mediaOf(ref string) (path, message, media string, err error) {
	u, err := url.Parse(ref)
	if err == nil && u.Scheme == "https" && u.Host == "api.twilio.com" && u.User == nil && u.RawQuery == "" {
		if m := mediaPath.FindStringSubmatch(u.Path); m != nil && m[1] == t.account.SID {
			return u.Path, m[2], m[3], nil
		}
	}
	return "", "", "", channels.Gone(errors.New("sms: not a picture of this account"), "ref")
}

// Fetch gets a picture or a recording that came with a message.
func (t *Twilio) Fetch(ctx context.Context, ref string) (channels.Attachment, error) {
	path, _, _, err := t.mediaOf(ref)
	if err != nil {
		return channels.Attachment{}, err
	}
	c := t.account.Call(ctx)
	b, err := c.Bytes(path, channels.MostBytes)
	switch _, gone := channels.IsGone(err); {
	case err == nil:
	case c.Status == http.StatusNotFound:
		return channels.Attachment{}, channels.Gone(errors.New("sms: a picture is not at Twilio any more"), "deleted")
	case !gone:
		return channels.Attachment{}, failure(c, "fetch a picture", err)
	default:
		return channels.Attachment{}, err
	}
	return channels.Attachment{Bytes: b}, nil // of what kind, its first bytes say
}

// Drop has Twilio delete it.
func (t *Twilio) Drop(ctx context.Context, ref string) error {
	_, message, media, err := t.mediaOf(ref)
	if err != nil {
		return err
	}
	c := t.account.Call(ctx)
	if err := c.REST().DeleteMedia(message, media, &rest.DeleteMediaParams{}); err != nil && c.Status != http.StatusNotFound {
		return failure(c, "delete a picture", err)
	}
	return nil
}

// Fetch gets what came with a message by WhatsApp.
func (w *WhatsApp) Fetch(ctx context.Context, ref string) (channels.Attachment, error) {
	return w.twilio.Fetch(ctx, ref)
}

// Drop has Twilio delete it.
func (w *WhatsApp) Drop(ctx context.Context, ref string) error { return w.twilio.Drop(ctx, ref) }
