package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/audio"
	"github.com/townline/townline/channels/call"
	"github.com/townline/townline/channels/exchange"
	"github.com/townline/townline/channels/sip"
	"github.com/townline/townline/channels/sip/media"
	"github.com/townline/townline/channels/voice"
	"github.com/townline/townline/config"
	"github.com/townline/townline/locales"
	"github.com/townline/townline/store"
)

// soundPath is where Twilio fetches what is said.
const soundPath = "/voice/sound/"

// phoned says whether the town has a telephone line.
func phoned(c *config.Config) bool { return c.Voice.Twilio.On() || c.SIP.On() }

// phoneLines makes the telephone lines that are set up, which say what shelf makes. The list is whole: a new one goes here.
func phoneLines(c *config.Config, s store.Store, shelf *audio.Shelf, phrases *locales.Catalogue, log *slog.Logger) ([]channels.Channel, error) {
	var lines []channels.Channel
	if !phoned(c) {
		return nil, nil
	}
	if t := c.Voice.Twilio; t.On() {
		var tokens []string
		for _, token := range t.AuthToken {
			tokens = append(tokens, token.Reveal())
		}
		desks := maps.Clone(c.Voice.Desks)
		maps.DeleteFunc(desks, func(_, number string) bool { return !strings.HasPrefix(number, "+") }) // those are reached by SIP alone
		line, err := voice.New(voice.Config{
			AccountSID: t.AccountSID, AuthTokens: tokens, From: t.From, PublicURL: c.PublicURL, Country: c.Town.Country,
			Town: c.Town.Name, Lang: c.Town.Languages[0], Phrases: phrases, Desks: desks, CallBack: t.TurnAway, Speech: t.Speech,
			Sound: func(p call.Part) (string, bool) {
				return c.PublicURL + soundPath + shelf.Address(utterance(p)), shelf.Says(utterance(p))
			},
			Media: func(ctx context.Context, ref string) (channels.Attachment, error) { return recording(ctx, s, ref) },
			Log:   log,
		})
		if err != nil {
			return nil, fmt.Errorf("voice.twilio: %w", err)
		}
		lines = append(lines, line)
	}
	if c.SIP.On() {
		line, err := sipLine(c, func(ctx context.Context, p call.Part) (media.Sound, error) { return heard(ctx, s, shelf, p) }, phrases, log)
		if err != nil {
			return nil, fmt.Errorf("sip: %w", err)
		}
		lines = append(lines, line)
	}
	return lines, nil
}

func sipLine(c *config.Config, voice sip.Voice, phrases *locales.Catalogue, log *slog.Logger) (*sip.SIP, error) {
	ports, err := media.NewPorts(c.SIP.Ports[0], c.SIP.Ports[1])
	if err != nil {
		return nil, err
	}
	set := sip.Config{
		Listen: c.SIP.Listen, Advertise: c.SIP.Advertise, Ports: ports, Desks: c.Voice.Desks, Wide: true, Text: true,
		MostCalls: c.SIP.MostCalls, Country: c.Town.Country, Town: c.Town.Name, Lang: c.Town.Languages[0], Phrases: phrases, Log: log,
		Voice: voice,
	}
	if c.SIP.Cert != "" {
		certificate, err := tls.LoadX509KeyPair(c.SIP.Cert, c.SIP.Key)
		if err != nil {
			return nil, err
		}
		set.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	}
	srtp := map[string]media.Encryption{"offered": media.Offered, "required": media.Required}
	for i := range c.SIP.Trunks {
		t := &c.SIP.Trunks[i]
		set.Trunks = append(set.Trunks, sip.Trunk{
			Name: t.Name, Host: t.Host, Registrar: t.Registrar, Transport: t.Transport, Username: t.Username,
			Password: t.Password.Reveal(), From: t.From, Allow: t.Allow, SRTP: srtp[t.SRTP], Expires: t.Expires, Ring: t.Ring,
			Theirs:   sip.Login{Username: t.Callers, Password: t.CallersPassword.Reveal(), Strict: t.Strict},
			Callback: t.Callback, Bridge: t.Bridge,
		})
	}
	return sip.New(set)
}

func utterance(p call.Part) audio.Utterance {
	return audio.Utterance{Lang: p.Lang, Key: p.Key, Words: p.Words, Pace: p.Pace, Gain: p.Gain}
}

// heard is the sound of a part on a line that plays it itself. Words that can't be said are a sentence that says so.
func heard(ctx context.Context, s store.Store, shelf *audio.Shelf, p call.Part) (media.Sound, error) {
	var pcm *audio.PCM
	switch {
	case p.Tone:
		pcm = audio.Beep()
	case p.Silence > 0:
		pcm = audio.Silence(p.Silence)
	case p.Media != "":
		own, err := recording(ctx, s, p.Media)
		if err != nil {
			return media.Sound{}, err
		}
		if pcm, err = shelf.Replay(ctx, own.Bytes, p.Pace, p.Gain); err != nil {
			return media.Sound{}, err
		}
	default:
		var err error
		if pcm, err = shelf.Speak(ctx, utterance(p)); err != nil {
			if ctx.Err() != nil {
				return media.Sound{}, ctx.Err()
			}
			pcm = shelf.SpeakSorry(ctx, p.Lang, p.Pace, p.Gain)
		}
	}
	return media.Sound{At8: pcm.Narrow, At16: pcm.Wide}, nil
}

// recording is one that the town keeps.
func recording(ctx context.Context, s store.Store, ref string) (channels.Attachment, error) {
	id, ok := channels.MediaID(ref)
	if !ok {
		return channels.Attachment{}, errors.New("a recording that the town doesn't keep")
	}
	m, err := s.Media(ctx, id)
	return channels.Attachment{Type: m.Type, Bytes: m.Bytes}, err
}

// callbacks are whom the town rings, as the settings say.
func callbacks(c *config.Config) exchange.Callbacks {
	b := c.Voice.Callback
	return exchange.Callbacks{
		On: b.On, Apart: b.PerNumber, PerDay: b.PerDay, PerDayFor: time.Duration(b.SecondsPerDay) * time.Second,
		Reachable: func(number string) bool { return channels.Reachable(number, b.Countries) },
	}
}

// clipSecret names clips of words that no author wrote, on all servers of the town alike.
func clipSecret(keys *store.Keys) []byte {
	secret := keys.Voter(store.TownsOwn, "clips")
	return secret[:]
}

// Pauses before a line that broke is opened again.
const (
	shortPause = time.Second
	longPause  = time.Minute
)
