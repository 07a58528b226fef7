package twilio

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
)

// Call is one call of Twilio's REST interface. twilio-go takes no context, leaves the bodies of errors unread, which costs
// a connection each, and hides Retry-After and whether a request ever left: Call sees to these.
type Call struct {
	ctx     context.Context
	account *Account

	left   atomic.Bool // the request, or a part of it, is on its way
	Status int         // 0: no answer
	after  time.Duration
}

// Call begins a call; it ends with ctx.
func (a *Account) Call(ctx context.Context) *Call { return &Call{ctx: ctx, account: a} }

// REST is the interface. One request is made with it.
func (c *Call) REST() *rest.ApiService {
	backend := c.account.client
	backend.Transport = c
	twilio := &client.Client{Credentials: client.NewCredentials(c.account.SID, c.account.token()), HTTPClient: &backend}
	twilio.SetAccountSid(c.account.SID)
	return rest.NewApiService(&client.RequestHandler{Client: twilio})
}

// mostAnswer is the most of an answer that is read. A page of 50 messages is under 100 KiB.
const mostAnswer = 1 << 20

// RoundTrip sends r under the caller's context and reads the answer whole.
func (c *Call) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	stop := context.AfterFunc(r.Context(), cancel) // http.Client's own timeout
	defer stop()
	r = r.Clone(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteHeaderField: func(string, []string) { c.left.Store(true) },
	}))
	if base := c.account.base; base != nil {
		r.URL.Scheme, r.URL.Host, r.Host = base.Scheme, base.Host, base.Host
		r.URL.Path = strings.TrimRight(base.Path, "/") + r.URL.Path
	}
	transport := c.account.client.Transport
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
	c.Status = answer.StatusCode
	c.after = channels.RetryAfter(answer.Header.Get("Retry-After"), c.account.now())
	answer.Body = io.NopCloser(bytes.NewReader(body))
	return answer, nil
}

// Failure is what err of twilio-go's means, with what channels marks errors by. what is said of it: "sms: send". Twilio's
// own message is left out: it quotes the number. code is Twilio's, 0 where it said none.
func (c *Call) Failure(what string, err error) (code int, failed error) {
	if c.Status == 0 {
		err = fmt.Errorf("%s: Twilio can't be reached: %w", what, bare(err))
		if c.left.Load() {
			return 0, channels.Doubt(err)
		}
		return 0, channels.Retry(err, 0)
	}
	if refusal := (*client.TwilioRestError)(nil); errors.As(err, &refusal) {
		code = refusal.Code
	} else if c.Status < 300 {
		return 0, channels.Doubt(fmt.Errorf("%s: Twilio's answer (%d) can't be read", what, c.Status))
	}
	err = fmt.Errorf("%s: Twilio refused, status %d, code %d", what, c.Status, code)
	switch v, after := Judge(c.Status, code); v {
	case Again:
		if c.after > 0 {
			after = c.after
		}
		if Throttles(c.Status, code) {
			err = fmt.Errorf("%w: %w", channels.ErrThrottled, err)
		}
		return code, channels.Retry(err, after)
	case Unsure:
		return code, channels.Doubt(err)
	}
	if code == CodeOptedOut {
		err = fmt.Errorf("%w: %w", channels.ErrOptedOut, err)
	}
	if BadNumber(code) {
		err = fmt.Errorf("%w: %w", channels.ErrBadNumber, err)
	}
	if code == 0 {
		code = c.Status
	}
	return code, channels.Gone(err, strconv.Itoa(code))
}

// bare is err without the address that was called: that holds secrets, numbers and words.
func bare(err error) error {
	if u := (*url.Error)(nil); errors.As(err, &u) {
		return u.Err
	}
	return err
}

// ErrTooLarge is the error of what is larger than it may be.
var ErrTooLarge = errors.New("it is too large")

// Bytes gets a file, of at most so many bytes. Twilio may send elsewhere for it; the account's password goes nowhere else.
func (c *Call) Bytes(path string, most int) ([]byte, error) {
	r, err := http.NewRequestWithContext(c.ctx, http.MethodGet, "https://api.twilio.com"+path, nil)
	if err != nil {
		return nil, err
	}
	if base := c.account.base; base != nil {
		r.URL.Scheme, r.URL.Host, r.Host = base.Scheme, base.Host, base.Host
		r.URL.Path = strings.TrimRight(base.Path, "/") + r.URL.Path
	}
	r.SetBasicAuth(c.account.SID, c.account.token())
	browser := c.account.client
	browser.CheckRedirect = func(next *http.Request, via []*http.Request) error {
		if len(via) > 3 || next.URL.Scheme != "https" && next.URL.Host != via[0].URL.Host {
			return http.ErrUseLastResponse
		}
		return nil
	}
	answer, err := browser.Do(r)
	if err != nil {
		return nil, bare(err)
	}
	defer answer.Body.Close()
	c.Status = answer.StatusCode
	c.after = channels.RetryAfter(answer.Header.Get("Retry-After"), c.account.now())
	if answer.StatusCode != http.StatusOK {
		io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10))
		return nil, &client.TwilioRestError{Status: answer.StatusCode}
	}
	b, err := io.ReadAll(io.LimitReader(answer.Body, int64(most)+1))
	switch {
	case err != nil:
		c.Status = 0 // it can be asked for again
		return nil, bare(err)
	case len(b) > most:
		return nil, channels.Gone(ErrTooLarge, "size")
	}
	return b, nil
}
