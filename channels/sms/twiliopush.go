package sms

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twilio/twilio-go/client"
	rest "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/townline/townline/channels"
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
	t.recent.started(key, attempt{to: to, text: text, since: t.now()})
	call := t.call(ctx)
	sent, err := call.rest().CreateMessage(params)
	if err != nil {
		return "", call.failure("send", err)
	}
	if sent.Sid == nil || *sent.Sid == "" {
		return "", channels.Doubt(errors.New("sms: Twilio took the message and gave no SID"))
	}
	t.recent.settled(key, *sent.Sid)
	return *sent.Sid, nil
}

// statusCallback is where Twilio tells what became of a push. key comes back with it, so that a push whose receipt was
// lost is settled by the first report.
func (t *Twilio) statusCallback(key string) string {
	public, fragment, _ := strings.Cut(t.cfg.PublicURL, "#")
	s := strings.TrimRight(public, "/") + "/sms/twilio/status?key=" + url.QueryEscape(key)
	if fragment != "" {
		s += "#" + fragment
	}
	return s
}

// call is one call of Twilio's REST interface. twilio-go takes no context, leaves the bodies of errors unread, which costs
// a connection each, and hides Retry-After and whether a request ever left: call sees to these.
type call struct {
	ctx    context.Context
	twilio *Twilio

	left   atomic.Bool // the request, or a part of it, is on its way
	status int         // 0: no answer
	after  time.Duration
}

func (t *Twilio) call(ctx context.Context) *call { return &call{ctx: ctx, twilio: t} }

func (c *call) rest() *rest.ApiService {
	backend := c.twilio.client
	backend.Transport = c
	twilio := &client.Client{Credentials: client.NewCredentials(c.twilio.cfg.AccountSID, string(c.twilio.signatures.tokens[0])), HTTPClient: &backend}
	twilio.SetAccountSid(c.twilio.cfg.AccountSID)
	return rest.NewApiService(&client.RequestHandler{Client: twilio})
}

// mostAnswer is the most of an answer that is read. A page of 50 messages is under 100 KiB.
const mostAnswer = 1 << 20

// RoundTrip sends r under the caller's context and reads the answer whole.
func (c *call) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	stop := context.AfterFunc(r.Context(), cancel) // http.Client's own timeout
	defer stop()
	r = r.Clone(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteHeaderField: func(string, []string) { c.left.Store(true) },
	}))
	if base := c.twilio.base; base != nil {
		r.URL.Scheme, r.URL.Host, r.Host = base.Scheme, base.Host, base.Host
		r.URL.Path = strings.TrimRight(base.Path, "/") + r.URL.Path
	}
	transport := c.twilio.client.Transport
	if transport == nil {
		transport = http.DefaultTransport
	}
	answer, err := transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, mostAnswer))
	if err != nil {
		return nil, err
	}
	c.status = answer.StatusCode
	c.after = wait(answer.Header.Get("Retry-After"), c.twilio.now())
	answer.Body = io.NopCloser(bytes.NewReader(body))
	return answer, nil
}

// failure is what err of twilio-go's means. Twilio's own message is left out: it quotes the number.
func (c *call) failure(what string, err error) error {
	if c.status == 0 {
		err = fmt.Errorf("sms: %s: Twilio can't be reached: %w", what, bare(err))
		if c.left.Load() {
			return channels.Doubt(err)
		}
		return channels.Retry(err, 0)
	}
	code := 0
	if refusal := (*client.TwilioRestError)(nil); errors.As(err, &refusal) {
		code = refusal.Code
	} else if c.status < 300 {
		return channels.Doubt(fmt.Errorf("sms: %s: Twilio's answer (%d) can't be read", what, c.status))
	}
	err = fmt.Errorf("sms: %s: Twilio refused, status %d, code %d", what, c.status, code)
	switch v, after := judge(c.status, code); v {
	case again:
		if c.after > 0 {
			after = c.after
		}
		return channels.Retry(err, after)
	case unsure:
		return channels.Doubt(err)
	}
	if code == codeOptedOut {
		err = fmt.Errorf("%w: %w", channels.ErrOptedOut, err)
	}
	if code == 0 {
		code = c.status
	}
	return channels.Gone(err, strconv.Itoa(code))
}

// longestWait bounds what a provider may wish for.
const longestWait = 24 * time.Hour

// wait reads Retry-After (RFC 9110 §10.2.3), seconds or a date; 0 where there is none.
func wait(s string, now time.Time) time.Duration {
	if s == "" {
		return 0
	}
	if n, err := strconv.Atoi(s); err == nil {
		return min(max(time.Duration(min(n, 1<<30))*time.Second, 0), longestWait)
	}
	if at, err := http.ParseTime(s); err == nil {
		return min(max(at.Sub(now), 0), longestWait)
	}
	return 0
}
