package exchange

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/store"
)

// BenchmarkReceive is one text message from the event to the committed reply: a resident in the middle of a survey who
// asks for the question again, which loads, decodes, reads, renders, encodes and commits without ending the conversation.
func BenchmarkReceive(b *testing.B) {
	for _, kind := range []struct {
		name string
		on   setting
	}{
		{"memory", func(*town, *Settings) {}},
		{"sqlite", func(w *town, _ *Settings) { w.store = onDisk(b) }},
	} {
		for _, residents := range []int{1, 16, 64, 256} {
			b.Run(fmt.Sprintf("%s/%d", kind.name, residents), func(b *testing.B) { benchmarkReceive(b, kind.on, residents) })
		}
	}
}

func benchmarkReceive(b *testing.B, on setting, residents int) {
	w := settle(b, on, func(_ *town, s *Settings) { s.Clock = SystemClock{} })
	from := make([]channels.Address, residents)
	for i := range from {
		from[i] = channels.Address{Kind: "tel", ID: fmt.Sprintf("+1555%07d", i)}
		w.hear(channels.Event{Channel: "sms", ID: fmt.Sprint("start", i), From: from[i], Words: "PARK"})
	}
	var n atomic.Int64
	b.ReportAllocs()
	b.ResetTimer()
	began := time.Now()
	next := make(chan int)
	done := make(chan error, residents)
	for r := range residents {
		go func() {
			for range next {
				e := channels.Event{Channel: "sms", ID: fmt.Sprint("m", n.Add(1)), From: from[r], Words: "repeat"}
				if _, err := w.x.Receive(b.Context(), e); err != nil {
					done <- err
					for range next {
					}
					return
				}
			}
			done <- nil
		}()
	}
	for i := range b.N {
		next <- i
	}
	close(next)
	for range residents {
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "turns/s")
}

// BenchmarkRepeated is a message that a provider sends again.
func BenchmarkRepeated(b *testing.B) {
	w := settle(b)
	e := w.text(ann, "PARK")
	w.hear(e)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.x.Receive(b.Context(), e); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSend is one message through the outbox to a provider that takes it at once.
func BenchmarkSend(b *testing.B) {
	w := settle(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		w.queue(fmt.Sprint("+1555", i), "hello")
		w.x.Tick(b.Context())
		w.inside().outbox = nil
		w.sms.sent = nil
	}
}

func BenchmarkSimilar(b *testing.B) {
	w := settle(b)
	w.says(ann, "MEND", "2", "Main and Elm")
	m := w.inside()
	one := m.requests[0]
	for i := range searched {
		r := *one
		r.Reference = fmt.Sprint(i)
		m.requests = append(m.requests, &r)
	}
	d := w.dialogs.Current()
	var at int
	for i := range d {
		if d[i].ID == "report" {
			at = i
		}
	}
	st := &d[at].Steps[d[at].Index("same")]
	values := []string{"hole", "Oak Street"}
	all, err := w.store.Requests(b.Context(), store.RequestQuery{Limit: searched})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		for i := range all {
			if alike(d[at], st, values, &all[i]) {
				b.Fatal("found")
			}
		}
	}
}

func BenchmarkReplyRoundTrip(b *testing.B) {
	r := channels.Reply{Pages: []render.Page{{Lang: "en", Text: "What should come first?\n1 More trees\n2 More seats\n3 I do not know", Options: make([]render.Shown, 3), Number: 1, Of: 1}}}
	b.ReportAllocs()
	for b.Loop() {
		enc, err := encodeReply(r)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := decodeReply(enc); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkMenuTurn is one screen after the other, beside BenchmarkReceive's texts.
func BenchmarkMenuTurn(b *testing.B) {
	for name, s := range map[string]channels.Session{"whole": {ID: "s", Whole: true}, "latest": {ID: "s", Number: 1}} {
		b.Run(name, func(b *testing.B) {
			w := settle(b)
			e := channels.Event{Channel: "ussd", From: channels.Address{Kind: "tel", ID: ann}, Kind: channels.Dialed, Session: &s, At: w.clock.Now()}
			w.hear(e)
			e.Kind, e.Words = channels.Message, "PARK"
			all := "PARK"
			b.ReportAllocs()
			for i := 2; b.Loop(); i++ {
				next := s
				if s.Whole {
					e.Words = all
				} else {
					next.Number = i
				}
				e.Session = &next
				if _, err := w.x.Receive(b.Context(), e); err != nil {
					b.Fatal(err)
				}
				if all += "*9"; len(all) > 200 { // a session is no longer
					s.ID += "s"
					all, e.Kind = "", channels.Dialed
				} else {
					e.Words, e.Kind = "9", channels.Message
				}
			}
		})
	}
}
