package voice

import (
	"bytes"
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/wav"
)

const (
	silencePath   = "/voice/twilio/silence/"
	longSilence   = 5000            // milliseconds
	saidPatience  = 6 * time.Second // that a recording may take to get here from Twilio
	saidTryAgain  = 300 * time.Millisecond
	silentMuLaw   = 0xFF
	rate          = 8000 // samples a second
	soundLifetime = "public, max-age=31536000, immutable"
)

// serveSilence serves so many milliseconds of nothing.
func (t *Twilio) serveSilence(w http.ResponseWriter, r *http.Request) {
	digits, ok := strings.CutSuffix(r.PathValue("length"), ".wav")
	ms, err := strconv.Atoi(digits)
	if !ok || err != nil || ms < 1 || ms > longSilence {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", soundLifetime)
	writeWAV(w, silence(ms))
}

func writeWAV(w http.ResponseWriter, b []byte) {
	h := w.Header()
	h.Set("Content-Type", "audio/wav")
	h.Set("Content-Length", strconv.Itoa(len(b)))
	h.Set("X-Content-Type-Options", "nosniff")
	w.Write(b)
}

// silence is a WAV file of G.711 µ-law with nothing in it.
func silence(ms int) []byte {
	return wav.WriteMuLaw(bytes.Repeat([]byte{silentMuLaw}, ms*rate/1000))
}

// saidName names a recording in an address, for an hour or two: who finds the address in a log later finds nothing.
func (t *Twilio) saidName(ref string) string {
	return t.sealer.close(saidHour(t.now()), []byte(ref))
}

// saidRef reads what saidName made.
func (t *Twilio) saidRef(name string) (ref string, ok bool) {
	now := t.now()
	b, ok := t.sealer.open(saidHour(now), name)
	if !ok {
		b, ok = t.sealer.open(saidHour(now.Add(-time.Hour)), name)
	}
	return string(b), ok
}

func saidHour(at time.Time) string { return "said " + strconv.FormatInt(at.Unix()/3600, 36) }

// serveSaid serves a recording of a resident's, to be played back to them: who has its address has it from this call.
func (t *Twilio) serveSaid(w http.ResponseWriter, r *http.Request) {
	ref, ok := t.saidRef(r.PathValue("name"))
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "private, no-store")
	ctx, cancel := context.WithTimeout(r.Context(), saidPatience)
	defer cancel()
	a, err := t.said(ctx, ref)
	if err != nil {
		t.log.WarnContext(r.Context(), "a recording can't be played back yet", "channel", Name, "error", err)
		writeWAV(w, silence(500)) // an error would end the call
		return
	}
	w.Header().Set("Content-Type", a.Type)
	w.Header().Set("Content-Length", strconv.Itoa(len(a.Bytes)))
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Write(a.Bytes)
}

// said finds a recording: among what the town keeps, which is fetched after the turn and may be under way; else at Twilio.
func (t *Twilio) said(ctx context.Context, ref string) (a channels.Attachment, err error) {
	if t.cfg.Media == nil {
		return t.Fetch(ctx, ref)
	}
	for {
		if a, err = t.cfg.Media(ctx, ref); err == nil && len(a.Bytes) > 0 {
			return a, nil
		}
		wait := time.NewTimer(saidTryAgain)
		select {
		case <-ctx.Done():
			wait.Stop()
			if err == nil {
				err = ctx.Err()
			}
			return a, err
		case <-wait.C:
		}
	}
}
