package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sqlite"
)

// TestMedia: a clerk finds a resident's recording by the request and has it written to a file, until its time is over.
func TestMedia(t *testing.T) {
	p := newPlace(t)
	keys, err := store.LoadKeys(filepath.Join(p.dir, "town.key"), "")
	if err != nil {
		t.Fatal(err)
	}
	s, err := sqlite.Open(filepath.Join(p.dir, "town.db"), keys)
	if err != nil {
		t.Fatal(err)
	}
	p.env = append(p.env, "TOWNLINE_STORE_URL=sqlite:town.db", "TOWNLINE_STORE_KEY_FILE=town.key")
	now := time.Now()
	sound, sight := [16]byte{1}, [16]byte{2}
	record := func(step, kind string, id [16]byte) []byte {
		b, err := engine.Encode(&engine.Record{Dialog: "light", Version: 1, Answers: []engine.Recorded{{Step: step, Media: []engine.Media{{Type: kind, Ref: channels.MediaRef(id)}}}}})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for i, c := range []*store.Change{
		{Media: []store.Media{{ID: sound, Type: "audio/ogg", Bytes: []byte("OggS"), At: now, Until: now.AddDate(0, 0, 14)}},
			Requests: []store.RequestEvent{{Reference: "482-173-5", Kind: store.Opened, At: now, Dialog: "light", Status: "open", Record: record("details", "audio/ogg", sound)}}},
		{Media: []store.Media{{ID: sight, Type: "image/jpeg", Bytes: []byte("JPEG"), At: now, Until: now.AddDate(0, 0, -1)}},
			Requests: []store.RequestEvent{{Reference: "482-173-5", Kind: store.Joined, At: now, By: "resident", Record: record("photo", "image/jpeg", sight)}}},
	} {
		c.Resident, c.State, c.At = store.Resident{byte(i + 1)}, []byte("state"), now
		if o, err := s.Commit(t.Context(), c); err != nil || o.Kind != store.Applied {
			t.Fatal(o, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	p.run("", "requests", "show", "482-173-5").must(t, 0, "a recording ("+channels.MediaRef(sound)+")", "joined by resident, with a picture ("+channels.MediaRef(sight)+")")
	p.run("", "media", channels.MediaRef(sound), "voice.ogg").must(t, 0, "voice.ogg: recording of", "audio/ogg", "kept until")
	b, err := os.ReadFile(filepath.Join(p.dir, "voice.ogg"))
	if err != nil || !bytes.Equal(b, []byte("OggS")) {
		t.Errorf("%q, %v", b, err)
	}
	if stat, err := os.Stat(filepath.Join(p.dir, "voice.ogg")); err != nil || stat.Mode().Perm() != 0o600 {
		t.Errorf("others may read it: %v, %v", stat.Mode(), err)
	}
	p.run("", "media", channels.MediaRef(sound), "voice.ogg").must(t, 1, "is there already")
	p.run("", "media", channels.MediaRef(sight), "late.jpg").must(t, 1, "not kept any more") // although no sweep came by yet
	p.run("", "media", channels.MediaRef([16]byte{9}), "none.ogg").must(t, 1, "not kept any more")
	p.run("", "media", "voice", "none.ogg").must(t, 2, "is not the name of a recording")
	for _, name := range []string{"late.jpg", "none.ogg"} {
		if _, err := os.Stat(filepath.Join(p.dir, name)); err == nil {
			t.Errorf("%s was made", name)
		}
	}
}
