package exchange

import (
	"errors"
	"strings"
	"testing"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/store"
)

func TestPicturesAndVoicesGoToTheDesk(t *testing.T) {
	w := talking(t)
	e := w.text(ann, "look")
	e.Attached = []channels.Attachment{{Type: "image/jpeg", Bytes: sight(1)}}
	if got := w.hear(e); got != "" {
		t.Fatal(got)
	}
	c := w.waiting()
	if len(c.Letters) != 2 || len(c.Letters[1].Media) != 1 {
		t.Fatalf("%+v", c.Letters)
	}
	m, err := w.x.CaseMedia(t.Context(), c.ID, c.Letters[1].Media[0])
	if err != nil || !strings.HasPrefix(m.Type, "image/") || len(m.Bytes) == 0 {
		t.Fatal(m.Type, err)
	}
	if _, err := w.x.CaseMedia(t.Context(), c.ID, channels.MediaRef([16]byte{1})); !errors.Is(err, store.ErrNotFound) {
		t.Fatal("media that no letter names:", err)
	}
}

func TestLongWordsOfAClerkComeWhole(t *testing.T) {
	w := talking(t)
	long := strings.Repeat("Word for word it comes. ", 41)
	w.done(anna, channels.CaseSay, long)
	w.pushed()
	if got := strings.Count(strings.Join(w.texts(), " "), "Word for word it comes."); got != 41 {
		t.Fatal(got)
	}
	if err := w.does(anna, channels.CaseSay, strings.Repeat("x", channels.MostSaid+1)); !errors.Is(err, channels.ErrSaidLong) {
		t.Fatal(err)
	}
	if err := w.does(anna, channels.CaseSay, " \n "); !errors.Is(err, channels.ErrSaidEmpty) {
		t.Fatal(err)
	}
}

func TestAFloodOfLettersEnds(t *testing.T) {
	w := talking(t)
	for range mostUnread {
		w.says(ann, "more")
	}
	w.expect(w.says(ann, "and more"), "Please wait for an answer")
	if n := w.waiting().Unread; n != mostUnread {
		t.Fatal(n)
	}
	w.done(anna, channels.CaseSay, "Stop it")
	if got := w.says(ann, "sorry"); got != "" {
		t.Fatal(got)
	}
}
