package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/townline/townline/channels"
)

// reach asks what is far away: whether it's there, and whether it knows us.
func (d *checkup) reach(ctx context.Context) {
	d.public(ctx)
	c := d.c
	if t := c.SMS.Twilio; t.AccountSID != "" && len(t.AuthToken) > 0 {
		d.account(ctx, "sms.twilio", t.AccountSID, t.AuthToken[0].Reveal())
	}
	if v := c.Voice; v.Twilio.AccountSID != "" && v.Twilio.AccountSID != c.SMS.Twilio.AccountSID && len(v.Twilio.AuthToken) > 0 {
		d.account(ctx, "voice.twilio", v.Twilio.AccountSID, v.Twilio.AuthToken[0].Reveal())
	}
	if c.Telegram.Token.IsSet() {
		d.bot(ctx)
	}
	for _, one := range []struct{ key, address string }{{"sms.gateway.url", c.SMS.Gateway.URL}, {"sms.kannel.send_url", c.SMS.Kannel.SendURL}, {"kiosk.centre", c.Kiosk.Centre}, {"watch.traces", c.Watch.Traces}} {
		if u, err := url.Parse(one.address); err == nil && u.Host != "" {
			port := u.Port()
			if port == "" {
				port = map[string]string{"https": "443"}[u.Scheme]
			}
			if port == "" {
				port = "80"
			}
			d.dial(ctx, one.key, net.JoinHostPort(u.Hostname(), port))
		}
	}
	for _, o := range c.SMPP.Operators {
		d.dial(ctx, "smpp.operators: "+o.Name, o.Host)
	}
	for _, t := range c.SIP.Trunks {
		host := t.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		if host == "" || net.ParseIP(host) != nil {
			continue
		}
		if _, err := net.DefaultResolver.LookupHost(ctx, host); err != nil {
			d.bad("sip.trunks: "+t.Name, "There is no machine of the name "+host+".", "Look whether it's written right, and whether this machine can look names up.")
		}
	}
}

// dial looks whether somebody is there.
func (d *checkup) dial(ctx context.Context, about, at string) {
	ctx, done := context.WithTimeout(ctx, farMost)
	defer done()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", at)
	if err == nil {
		conn.Close()
		return
	}
	var name *net.DNSError
	if errors.As(err, &name) {
		d.bad(about, "There is no machine of the name "+name.Name+".", "Look whether it's written right, and whether this machine can look names up.")
		return
	}
	d.bad(about, "Nobody answers at "+at+".", "Is it running there, and does a firewall let this machine through?")
}

// public looks at the town from outside, as a phone company does.
func (d *checkup) public(ctx context.Context) {
	if d.c.PublicURL == "" {
		return
	}
	ctx, done := context.WithTimeout(ctx, farMost)
	defer done()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.c.PublicURL+"/healthz", nil)
	if err != nil {
		return
	}
	resp, err := d.client.Do(req)
	if err != nil {
		var name *net.DNSError
		var invalid x509.CertificateInvalidError
		var broken *tls.CertificateVerificationError
		switch {
		case errors.As(err, &name):
			d.bad("public_url", "There is no machine of the name "+name.Name+".", "Enter the name where the town's names are kept (DNS), or mend public_url.")
		case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
			d.bad("public_url", "The certificate of the public address is over: phone companies don't call any more.", "Renew it in the proxy that stands before the server.", invalid.Cert.NotAfter)
		case errors.As(err, &broken):
			d.bad("public_url", "The certificate of the public address is none that the world trusts, or is for another name.", "Get one for this very name, with what it was signed by.")
		default:
			d.bad("public_url", "Nobody answers at the public address.", "Is the proxy running, and does the firewall let the world through? From within some networks a town can't see itself: ask from outside too.")
		}
		return
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	alive := strings.TrimSpace(string(text)) == "alive" // a proxy may well keep this to itself
	var shut []string
	doors := d.doors()
	for _, path := range doors {
		if !d.passes(ctx, path) {
			shut = append(shut, path)
		}
	}
	switch {
	case !alive && len(shut) == len(doors):
		d.bad("public_url", fmt.Sprintf("Another program than townline answers at the public address, or the way to it is wrong (status %d).", resp.StatusCode), "The proxy must pass "+cmp.Or(strings.Join(doors, ", "), "/sms/, /telegram/, /ussd/, /voice/ and /web")+" on to listen, as they are.")
	case len(shut) > 0:
		d.bad("public_url", "What comes to "+strings.Join(shut, ", ")+" at the public address doesn't get here.", "The proxy must pass it on to listen, as it is.")
	}
	if u, err := url.Parse(d.c.PublicURL); err == nil && !channels.IsHouse(u.Hostname()) {
		if figures, status, err := d.get(ctx, farMost, d.c.PublicURL+"/metrics"); err == nil && status == http.StatusOK && strings.Contains(figures, "townline_") {
			d.bad("public_url", "Anybody can read the town's figures, at /metrics of the public address: something before the server hides that they come from outside.",
				"Have the proxy write X-Forwarded-For, and name its address in proxies; or name in watch.readers who may read them.")
		}
	}
	if resp.TLS != nil && len(resp.TLS.PeerCertificates) > 0 {
		d.ends("of the public address", resp.TLS.PeerCertificates[0].NotAfter, "Renew it in the proxy that stands before the server.")
	}
	d.date(resp, "the public address")
}

// doors are the paths that are set up for callers from outside.
func (d *checkup) doors() (all []string) {
	c := d.c
	for _, door := range []struct {
		path string
		open bool
	}{
		{"/sms/", c.SMS.Twilio.AccountSID != "" || c.SMS.Gateway.Secret.IsSet()}, {"/voice/", c.Voice.Twilio.From != ""}, {"/ussd/", c.USSD.On()},
		{"/telegram/", c.Telegram.Webhook}, {"/outpost/", len(c.Kiosk.Outposts) > 0}, {"/web", c.Pages.Web},
	} {
		if door.open {
			all = append(all, door.path)
		}
	}
	return all
}

// passes says whether a path of the public address leads to a townline: each of its answers, a refusal too, has the guards' headers.
func (d *checkup) passes(ctx context.Context, path string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.c.PublicURL+path, nil)
	if err != nil {
		return false
	}
	resp, err := d.client.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.Header.Get("Cross-Origin-Resource-Policy") == "same-origin"
}

// date compares clocks by what a server says of its own; a date there is good to the second.
func (d *checkup) date(resp *http.Response, whose string) {
	if at, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		d.clock(at, whose, 2*skewMost)
	}
}

// account looks whether Twilio knows us.
func (d *checkup) account(ctx context.Context, about, sid, token string) {
	ctx, done := context.WithTimeout(ctx, farMost)
	defer done()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://api.twilio.com/2010-04-01/Accounts/"+url.PathEscape(sid)+".json", nil)
	if err != nil {
		return
	}
	req.SetBasicAuth(sid, token)
	resp, err := d.client.Do(req)
	if err != nil {
		d.bad(about, "Twilio doesn't answer.", "Does a firewall keep this machine from api.twilio.com? status.twilio.com says whether it's theirs.")
		return
	}
	defer resp.Body.Close()
	var account struct{ Status string }
	_ = json.NewDecoder(io.LimitReader(resp.Body, 64<<10)).Decode(&account)
	switch {
	case resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden || resp.StatusCode == http.StatusNotFound:
		d.bad(about, "Twilio doesn't know the account, or the token is wrong.", "Copy account SID and auth token from the console anew, as "+about+".account_sid and .auth_token.")
	case resp.StatusCode != http.StatusOK:
		d.bad(about, fmt.Sprintf("Twilio answers with status %d.", resp.StatusCode), "status.twilio.com says whether it's theirs.")
	case account.Status != "" && account.Status != "active":
		d.bad(about, "The account at Twilio is "+account.Status+".", "Look at the console: mostly it's the credit.")
	}
	d.date(resp, "Twilio")
}

// bot looks whether Telegram knows us, and whether it can call us.
func (d *checkup) bot(ctx context.Context) {
	base := d.c.Telegram.API
	if base == "" {
		base = "https://api.telegram.org"
	}
	ask := func(method string, result any) (int, error) {
		ctx, done := context.WithTimeout(ctx, farMost)
		defer done()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(base, "/")+"/bot"+d.c.Telegram.Token.Reveal()+"/"+method, nil)
		if err != nil {
			return 0, err
		}
		resp, err := d.client.Do(req)
		if err != nil {
			return 0, errors.New("no answer") // the address holds the token
		}
		defer resp.Body.Close()
		return resp.StatusCode, json.NewDecoder(io.LimitReader(resp.Body, 64<<10)).Decode(&struct{ Result any }{result})
	}
	var me struct{ Username string }
	status, err := ask("getMe", &me)
	switch {
	case status == 0:
		d.bad("telegram", "Telegram doesn't answer.", "Does a firewall keep this machine from it? With a Bot API server of the town's own: is it running?")
		return
	case status == http.StatusUnauthorized || status == http.StatusNotFound:
		d.bad("telegram", "Telegram doesn't know the bot's token.", "Get it from BotFather again: it may have been made anew.")
		return
	case err != nil || status != http.StatusOK:
		d.bad("telegram", fmt.Sprintf("Telegram answers with status %d.", status), "Wait a while; then look again.")
		return
	}
	var hook struct {
		URL     string
		Pending int   `json:"pending_update_count"`
		Failed  int64 `json:"last_error_date"`
	}
	if status, err := ask("getWebhookInfo", &hook); err != nil || status != http.StatusOK {
		return
	}
	failed := time.Unix(hook.Failed, 0)
	switch {
	case d.c.Telegram.Webhook && hook.URL == "":
		d.bad("telegram", "Telegram was not told where to call.", "Restart the server: it tells it each time.")
	case d.c.Telegram.Webhook && !strings.HasPrefix(hook.URL, d.c.PublicURL):
		d.bad("telegram", "Telegram calls another server than this one.", "Another town uses the same token, or public_url has changed: restart the server.")
	case !d.c.Telegram.Webhook && hook.URL != "":
		d.bad("telegram", "Telegram calls a server, and this one asks it: nothing comes in that way.", "Another server uses the same token. End that, or set telegram.webhook to on.")
	case hook.Failed > 0 && d.now.Sub(failed) < time.Hour && hook.Pending > 0:
		d.bad("telegram", fmt.Sprintf("Telegram can't call the server: %s.", many(hook.Pending, "message waits there", "messages wait there")), "See what is said about public_url.", failed)
	}
}
