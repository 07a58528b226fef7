// Package sms holds text messages with residents: through Twilio (SMS, MMS and WhatsApp), through a Kannel of the town's
// own, or through a plain signed gateway that a phone, a modem or an aggregator speaks. Each authenticates what comes in
// before it reads it, and answers in the provider's own response.
package sms

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/townline/townline/channels"
)

// Names of the channels of this package. What stands before the dot is the name of the traits.
const (
	TwilioName   = "sms.twilio"
	WhatsAppName = "whatsapp.twilio"
	KannelName   = "sms.kannel"
	GatewayName  = "sms.gateway"
)

// bodyLimit is the most that a provider may post. Twilio's largest message, ten pictures and 1,600 characters that take
// nine bytes each when escaped, is under 24 KiB.
const bodyLimit = 64 << 10

// patience is how long a turn may take before the provider is told to try again. Twilio itself waits 15 s.
const patience = 12 * time.Second

var errTooLarge = errors.New("sms: the request is too large")

// readBody reads a request whole. The error is errTooLarge, or that of the connection.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.ContentLength > bodyLimit {
		return nil, errTooLarge
	}
	size := r.ContentLength
	if size < 0 {
		size = 1 << 10
	}
	body := make([]byte, 0, size+1)
	in := http.MaxBytesReader(w, r.Body, bodyLimit)
	for {
		n, err := in.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if err == io.EOF {
			return body, nil
		}
		if err != nil {
			if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
				return nil, errTooLarge
			}
			return nil, err
		}
		if len(body) == cap(body) {
			body = append(body, 0)[:len(body)]
		}
	}
}

// refuse answers a request that could not be read.
func refuse(w http.ResponseWriter, err error) {
	if errors.Is(err, errTooLarge) {
		http.Error(w, "too large", http.StatusRequestEntityTooLarge)
		return
	}
	http.Error(w, "the request broke off", http.StatusBadRequest)
}

// later tells the provider that nothing was accepted, and when to come again.
func later(w http.ResponseWriter, err error) {
	after, _ := channels.Retrying(err)
	w.Header().Set("Retry-After", strconv.Itoa(max(2, int(after.Seconds()))))
	http.Error(w, "not now, please try again", http.StatusServiceUnavailable)
}

// trace names an inbound message in logs: enough to find it again by the provider's id, nothing about the resident.
func trace(channel, id string) slog.Attr {
	sum := sha256.Sum256([]byte(channel + "\x00" + id))
	return slog.String("message", hex.EncodeToString(sum[:8]))
}

// receive hands an event to the inbox. Where that fails the provider is told, and ok is false.
func receive(w http.ResponseWriter, r *http.Request, in channels.Inbox, log *slog.Logger, e channels.Event) (reply channels.Reply, ok bool) {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	reply, err := in.Receive(ctx, e)
	if err != nil {
		log.LogAttrs(r.Context(), channels.Level(err), "text message not accepted", slog.String("channel", e.Channel), trace(e.Channel, e.ID), slog.Any("error", err))
		later(w, err)
		return channels.Reply{}, false
	}
	if log.Enabled(r.Context(), slog.LevelDebug) {
		log.LogAttrs(r.Context(), slog.LevelDebug, "text message", slog.String("channel", e.Channel), trace(e.Channel, e.ID), slog.Int("pages", len(reply.Pages)))
	}
	return reply, true
}

// report hands a delivery report to the inbox and answers the provider.
func report(w http.ResponseWriter, r *http.Request, in channels.Inbox, log *slog.Logger, channel, receipt string, d channels.Delivery) bool {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	if err := in.Report(ctx, channel, receipt, d); err != nil {
		log.LogAttrs(r.Context(), channels.Level(err), "delivery report not accepted", slog.String("channel", channel), trace(channel, receipt), slog.Any("error", err))
		later(w, err)
		return false
	}
	if log.Enabled(r.Context(), slog.LevelDebug) {
		log.LogAttrs(r.Context(), slog.LevelDebug, "delivery report", slog.String("channel", channel), trace(channel, receipt), slog.String("code", d.Code))
	}
	return true
}

// plain is s as a text message can carry it. Control characters are left out, tabs become spaces: providers put U+FFFD in
// the place of what they can't send, and that one character makes the whole message UCS-2, at more than twice the price.
func plain(s string) string {
	for i := 0; i < len(s); i++ {
		if c := s[i]; (c < 0x20 && c != '\n') || c >= 0x7F {
			return strings.Map(sendable, strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\r\n", "\n"))
		}
	}
	return s
}

func sendable(r rune) rune {
	switch {
	case r == '\n':
		return r
	case r == '\t':
		return ' '
	case r == '\r':
		return '\n'
	case r < 0x20, r >= 0x7F && r < 0xA0, r == 0xFFFE, r == 0xFFFF, r == utf8.RuneError:
		return -1
	}
	return r
}

// bare is err without the address that was called: that holds secrets, numbers and words.
func bare(err error) error {
	if u := (*url.Error)(nil); errors.As(err, &u) {
		return u.Err
	}
	return err
}
