package sms

import (
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

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/render"
)

// Deliver hands one page to sendsms. The receipt is key, which Kannel gives back in its delivery reports.
func (k *Kannel) Deliver(ctx context.Context, to channels.Address, p render.Page, key string) (string, error) {
	text := plain(p.Text)
	switch {
	case to.Kind != "tel":
		return "", channels.Gone(errors.New("sms: only a number can be sent a text"), "address")
	case strings.TrimSpace(text) == "":
		return "", channels.Gone(errors.New("sms: there is nothing to send"), "empty")
	case k.cfg.SendURL == "":
		return "", channels.Gone(errors.New("sms: Kannel's sendsms is not set"), "sendsms")
	}
	q := url.Values{
		"username": {k.cfg.Username}, "password": {k.cfg.Password},
		"to": {to.ID}, "text": {text}, "charset": {"UTF-8"}, "coding": {coding(text)},
	}
	if k.cfg.From != "" {
		q.Set("from", k.cfg.From)
	}
	if k.cfg.SMSC != "" {
		q.Set("smsc", k.cfg.SMSC)
	}
	if k.cfg.PublicURL != "" {
		q.Set("dlr-mask", strconv.Itoa(dlrAll))
		q.Set("dlr-url", strings.TrimRight(k.cfg.PublicURL, "/")+"/sms/kannel/dlr?key="+url.QueryEscape(k.cfg.Secret)+
			"&id="+url.QueryEscape(key)+"&type=%d&smsc=%i")
	}
	address := k.cfg.SendURL + "?" + q.Encode()
	if strings.Contains(k.cfg.SendURL, "?") {
		address = k.cfg.SendURL + "&" + q.Encode()
	}
	answer, err := ask(ctx, &k.client, http.MethodGet, address, nil, once{})
	if err != nil {
		return "", unreached("Kannel", err)
	}
	// 202 "0: Accepted for delivery" and "3: Queued for later delivery" are Kannel's yes; 503 is "temporal failure".
	switch {
	case answer.status == http.StatusAccepted && (strings.HasPrefix(answer.body, "0:") || strings.HasPrefix(answer.body, "3:")):
		return key, nil
	case answer.status == http.StatusOK, answer.status == http.StatusAccepted:
		return "", channels.Doubt(fmt.Errorf("sms: Kannel's answer to a text (status %d) can't be read", answer.status))
	}
	err = fmt.Errorf("sms: Kannel refused a text, status %d", answer.status)
	switch {
	case answer.status == http.StatusForbidden, answer.status == http.StatusUnauthorized, answer.status == http.StatusNotFound:
		return "", channels.Retry(err, 5*time.Minute) // user, password or address: staff can mend it
	case answer.status == http.StatusGatewayTimeout:
		return "", channels.Doubt(err)
	case answer.status == http.StatusTooManyRequests:
		return "", channels.Retry(fmt.Errorf("%w: %w", channels.ErrThrottled, err), channels.RetryAfter(answer.retryAfter, k.now()))
	case answer.status >= 500, answer.status >= 300 && answer.status < 400:
		return "", channels.Retry(err, channels.RetryAfter(answer.retryAfter, k.now()))
	}
	return "", channels.Gone(err, strconv.Itoa(answer.status))
}

// answer of a provider's, as much of it as is needed.
type answer struct {
	status     int
	body       string
	retryAfter string
}

// lost is a request that got no answer. left says whether a part of it may have arrived.
type lost struct {
	error
	left bool
}

// once is the empty body of a GET that must not be sent twice: net/http sends one again by itself when a kept connection
// breaks, unless there is a body that it can't rewind.
type once struct{}

func (once) Read([]byte) (int, error) { return 0, io.EOF }

// ask sends one request and reads the answer whole. The error is lost, without the address, which holds secrets.
func ask(ctx context.Context, client *http.Client, method, address string, header http.Header, body io.Reader) (answer, error) {
	var left atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaderField: func(string, []string) { left.Store(true) }})
	r, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return answer{}, lost{bare(err), false}
	}
	for name, values := range header {
		r.Header[name] = values
	}
	a, err := client.Do(r)
	if err != nil {
		return answer{}, lost{bare(err), left.Load()}
	}
	defer a.Body.Close()
	b, err := io.ReadAll(io.LimitReader(a.Body, bodyLimit))
	if err != nil {
		return answer{}, lost{bare(err), true}
	}
	return answer{a.StatusCode, string(b), a.Header.Get("Retry-After")}, nil
}

// unreached is a push that got no answer.
func unreached(who string, err error) error {
	l, _ := err.(lost)
	err = fmt.Errorf("sms: %s can't be reached: %w", who, l.error)
	if l.left {
		return channels.Doubt(err)
	}
	return channels.Retry(err, 0)
}
