package menu

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/townline/townline/channels"
)

const (
	willText  = "This takes a moment. We will send you a text message."
	dialAgain = "We can't go on just now. Please dial again in a minute."
)

// keptAt has a menu keep its promises in dir.
func keptAt(dir string) func(*Config) {
	return func(c *Config) { c.Dir, c.Secret = dir, []byte("a secret of the town's own") }
}

func promises(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "ussd.plain", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// A text is promised once that is on disk, and what is there names nobody and tells no answer.
func TestAPromiseIsOnDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		m, _ := newMenu(t, keptAt(dir))
		in := &town{answer: slow(20 * time.Second)}
		e := event(channels.Message, "buses")
		e.At = time.Now()
		s, err := m.Turn(t.Context(), in, e)
		if err != nil || s.Text != willText {
			t.Errorf("%+v %v", s, err)
		}
		files := promises(t, dir)
		if len(files) != 1 {
			t.Fatal(files)
		}
		b, err := os.ReadFile(files[0])
		if err != nil || bytes.Contains(b, []byte("buses")) || bytes.Contains(b, []byte("5550100123")) {
			t.Errorf("%q %v", b, err)
		}
		time.Sleep(time.Minute)
		if err := m.Close(); err != nil || in.heard() != "s1 says buses, s1 overdue buses" || len(promises(t, dir)) > 0 {
			t.Errorf("%v, the town heard %s, on disk %v", err, in.heard(), promises(t, dir))
		}
	})
}

// The process dies with the turn: the next one holds it and texts what came of it.
func TestAPromiseOutlivesTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		m, _ := newMenu(t, keptAt(dir))
		killed := make(chan struct{})
		first := &town{answer: func(context.Context, channels.Event) (channels.Reply, error) {
			<-killed
			return channels.Reply{}, errAway
		}}
		e := event(channels.Message, "1")
		e.At = time.Now()
		if s, err := m.Turn(t.Context(), first, e); err != nil || s.Text != willText {
			t.Errorf("%+v %v", s, err)
		}
		time.Sleep(time.Minute)

		next, _ := newMenu(t, keptAt(dir))
		tries := 0
		second := &town{answer: func(_ context.Context, got channels.Event) (channels.Reply, error) {
			if tries++; tries == 1 {
				return channels.Reply{}, errAway
			}
			if got.From != e.From || !got.At.Equal(e.At) || *got.Session != *e.Session {
				t.Errorf("%+v", got)
			}
			return channels.Reply{Texts: true}, nil
		}}
		next.Resume(second)
		time.Sleep(time.Minute)
		if err := next.Close(); err != nil || second.heard() != "s1 says 1, s1 says 1, s1 overdue 1" || len(promises(t, dir)) > 0 {
			t.Errorf("%v, the town heard %s, on disk %v", err, second.heard(), promises(t, dir))
		}
		third, _ := newMenu(t, keptAt(dir))
		after := &town{}
		third.Resume(after)
		if err := third.Close(); err != nil || after.heard() != "" {
			t.Errorf("%v, the town heard %s", err, after.heard())
		}
		close(killed)
		m.Close()
	})
}

// What the town could not do before it closed is kept for when it opens again.
func TestAPromiseOutlivesClosing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		m, lines := newMenu(t, keptAt(dir))
		away := &town{answer: func(ctx context.Context, _ channels.Event) (channels.Reply, error) {
			time.Sleep(4 * time.Second)
			return channels.Reply{}, errAway
		}}
		e := event(channels.Message, "1")
		e.At = time.Now()
		if s, err := m.Turn(t.Context(), away, e); err != nil || s.Text != willText {
			t.Errorf("%+v %v", s, err)
		}
		time.Sleep(time.Minute)
		if err := m.Close(); err != nil || m.Counts().Lost() != 0 || !strings.Contains(lines.String(), "when the town opens again") {
			t.Errorf("%v, %d lost\n%s", err, m.Counts().Lost(), lines)
		}
		next, _ := newMenu(t, keptAt(dir))
		in := &town{answer: slow(0)}
		next.Resume(in)
		time.Sleep(time.Second)
		if err := next.Close(); err != nil || in.heard() != "s1 says 1, s1 overdue 1" {
			t.Errorf("%v, the town heard %s", err, in.heard())
		}
	})
}

// Nothing is promised that the disk didn't take in time.
func TestNothingIsPromisedThatIsNotOnDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "a file")
		if err := os.WriteFile(dir, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		m, lines := newMenu(t, keptAt(dir))
		in := &town{answer: slow(20 * time.Second)}
		s, err := m.Turn(t.Context(), in, event(channels.Message, "1"))
		if err != nil || s.Text != dialAgain {
			t.Errorf("%+v %v", s, err)
		}
		time.Sleep(time.Minute)
		if err := m.Close(); err != nil || in.heard() != "s1 says 1, s1 overdue 1" || !strings.Contains(lines.String(), "can't be promised") {
			t.Errorf("%v, the town heard %s\n%s", err, in.heard(), lines)
		}
	})
}

// A turn that is done just in time leaves nothing.
func TestAPromiseThatIsNotNeeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		m, _ := newMenu(t, keptAt(dir))
		in := &town{answer: slow(Patience - time.Millisecond)}
		if s, err := m.Turn(t.Context(), in, event(channels.Message, "1")); err != nil || s.Text != "late words" {
			t.Errorf("%+v %v", s, err)
		}
		if err := m.Close(); err != nil || in.heard() != "s1 says 1" || len(promises(t, dir)) > 0 {
			t.Errorf("%v, the town heard %s, on disk %v", err, in.heard(), promises(t, dir))
		}
	})
}

// A promise of long ago is not kept any more, and one that can't be read stays for a person to see.
func TestPromisesThatAreNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		m, _ := newMenu(t, keptAt(dir))
		e := event(channels.Message, "1")
		e.At = time.Now()
		<-m.promise(e).written
		if err := os.WriteFile(filepath.Join(dir, "ussd.plain", "x.promise"), []byte("not a promise at all"), 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(25 * time.Hour)
		next, lines := newMenu(t, keptAt(dir))
		in := &town{}
		next.Resume(in)
		if err := next.Close(); err != nil || in.heard() != "" || next.Counts().Lost() != 1 {
			t.Errorf("%v, the town heard %s, %d lost", err, in.heard(), next.Counts().Lost())
		}
		if left := promises(t, dir); len(left) != 1 || !strings.Contains(lines.String(), "a promise can't be read") {
			t.Errorf("%v\n%s", left, lines)
		}
	})
}
