package exchange

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/store"
)

func TestRow(t *testing.T) {
	for _, r := range []row{{memory: []byte{}}, {way: way{"sms", "tel"}, memory: []byte{1, 2}}, {gone: true, memory: []byte{0}}, {visit: visit{7, [16]byte{1, 2}}, memory: []byte{3}},
		{made: true, offered: true, over: true, left: true, unanswered: true, errands: []byte{9, 9}, memory: []byte{3}}, {visit: visit{7, [16]byte{1}}, errands: []byte{9}, memory: []byte{}},
		{more: more{Behind: &behind{Key: make([]byte, 16), On: "sms", At: 5, Once: 9}}, memory: []byte{3}},
		{more: more{Doors: &doors{Open: []door{{Channel: "sms", Who: store.Resident{1}}}, Past: []door{{Who: store.Resident{2}, Answered: []store.Inbound{{1}, {2}}}}}}, memory: []byte{3}},
		{more: more{Menu: &menu{Channel: "ussd", Session: []byte{1}, Said: 3, At: 5}}, memory: []byte{3}}} {
		if got, err := decodeRow(r.encode()); err != nil || !reflect.DeepEqual(got, r) {
			t.Fatal(got, err)
		}
	}
	for _, bad := range [][]byte{{5, 0, 0, 0}, {4, 0, 0, 0}, append([]byte{4, 0, 0, 0}, make([]byte, 32)...), {3, 0, 0, 0}, append([]byte{3, 0, 0, 0}, make([]byte, 28)...), {2, 0, 0, 0}, append([]byte{2, 0, 0, 0}, make([]byte, 24)...), {1}, {1, 0}, {1, 64, 0, 0}, {1, 0, 5, 'a'}, {1, 0, 0, 9}} {
		if _, err := decodeRow(bad); err == nil {
			t.Errorf("%v was read", bad)
		}
	}
}

func FuzzRow(f *testing.F) {
	f.Add([]byte{})
	f.Add(row{way: way{"sms", "tel"}, memory: []byte{0x80}}.encode())
	f.Add(row{errands: []byte{1}, memory: []byte{0x80}}.encode())
	f.Add(row{visit: visit{1, [16]byte{1}}, memory: []byte{0x80}}.encode())
	f.Add(row{errands: []byte{1}, more: more{Menu: &menu{Channel: "ussd", Session: []byte{1}, Said: 3, At: 5}}, memory: []byte{0x80}}.encode())
	f.Add(row{more: more{Doors: &doors{Open: []door{{Channel: "sms"}}}, Behind: &behind{At: 3}}, memory: []byte{0x80}}.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := decodeRow(b)
		if err != nil || len(b) == 0 {
			return
		}
		if again := r.encode(); !bytes.Equal(again, b) {
			t.Fatalf("%x became %x", b, again)
		}
	})
}

func TestReplyIsGivenAgainTheSame(t *testing.T) {
	r := channels.Reply{Over: true, Pages: []render.Page{
		{Lang: "es", Text: "¿Qué?", Options: []render.Shown{{ID: "a", Digit: "1", Label: "A"}}, Number: 1, Of: 2, Skip: true},
		{Spoken: []render.Spoken{{Key: "k", Words: "w", Pause: 300}}, Blocks: []render.Block{{Kind: "text", Words: "x"}}},
	}}
	for _, pass := range []*channels.Pass{nil, {}, {Desk: "works"}} {
		r.Pass = pass
		b, err := encodeReply(r)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeReply(b)
		if err != nil || !reflect.DeepEqual(got, r) {
			t.Fatalf("%+v %v", got, err)
		}
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

// TestARowOfANewerTownline is read where what it has more may be passed over, and that is handed on.
func TestARowOfANewerTownline(t *testing.T) {
	own, err := engine.Encode(&more{InCall: 7, Doors: &doors{}})
	if err != nil {
		t.Fatal(err)
	}
	with := func(key, holds uint64) row {
		all := map[uint64]any{}
		if err := engine.Decode(own, &all); err != nil {
			t.Fatal(err)
		}
		all[key] = holds
		b, err := engine.Encode(all)
		if err != nil {
			t.Fatal(err)
		}
		m, err := decodeMore(b)
		if (err == nil) != (key > lastPassable) {
			t.Fatalf("key %d: %v", key, err)
		}
		return row{more: m}
	}
	with(40, 9)
	r := with(500, 9)
	r.more.InCall, r.more.Said = 8, 9
	got, err := decodeRow(r.encode())
	if err != nil || got.more.InCall != 8 || got.more.Said != 9 || got.more.later != r.more.later || got.more.later == "" {
		t.Fatalf("%+v, %v", got.more, err)
	}
}
