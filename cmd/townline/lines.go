package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/sms"
	"github.com/townline/townline/config"
)

// textLines makes the ways to send and take text messages that are set up. The list is whole: a new one goes here.
func textLines(c *config.Config, log *slog.Logger) ([]channels.Channel, error) {
	var lines []channels.Channel
	if t := c.SMS.Twilio; t.On() {
		var tokens []string
		for _, token := range t.AuthToken {
			tokens = append(tokens, token.Reveal())
		}
		line, err := sms.NewTwilio(sms.TwilioConfig{
			AccountSID: t.AccountSID, AuthTokens: tokens, From: t.From, WhatsApp: t.WhatsApp, PublicURL: c.PublicURL,
			Country: c.Town.Country, Log: log, Content: sms.Content{Buttons: t.Buttons, Lists: t.Lists},
		})
		if err != nil {
			return nil, fmt.Errorf("sms.twilio: %w", err)
		}
		lines = append(lines, line, line.WhatsApp())
	}
	if g := c.SMS.Gateway; g.On() {
		line, err := sms.NewGateway(sms.GatewayConfig{
			Secret: g.Secret.Reveal(), URL: g.URL, From: g.From, Pictures: g.Pictures, Country: c.Town.Country, Log: log,
		})
		if err != nil {
			return nil, fmt.Errorf("sms.gateway: %w", err)
		}
		lines = append(lines, line)
	}
	if k := c.SMS.Kannel; k.On() {
		line, err := sms.NewKannel(sms.KannelConfig{
			Secret: k.Secret.Reveal(), Allow: k.Allow, Proxies: ownProxies(c), SendURL: k.SendURL, Username: k.Username, Password: k.Password.Reveal(),
			From: k.From, SMSC: k.SMSC, PublicURL: c.PublicURL, Country: c.Town.Country, Log: log,
		})
		if err != nil {
			return nil, fmt.Errorf("sms.kannel: %w", err)
		}
		lines = append(lines, line)
	}
	return lines, nil
}

// settle waits for what lines do beside what they are asked for: turns that a provider was told to come again for, recordings
// that are being deleted there.
func settle(ctx context.Context, lines []channels.Channel) {
	var all sync.WaitGroup
	for _, l := range lines {
		if w, ok := l.(interface{ Wait() }); ok {
			all.Go(w.Wait)
		}
	}
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
	}
}
