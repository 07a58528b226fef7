package exchange

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/render"
)

func TestRow(t *testing.T) {
	for _, w := range []way{{}, {"sms", "tel"}} {
		got, memory, err := decodeRow(encodeRow(w, []byte{1, 2}))
		if err != nil || got != w || !bytes.Equal(memory, []byte{1, 2}) {
			t.Fatal(got, memory, err)
		}
	}
	for _, bad := range [][]byte{{2, 0, 0}, {1}, {1, 5, 'a'}, {1, 0, 9}} {
		if _, _, err := decodeRow(bad); err == nil {
			t.Errorf("%v was read", bad)
		}
	}
}

func FuzzRow(f *testing.F) {
	f.Add([]byte{})
	f.Add(encodeRow(way{"sms", "tel"}, []byte{0x80}))
	f.Fuzz(func(t *testing.T, b []byte) {
		w, memory, err := decodeRow(b)
		if err != nil || len(b) == 0 {
			return
		}
		if again := encodeRow(w, memory); !bytes.Equal(again, b) {
			t.Fatalf("%x became %x", b, again)
		}
	})
}

func TestReplyIsGivenAgainTheSame(t *testing.T) {
	r := channels.Reply{Over: true, Pages: []render.Page{
		{Lang: "es", Text: "¿Qué?", Options: []render.Shown{{ID: "a", Digit: "1", Label: "A"}}, Number: 1, Of: 2, Skip: true},
		{Spoken: []render.Spoken{{Key: "k", Words: "w", Pause: 300}}, Blocks: []render.Block{{Kind: "text", Words: "x"}}},
	}}
	b, err := encodeReply(r)
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodeReply(b)
	if err != nil || !reflect.DeepEqual(got, r) {
		t.Fatalf("%+v %v", got, err)
	}
}

func FuzzReply(f *testing.F) {
	b, _ := encodeReply(channels.Reply{Pages: []render.Page{{Text: "x"}}})
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := decodeReply(b)
		if err != nil {
			return
		}
		if _, err := encodeReply(r); err != nil {
			t.Fatal(err)
		}
	})
}

func TestDerived(t *testing.T) {
	a := derived("message", [16]byte{1}, 2, 3)
	if a != derived("message", [16]byte{1}, 2, 3) {
		t.Fatal("not the same again")
	}
	for _, b := range [][16]byte{derived("consent", [16]byte{1}, 2, 3), derived("message", [16]byte{2}, 2, 3), derived("message", [16]byte{1}, 3, 3), derived("message", [16]byte{1}, 2, 4)} {
		if a == b {
			t.Fatal("the same for another record")
		}
	}
}
