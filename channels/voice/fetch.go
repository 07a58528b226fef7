package voice

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	rest "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/townline/townline/channels"
)

// recordingRef is the address of a recording, as events name it: without the host, which is ours to choose.
func (t *Twilio) recordingRef(sid string) string {
	return "https://api.twilio.com/2010-04-01/Accounts/" + t.account.SID + "/Recordings/" + sid
}

// recordingSID reads what recordingRef made.
func (t *Twilio) recordingSID(ref string) (string, error) {
	sid, ok := strings.CutPrefix(ref, t.recordingRef(""))
	if !ok || !isSID(sid, "RE") {
		return "", channels.Gone(errors.New("voice: not a recording of this account"), "ref")
	}
	return sid, nil
}

// stillWorking is how long to wait for a recording that Twilio still works on.
const stillWorking = 5 * time.Second

// Fetch gets a recording. Twilio needs a moment after the call's turn until it is there.
func (t *Twilio) Fetch(ctx context.Context, ref string) (channels.Attachment, error) {
	sid, err := t.recordingSID(ref)
	if err != nil {
		return channels.Attachment{}, err
	}
	c := t.account.Call(ctx)
	b, err := c.Bytes("/2010-04-01/Accounts/"+t.account.SID+"/Recordings/"+sid+".wav", channels.MostBytes)
	switch {
	case err == nil:
		return channels.Attachment{Type: "audio/wav", Bytes: b}, nil
	case c.Status != http.StatusNotFound:
		if _, gone := channels.IsGone(err); !gone {
			err = failure(c, "fetch a recording", err)
		}
		return channels.Attachment{}, err
	}
	look := t.account.Call(ctx)
	about, err := look.REST().FetchRecording(sid, &rest.FetchRecordingParams{})
	if look.Status == http.StatusNotFound {
		return channels.Attachment{}, channels.Gone(errors.New("voice: a recording is not at Twilio any more"), "deleted")
	}
	if err != nil {
		return channels.Attachment{}, failure(look, "look for a recording", err)
	}
	if about.Status != nil && (*about.Status == "absent" || *about.Status == "deleted") {
		return channels.Attachment{}, channels.Gone(fmt.Errorf("voice: a recording is %s", *about.Status), *about.Status)
	}
	return channels.Attachment{}, channels.Retry(errors.New("voice: Twilio still works on a recording"), stillWorking)
}

// Drop has Twilio delete a recording.
func (t *Twilio) Drop(ctx context.Context, ref string) error {
	sid, err := t.recordingSID(ref)
	if err != nil {
		return err
	}
	c := t.account.Call(ctx)
	if err := c.REST().DeleteRecording(sid, &rest.DeleteRecordingParams{}); err != nil && c.Status != http.StatusNotFound {
		return failure(c, "delete a recording", err)
	}
	return nil
}

// dropTime bounds how long it is tried to delete a recording that nobody wants.
const dropTime = time.Minute

// unwanted deletes a recording that is no answer: it was taken back, or holds nothing.
func (t *Twilio) unwanted(sid string) {
	t.busy.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), dropTime)
		defer cancel()
		for {
			err := t.Drop(ctx, t.recordingRef(sid))
			after, again := channels.Retrying(err)
			if err == nil {
				return
			}
			if again {
				wait := time.NewTimer(max(after, time.Second))
				select {
				case <-wait.C:
					continue
				case <-ctx.Done():
					wait.Stop()
				}
			}
			t.log.LogAttrs(ctx, slog.LevelError, "a recording that nobody wants is still at Twilio", trace(sid), slog.Any("error", err))
			return
		}
	})
}
