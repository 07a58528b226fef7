package smpp

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/linxGnu/gosmpp/pdu"
)

// A stream of anything: PDUs are found where their lengths say, nothing is read twice, and it ends.
func FuzzFrames(f *testing.F) {
	good := raw(deliverSM, 7, sm{from: resident, to: "1", words: "1", parameters: []parameter{{tagUSSDOp, []byte{1}}}}.body())
	f.Add(append(good, good...))
	f.Add(good[:20])
	f.Add([]byte{0, 0, 0, 15, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 1})
	f.Add(raw(0x999, 1, nil))
	f.Add(append(raw(deliverSM, 1, make([]byte, mostFrame)), good...))
	f.Fuzz(func(t *testing.T, stream []byte) {
		r := newReader(bytes.NewReader(stream))
		read := 0
		for {
			fr, long, err := next(r)
			if err != nil {
				break
			}
			if long {
				return
			}
			if !bytes.Equal(fr, stream[read:read+len(fr)]) || len(fr) < headerLen {
				t.Fatalf("a PDU of %d octets isn't what stands at %d", len(fr), read)
			}
			read += len(fr)
			if fr.answers(submitSM) {
				if id := messageID(fr); len(id) > len(fr) {
					t.Fatalf("%q", id)
				}
			}
		}
	})
}

// A deliver_sm of anything: where gosmpp reads it too, it reads the same.
func FuzzTake(f *testing.F) {
	f.Add(sm{service: "USSD", from: resident, to: "384", words: "*384#", parameters: []parameter{{tagUSSDOp, []byte{1}}, {tagITSSession, []byte{1, 2}}}}.body(), false)
	f.Add(sm{from: resident, to: "1", class: 0x40, user: []byte{5, 0, 3, 7, 2, 1, 'a'}}.body(), false)
	f.Add(sm{from: resident, to: "1", class: 4, words: "id:1 stat:DELIVRD err:000", payload: true}.body(), false)
	f.Add(append(sm{from: resident, to: "1"}.body(), 5, 1, 0xFF, 0xFF), false)
	f.Add([]byte("\x00\x01\x01255712345678\x00\x00\x0115001\x00\x00\x00\x00"), true)
	m, _ := MenusOf("standard")
	m.Code = "*384#"
	f.Fuzz(func(t *testing.T, body []byte, dataToo bool) {
		command := deliverSM
		if dataToo {
			command = dataSM
		}
		in, err := take(raw(command, 1, body))
		if err != nil {
			return
		}
		theirs, errTheirs := pdu.Parse(bytes.NewReader(raw(command, 1, body)))
		if d, ok := theirs.(*pdu.DeliverSM); ok && errTheirs == nil {
			if d.SourceAddr.Address() != in.from.number || d.DestAddr.Ton() != in.to.ton || d.EsmClass != in.class || d.ServiceType != in.service {
				t.Errorf("gosmpp reads %+v, we read %+v", d, in)
			}
			for tag, field := range d.OptionalParameters {
				if v, ok := in.parameter(tagOf(tag)); !ok || !bytes.Equal(v, field.Data) {
					t.Errorf("parameter %v is % X to gosmpp, % X to us", tag, field.Data, v)
				}
			}
		}
		p, octets, head, err := in.open()
		if err != nil {
			return
		}
		if p.total != 0 && (p.number < 1 || p.number > p.total || p.total < 2) || head > len(in.user) {
			t.Errorf("%+v, a header of %d", p, head)
		}
		words, _ := read(octets, scriptOf(in.coding, GSM))
		if !utf8.ValidString(words) {
			t.Errorf("%q", words)
		}
		in.isReceipt()
		if r, ok := in.receipt(words); ok && (r.id == "" || r.state == 0 || len(r.id) > 65) {
			t.Errorf("%+v", r)
		}
		s := m.step(in, words)
		if len(s.session) > 128 {
			t.Errorf("%+v", s)
		}
		screen := m.screen(in, "Ok", true)
		if _, _, err := next(newReader(bytes.NewReader(screen))); err != nil {
			t.Errorf("a screen in answer can't be read: %v", err)
		}
		if again := parseAddress(in.from.String()); again != in.from {
			t.Errorf("%+v became %+v", in.from, again)
		}
	})
}

func tagOf(t pdu.Tag) tag { return tag(t) }

// Parts of long messages in any order, with anything in them: one event for each whole message, never a panic, and all of it
// is found again on disk.
func FuzzJoin(f *testing.F) {
	f.Add([]byte{5, 0, 3, 1, 2, 1, 'a'}, []byte{5, 0, 3, 1, 2, 2, 'b'}, []byte{6, 8, 4, 0, 1, 2, 1, 'c'})
	f.Add([]byte{5, 0, 3, 1, 2, 1, 'a'}, []byte{5, 0, 3, 1, 2, 1, 'x'}, []byte{5, 0, 3, 1, 2, 2, 'b'})
	f.Add([]byte{0}, []byte{255}, []byte{3, 0, 1, 1})
	f.Fuzz(func(t *testing.T, a, b, c []byte) {
		s, err := openShelf(&Config{Operator: "x", Secret: []byte("0123456789abcdef")})
		if err != nil {
			t.Fatal(err)
		}
		for i, octets := range [][]byte{a, b, c} {
			in := incoming{class: classHeader, user: octets}
			p, octets, _, err := in.open()
			if err != nil || p.total == 0 {
				continue
			}
			key := s.box.Mark("long", []byte{byte(p.ref), byte(p.total), bit(p.wide)})
			u, whole, err := s.put(key, p, "1:1:1", "0:0:2", held{mark: mark{byte(i)}, octets: octets}, time.Unix(int64(i), 0))
			if err != nil || whole != (len(u.parts) == p.total) {
				t.Fatal(err, whole)
			}
			if again := s.unfinished(key); again == nil || !utf8.ValidString(again.words()) {
				t.Fatal("it is gone")
			}
			if whole {
				s.finish(key)
			}
		}
		other, _ := openShelf(&Config{Operator: "x", Secret: []byte("0123456789abcdef")})
		for _, e := range s.live(time.Unix(3, 0)) {
			other.recall(e)
		}
		if len(other.parts) != len(s.parts) || other.held != s.held {
			t.Errorf("%d messages of %d octets are found again, want %d of %d", len(other.parts), other.held, len(s.parts), s.held)
		}
	})
}

// A journal with anything in it opens, and what is written to it then is found again.
func FuzzJournal(f *testing.F) {
	f.Add(appendEntry(appendEntry(nil, []byte("s234567890123456789012345678901234")), []byte("d")))
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		name := filepath.Join(t.TempDir(), "x.journal")
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := openShelf(&Config{Operator: "x", Secret: []byte("0123456789abcdef"), Dir: filepath.Dir(name)})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.journal.add(true, []byte("hello")); err != nil {
			t.Fatal(err)
		}
		if err := s.close(); err != nil {
			t.Fatal(err)
		}
		found := false
		j, err := openJournal(name, func(e []byte) { found = found || string(e) == "hello" }, func() [][]byte { return nil })
		if err != nil || !found {
			t.Fatalf("%v, found: %v", err, found)
		}
		j.close()
	})
}
