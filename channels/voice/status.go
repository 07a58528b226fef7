package voice

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/twilio"
)

// status takes Twilio's word that a call is over.
func (t *Twilio) status(w http.ResponseWriter, r *http.Request, in channels.Inbox, f twilio.Form, c caller) {
	state := f.Value("CallStatus")
	switch state {
	case "completed", "busy", "no-answer", "canceled", "failed":
	default: // a word on the way, or one that Twilio added since
		w.WriteHeader(http.StatusNoContent)
		return
	}
	k, here := t.calls.get(c.sid)
	e := t.event(c, channels.Event{Kind: channels.HungUp, ID: c.sid + "/gone"})
	tell := true
	switch {
	case c.out:
		if !t.report(w, r, in, f, c, state, k) {
			return
		}
		tell = here && k.taken && !k.ended // whom nobody reached can't ring off
	case state != "completed" && !(here && k.ended): // rung off before anything was said
		e.Kind, e.ID = channels.Missed, c.sid+"/missed"
		tell = !c.withheld
	default:
		tell = !k.ended || c.withheld
	}
	if tell {
		if err := t.late(r.Context(), in, e); err != nil {
			t.log.LogAttrs(r.Context(), slog.LevelError, "last turn of a call not accepted", slog.String("channel", Name), trace(c.sid), slog.Any("error", err))
			http.Error(w, "not now, please try again", http.StatusServiceUnavailable)
			return
		}
	}
	t.calls.gone(c.sid)
	w.WriteHeader(http.StatusNoContent)
}

// lateTries of the last event of a call, and the time between them. Twilio doesn't come again with it.
const (
	lateTries = 3
	lateRest  = time.Second
)

func (t *Twilio) late(ctx context.Context, in channels.Inbox, e channels.Event) (err error) {
	for try := range lateTries {
		if try > 0 {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(lateRest):
			}
		}
		if _, err = t.receive(ctx, in, e); err == nil {
			return nil
		}
	}
	return err
}

// report tells what became of a call that went out.
func (t *Twilio) report(w http.ResponseWriter, r *http.Request, in channels.Inbox, f twilio.Form, c caller, state string, k known) bool {
	if key := r.URL.Query().Get("key"); key != "" {
		t.recent.Settled(key, c.sid)
	}
	d := channels.Delivery{State: channels.Arrived, At: t.now()}
	if seconds, err := strconv.Atoi(f.Value("CallDuration")); err == nil && seconds > 0 {
		d.Took = time.Duration(seconds) * time.Second
	}
	if state != "completed" {
		d.State, d.Code = channels.Failed, state
	} else if k.untaken {
		d.State, d.Code = channels.Failed, "no-key"
	}
	if err := in.Report(r.Context(), Name, c.sid, d); err != nil {
		t.log.LogAttrs(r.Context(), slog.LevelError, "report of a call not accepted", slog.String("channel", Name), trace(c.sid), slog.Any("error", err))
		http.Error(w, "not now, please try again", http.StatusServiceUnavailable)
		return false
	}
	return true
}
