package voice

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/dialogtest"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/library"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/dialogs/talk"
)

// house is the sample town behind a line, with one resident: the real conversation, without a store.
type house struct {
	r       *dialogtest.Resident
	replies map[string]channels.Reply // by the event's id
	told    []string                  // what it was told, one word an event
	media   int
	last    channels.Reply
	refuses int // so many tries
	lost    int // answers that get lost after a turn was held
}

// winter is a day on which every dialog of the sample town is open.
var winter = time.Date(2026, 12, 1, 10, 0, 0, 0, time.UTC)

func newHouse(town *talk.Town, lang string) *house {
	h := &house{r: dialogtest.NewResident(town, render.Voice, winter), replies: map[string]channels.Reply{}}
	h.r.Mute = true
	h.r.Meets(dialogtest.Test{Roll: []string{"482715"}, Shut: true, Found: []dialogtest.Known{
		{Found: engine.Found{Ref: "311-204-7", What: "Street light out, 3 Oak Street", State: "open", Due: "2026-12-15"}, Mine: true}}})
	if lang != "" {
		h.r.Speaks(lang)
	}
	return h
}

func (h *house) Receive(_ context.Context, e channels.Event) (channels.Reply, error) {
	if h.refuses > 0 {
		h.refuses--
		return channels.Reply{}, channels.Retry(errors.New("the store is away"), 0)
	}
	if e.Kind == channels.Looked {
		return h.last, nil
	}
	if r, again := h.replies[e.ID]; again {
		return r, nil
	}
	h.r.Pages = nil
	switch e.Kind {
	case channels.Dialed:
		h.told = append(h.told, "dialed")
		h.r.Comes(render.Voice)
	case channels.HungUp:
		h.told = append(h.told, "gone")
		h.r.Leaves()
	case channels.Quiet:
		h.told = append(h.told, "quiet")
		h.r.Silent()
	case channels.Returned:
		h.told = append(h.told, "returned")
		h.r.Returns()
	case channels.Missed:
		h.told = append(h.told, "missed")
	default:
		if len(e.Attached)+len(e.Media) > 0 {
			h.media++
			name := fmt.Sprintf("media:%032x", h.media)
			h.told = append(h.told, name)
			h.r.Sends("audio/wav", name)
			break
		}
		h.told = append(h.told, e.Words)
		h.r.Says(e.Words)
	}
	if err := h.r.Err(); err != nil {
		return channels.Reply{}, err
	}
	reply := channels.Reply{Pages: h.r.Pages, Over: h.r.Over}
	if e.Kind == channels.HungUp || e.Kind == channels.Missed {
		reply = channels.Reply{Back: e.Kind == channels.Missed}
	} else {
		h.last = reply
	}
	h.replies[e.ID] = reply
	h.r.Now = h.r.Now.Add(10 * time.Second)
	if h.lost > 0 {
		h.lost--
		return channels.Reply{}, channels.Retry(errors.New("the answer got lost"), 0)
	}
	return reply, nil
}

func (h *house) Report(context.Context, string, string, channels.Delivery) error { return nil }

// records are what the town keeps of the resident, as the store gets it.
func (h *house) records(t *testing.T) string {
	t.Helper()
	b, err := engine.Encode(h.r.Kept())
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// sampleTown is the sample town, with street-problem in Spanish as its clerk has it in the translation's file.
func sampleTown(t testing.TB) (*talk.Town, *dialogs.Set) {
	t.Helper()
	files := fstest.MapFS{}
	err := fs.WalkDir(library.FS(), ".", func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := fs.ReadFile(library.FS(), p)
		if p == "street-problem.yaml" {
			content = []byte(strings.Replace(string(content), "language: en\n", "language: en\nlanguages: [es]\n", 1))
		}
		files[p] = &fstest.MapFile{Data: content}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	words := phrases(t)
	set, problems := dialogs.Load(files, dialogs.Options{Locales: words})
	if problems.Errors() {
		t.Fatalf("problems:\n%s", problems)
	}
	return dialogtest.NewTown(words, set.All()), set
}
