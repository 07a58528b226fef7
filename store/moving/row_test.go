package moving

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"testing"
)

// example is a row of a table with something in each column, or nothing where it may be.
func example(t *Table, random *rand.Rand) []Value {
	row := make([]Value, len(t.Columns))
	for i, c := range t.Columns {
		v := &row[i]
		if c.Maybe && random.IntN(2) == 0 {
			v.None = true
			continue
		}
		switch c.Kind {
		case Number:
			v.Int = random.Int64() >> random.IntN(64)
			if random.IntN(2) == 0 {
				v.Int = -v.Int
			}
		case Truth:
			v.Int = int64(random.IntN(2))
		case ID:
			v.Bytes = make([]byte, 16)
			for i := range v.Bytes {
				v.Bytes[i] = byte(random.Uint32())
			}
		case Text:
			v.Bytes = []byte([]string{"", "Main Street", "在哪里 🚌"}[random.IntN(3)])
		case Bytes:
			v.Bytes = bytes.Repeat([]byte{0, 255, 7}, random.IntN(200))
		}
	}
	return row
}

func same(a, b []Value) bool {
	for i := range a {
		if a[i].None != b[i].None || a[i].Int != b[i].Int || !bytes.Equal(a[i].Bytes, b[i].Bytes) {
			return false
		}
	}
	return len(a) == len(b)
}

func TestRows(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, table := range Tables() {
		for range 100 {
			want := example(&table, random)
			b, err := table.Append(nil, want)
			if err != nil {
				t.Fatal(err)
			}
			got := make([]Value, len(want))
			if err := table.Read(b, got); err != nil || !same(got, want) {
				t.Fatalf("%s: %v, %v came back as %v", table.Name, err, want, got)
			}
			for n := range b {
				if table.Read(b[:n], got) == nil {
					t.Fatalf("%s: %d of %d bytes were taken for a row", table.Name, n, len(b))
				}
			}
			if table.Read(append(b, 0), got) == nil {
				t.Fatalf("%s: a row goes on behind its end", table.Name)
			}
			at, err := table.Position(b)
			if err != nil {
				t.Fatal(err)
			}
			if err := table.Read(at, got); err != nil {
				t.Fatal(err)
			}
			for _, i := range table.Key {
				if got[i].Int != want[i].Int || !bytes.Equal(got[i].Bytes, want[i].Bytes) {
					t.Fatalf("%s: %v lies at %v", table.Name, want, got)
				}
			}
		}
	}
}

// What a database can't hold as text is the same on both sides.
func TestTextIsMended(t *testing.T) {
	table := Table{"t", []Column{{Name: "words", Kind: Text}}, []int{0}}
	b, err := table.Append(nil, []Value{{Bytes: []byte("a\x00b\xffc")}})
	if err != nil {
		t.Fatal(err)
	}
	got := make([]Value, 1)
	if err := table.Read(b, got); err != nil || string(got[0].Bytes) != "a\ufffdb\ufffdc" {
		t.Fatalf("%q, %v", got[0].Bytes, err)
	}
	if err := table.Read([]byte("\x03a\x00b"), got); err == nil {
		t.Fatal("text with a zero in it was taken")
	}
	for _, row := range [][]Value{{{None: true}}} {
		if _, err := table.Append(nil, row); err == nil {
			t.Fatal("nothing was written where something has to be")
		}
	}
}

// A sum is the same in another order, and another where a row is missing, twice, or changed.
func TestSum(t *testing.T) {
	words := Table{"t", []Column{{Name: "words", Kind: Text}}, []int{0}}
	own := Table{"t", []Column{{Name: "words", Kind: Text}, {Name: "place", Kind: Bytes, Own: true}}, []int{0}}
	sum := func(rows ...string) (s Sum) {
		for _, r := range rows {
			b, err := words.Append(nil, []Value{{Bytes: []byte(r)}})
			if err == nil {
				err = s.Add(&words, b)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		return s
	}
	want := sum("a", "b", "c")
	if got := sum("c", "a", "b"); got != want {
		t.Error("the order counts")
	}
	for _, rows := range [][]string{{"a", "b"}, {"a", "b", "c", "c"}, {"a", "b", "d"}, {"a", "a", "c"}} {
		if sum(rows...) == want {
			t.Errorf("%v is the same as a, b, c", rows)
		}
	}
	var got Sum
	for _, r := range []string{"a", "b", "c"} { // with a place, as another store has it
		b, err := own.Append(nil, []Value{{Bytes: []byte(r)}, {Bytes: bytes.Repeat([]byte(r), 300)}})
		if err == nil {
			err = got.Add(&own, b)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if got != want {
		t.Error("what is a store's own counts")
	}
	if got.Add(&own, []byte{1}) == nil {
		t.Error("rubbish was counted")
	}
}

func FuzzAnswers(f *testing.F) {
	a, b := AppendAnswers(nil, nil, []Answer{{Inbound: [8]byte{1}, Reply: []byte("yes"), Age: 7}, {Age: 1 << 60}})
	f.Add(a, b)
	f.Add([]byte("12345678\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), make([]byte, 8))
	f.Fuzz(func(t *testing.T, answered, ages []byte) {
		all, err := ReadAnswers(nil, answered, ages)
		if err != nil {
			return
		}
		a, b := AppendAnswers(nil, nil, all)
		again, err := ReadAnswers(nil, a, b)
		if err != nil || !reflect.DeepEqual(all, again) || !bytes.Equal(ages, b) {
			t.Fatalf("%v came back as %v, %v", all, again, err)
		}
	})
}

func FuzzRow(f *testing.F) {
	tables := Tables()
	random := rand.New(rand.NewPCG(1, 2))
	for i := range tables {
		b, err := tables[i].Append(nil, example(&tables[i], random))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(i), b)
	}
	f.Add(uint8(1), bytes.Repeat([]byte{0xff}, 40))
	f.Fuzz(func(t *testing.T, n uint8, b []byte) {
		table := &tables[int(n)%len(tables)]
		row, again := make([]Value, len(table.Columns)), make([]Value, len(table.Columns))
		if table.Read(b, row) != nil {
			return
		}
		c, err := table.Append(nil, row)
		if err != nil || !bytes.Equal(b, c) {
			t.Fatalf("%s: %x was written again as %x, %v", table.Name, b, c, err)
		}
		if err := table.Read(c, again); err != nil || !same(row, again) {
			t.Fatalf("%s: %v came back as %v, %v", table.Name, row, again, err)
		}
	})
}
