package talk

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
)

// race is the dialog that is raced, held by text: what is said, and what is remembered before each of it.
type race struct {
	town   *Town
	at     time.Time
	said   []string
	before [][]byte
}

func newRace(t testing.TB) *race {
	t.Helper()
	dialog, err := os.ReadFile("../../cmd/townline/race/seven.yaml")
	if err != nil {
		t.Fatal(err)
	}
	lines, err := os.ReadFile("../../cmd/townline/race/seven.txt")
	if err != nil {
		t.Fatal(err)
	}
	set, problems := dialogs.Load(fstest.MapFS{"race.yaml": {Data: dialog}}, dialogs.Options{})
	if problems.Errors() {
		t.Fatal(problems.String())
	}
	r := &race{town: elmwood(t), at: time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)}
	r.town.Dialogs = shelf{set.All()}
	var memory []byte
	for line := range strings.Lines(string(lines)) {
		words, holds, ok := strings.Cut(strings.TrimSpace(line), " => ")
		if !ok || strings.HasPrefix(words, "#") {
			continue
		}
		r.said, r.before = append(r.said, words), append(r.before, memory)
		page := ""
		if page, memory, err = r.turn(len(r.said) - 1); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(page, holds) {
			t.Fatalf("%q is answered with\n%s\nwithout %q", words, page, holds)
		}
	}
	return r
}

// turn is one message from the bytes that are remembered to those that are.
func (r *race) turn(i int) (page string, memory []byte, err error) {
	m, err := Decode(r.before[i])
	if err != nil {
		return "", nil, err
	}
	said, err := r.town.Hear(m, Heard{At: r.at, Traits: render.SMS, Words: r.said[i]}, func(Effect) (engine.Input, error) {
		return engine.Input{Result: map[string]string{"reference": "482-173-5"}}, nil
	})
	if err != nil {
		return "", nil, err
	}
	memory, err = Encode(&said.Memory)
	return said.Pages[0].Text, memory, err
}

// What a turn costs is seen here first. The limit is what it takes today and a little more.
func TestATurnAllocatesLittle(t *testing.T) {
	r := newRace(t)
	all := 0.0
	for i := range r.said {
		n := testing.AllocsPerRun(100, func() {
			if _, _, err := r.turn(i); err != nil {
				t.Fatal(err)
			}
		})
		all += n
	}
	if most := 310.0; all > most {
		t.Errorf("the race's %d turns allocate %g times, at most %g are due", len(r.said), all, most)
	}
}

// BenchmarkRace is a turn of the race, each of the seven as often as the others.
func BenchmarkRace(b *testing.B) {
	r := newRace(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, _, err := r.turn(i % len(r.said)); err != nil {
			b.Fatal(err)
		}
	}
}
