package sealing

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/store"
)

// TestLedger: lines come back as they were noted; what was cut short, or is too long, is passed over and takes no other with it.
func TestLedger(t *testing.T) {
	at := time.Date(2027, 3, 15, 12, 0, 0, 5e6, time.UTC)
	e := Erased{store.Resident{1, 2}, at}
	o := store.OptOut{Address: store.AddressKey{3}, Out: true, At: at, Channel: "sms", Word: "STOP \"now\"\n"}
	erased := append(NoteErased(nil, e)[:20], NoteErased(nil, e)...)
	erased = append(append(erased, strings.Repeat("f", 3*mostLine)...), NoteErased(nil, Erased{Resident: store.Resident{9}})...)
	erased = append(erased, "0102"...)
	var gone []Erased
	if err := ReadErased(bytes.NewReader(erased), func(e Erased) { gone = append(gone, e) }); err != nil || len(gone) != 2 || gone[0] != e || gone[1].Resident != (store.Resident{9}) {
		t.Errorf("%v, %v", gone, err)
	}
	stops := append(NoteStop(nil, &o)[:60], NoteStop(nil, &o)...)
	var said []store.OptOut
	if err := ReadStops(bytes.NewReader(stops), func(o store.OptOut) { said = append(said, o) }); err != nil || len(said) != 1 || said[0] != o {
		t.Errorf("%+v, %v", said, err)
	}
}

// FuzzLedger: whatever lies in the files, what is read is noted as the same again.
func FuzzLedger(f *testing.F) {
	f.Add(NoteErased(nil, Erased{store.Resident{1}, time.UnixMilli(5)}))
	f.Add(NoteStop(nil, &store.OptOut{Address: store.AddressKey{3}, Out: true, At: time.UnixMilli(7), Channel: "sms", Word: "STOP"}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := ReadErased(bytes.NewReader(b), func(e Erased) {
			again := 0
			if err := ReadErased(bytes.NewReader(NoteErased(nil, e)), func(o Erased) {
				if again++; o != e {
					t.Errorf("%v became %v", e, o)
				}
			}); err != nil || again != 1 {
				t.Error(again, err)
			}
		}); err != nil {
			t.Error(err)
		}
		if err := ReadStops(bytes.NewReader(b), func(p store.OptOut) {
			again := 0
			if err := ReadStops(bytes.NewReader(NoteStop(nil, &p)), func(o store.OptOut) {
				if again++; o != p {
					t.Errorf("%v became %v", p, o)
				}
			}); err != nil || again != 1 && len(p.Channel)+len(p.Word) < mostLine/8 {
				t.Error(again, err)
			}
		}); err != nil {
			t.Error(err)
		}
	})
}
