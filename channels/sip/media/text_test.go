package media

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

// typist is a text telephone as RFC 4103 has it, of the test's own.
type typist struct {
	phone
	past [][]byte
}

func (p *typist) say(text string) []byte {
	old := make([][]byte, 2)
	copy(old[2-min(2, len(p.past)):], p.past[max(0, len(p.past)-2):])
	var b []byte
	for i, o := range old {
		b = append(b, 0x80|98)
		b = binary.BigEndian.AppendUint16(b, uint16((2-i)*300)<<2|uint16(len(o)>>8))
		b = append(b, byte(len(o)))
	}
	b = append(b, 98)
	b = append(b, old[0]...)
	b = append(b, old[1]...)
	p.past = append(p.past, []byte(text))
	return p.pack(100, append(b, text...))
}

const textLine = "m=text %d RTP/AVP 100 98\r\na=rtpmap:98 t140/1000\r\na=rtpmap:100 red/1000\r\na=fmtp:100 98/98/98"

func withText(t *testing.T, lines string) (*Session, *typist) {
	t.Helper()
	p := &typist{phone: *newPhone(t)}
	c := config(t)
	c.Text = true
	s, _ := answered(t, c, sdp("m=audio 4000 RTP/AVP 0", fmt.Sprintf(lines, p.at().Port())))
	return s, p
}

// heard is all text that has come.
func heardText(s *Session) (all string) {
	in, _ := s.Text()
	for {
		select {
		case text := <-in:
			all += text
		default:
			return all
		}
	}
}

// TestTextComes: what is typed arrives whole as long as one of three packets does, and a mark stands where it doesn't.
func TestTextComes(t *testing.T) {
	typed := []string{"\ufeffHe", "l", "p\b", "", "p", " mé\r\n", "مرحبا", "\u2028", "\x1b[31mred\x1b[0m\a", "", "end"}
	for _, c := range []struct {
		name string
		lose string // packets, by their letter
		swap bool
		want string
	}{
		{"all of it", "", false, "Help\bp mé\nمرحبا\nredend"},
		{"each second lost", "bdfhj", false, "Help\bp mé\nمرحبا\nredend"},
		{"two in a row lost", "bcfg", false, "Help\bp mé\nمرحبا\nredend"},
		{"the first two lost", "ab", false, "Help\bp mé\nمرحبا\nredend"},
		{"three in a row lost", "bcd", false, "He\ufffdp mé\nمرحبا\nredend"},
		{"neighbours the other way round", "", true, "Help\bp mé\nمرحبا\nredend"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, p := withText(t, textLine)
			var packets [][]byte
			for i, text := range typed {
				if b := p.say(text); !strings.Contains(c.lose, string(rune('a'+i))) {
					packets = append(packets, b)
				}
			}
			if c.swap {
				for i := 0; i+1 < len(packets); i += 2 {
					packets[i], packets[i+1] = packets[i+1], packets[i]
				}
			}
			for _, b := range packets {
				s.receiveText(b, p.at())
			}
			got, want := heardText(s), c.want
			if c.name == "three in a row lost" { // b, c and d are gone, but e says c and d again
				want = "He\ufffdp\bp mé\nمرحبا\nredend"
			}
			if got != want {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
}

func TestTextWithoutRedundancy(t *testing.T) {
	s, p := withText(t, "m=text %d RTP/AVP 98\r\na=rtpmap:98 t140/1000")
	a, _, c := p.pack(98, []byte("a")), p.pack(98, []byte("b")), p.pack(98, []byte("c"))
	s.receiveText(a, p.at())
	s.receiveText(c, p.at())
	s.receiveText(c, p.at())
	s.receiveText(p.pack(100, []byte("x")), p.at())
	if got := heardText(s); got != "a\ufffdc" {
		t.Errorf("%q", got)
	}
}

// TestTextGoes: what we say leaves at most every 300 ms, with what was said before, and then twice more; a line's end
// is one sign; nobody gets more than they can show.
func TestTextGoes(t *testing.T) {
	s, p := withText(t, textLine)
	_, say := s.Text()
	if err := say("Press 1\nfor büses\x07."); err != nil {
		t.Fatal(err)
	}
	s.beats(14)
	if err := say("2"); err != nil {
		t.Fatal(err)
	}
	s.beats(100)
	var got []string
	last := uint32(0)
	for i := range 4 {
		b := p.next()
		var terms texting
		terms.terms = textTerms{plain: agreed{98, 98, true}, redundant: agreed{100, 100, true}}
		blocks, ok := terms.read(b)
		if !ok || b.payload != 100 || b.marker != (i == 0) {
			t.Fatalf("%+v", b)
		}
		if i > 0 && b.stamp-last != 300 {
			t.Errorf("packet %d is %d ms after the last", i, b.stamp-last)
		}
		last = b.stamp
		got = append(got, string(bytes.Join(blocks, []byte("|"))))
	}
	want := []string{"||\ufeffPress 1\u2028for büses.", "|\ufeffPress 1\u2028for büses.|2", "\ufeffPress 1\u2028for büses.|2|", "2||"}
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("%q\n%q", got, want)
	}

	long := strings.Repeat("نعم ", 500)
	if err := say(long); err != nil {
		t.Fatal(err)
	}
	sent := s.text.stream.sent
	s.beats(50)
	s.mu.Lock()
	left := utf8.RuneCount(s.text.waiting)
	s.mu.Unlock()
	if went := 2000 - left; went < 280 || went > 340 || s.text.stream.sent == sent {
		t.Errorf("%d characters went in a second, to a telephone that shows 30 a second, 10 s at once", went)
	}
	if err := say(strings.Repeat("x", mostWaits)); err == nil {
		t.Error("any amount of text may wait")
	}
	s.Close()
	if err := say("x"); err == nil {
		t.Error("a closed call says something")
	}
	in, _ := s.Text()
	if _, open := <-in; open {
		t.Error("the channel stays open")
	}
}

// TestTextThatNobodyReads waits, and isn't lost.
func TestTextThatNobodyReads(t *testing.T) {
	s, p := withText(t, textLine)
	want := ""
	for i := range 200 {
		text := fmt.Sprint(i, " ")
		want += text
		s.receiveText(p.say(text), p.at())
	}
	got := heardText(s)
	s.beats(1)
	if got += heardText(s); got != want {
		t.Errorf("%q", got)
	}
}

func TestNoText(t *testing.T) {
	s, _ := answered(t, config(t), sdp("m=audio 4000 RTP/AVP 0"))
	if in, say := s.Text(); in != nil || say != nil {
		t.Error("there is text though none was agreed")
	}
}

func FuzzT140(f *testing.F) {
	p := typist{phone: phone{}}
	for _, text := range []string{"\ufeffa", "\x1b[3", "1mé\b\r", "\n\u2028"} {
		f.Add(bytes.Clone(p.say(text)[headerSize:]))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		x := newTexting(&stream{})
		x.terms = textTerms{plain: agreed{98, 98, true}, redundant: agreed{100, 100, true}}
		for i := range 3 {
			x.hear(packet{payload: uint8(98 + 2*(i%2)), seq: uint16(7 * i), body: b})
		}
		x.deliver()
		select {
		case text := <-x.in:
			if !utf8.ValidString(text) || strings.ContainsAny(text, "\x00\x1b\r\ufeff") {
				t.Fatalf("%x is heard as %q", b, text)
			}
		default:
		}
	})
}
