package sealing

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/townline/townline/store"
)

func TestLetter(t *testing.T) {
	for _, l := range []store.Letter{
		{},
		{By: "ana", Channel: "sms", Words: "Where is it? 在哪里\x00\xff", Media: []string{"media:ab", "", "media:cd"}},
	} {
		b := AppendLetter([]byte("before"), &l)
		var got store.Letter
		if err := ReadLetter(b[6:], &got); err != nil || !reflect.DeepEqual(got, l) {
			t.Errorf("%+v, %v; want %+v", got, err, l)
		}
		for n := range b[6:] {
			if err := ReadLetter(b[6:6+n], &store.Letter{}); err == nil {
				t.Errorf("the first %d of %d bytes were taken for a letter", n, len(b)-6)
			}
		}
	}
}

func FuzzLetter(f *testing.F) {
	f.Add(AppendLetter(nil, &store.Letter{By: "ana", Words: "hello", Media: []string{"a"}}))
	f.Add([]byte{0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		var l, again store.Letter
		if ReadLetter(b, &l) != nil {
			return
		}
		if err := ReadLetter(AppendLetter(nil, &l), &again); err != nil || !reflect.DeepEqual(l, again) {
			t.Fatalf("%+v came back as %+v, %v (%x)", l, again, err, bytes.Clone(b))
		}
	})
}
