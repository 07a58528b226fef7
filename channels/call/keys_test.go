package call

import (
	"testing"
	"time"

	"github.com/townline/townline/dialogs/render"
)

var noon = time.Date(2027, 3, 15, 12, 0, 0, 0, time.UTC)

// Each script is a key and when it is pressed, in milliseconds after the page began; "p2" begins the next page then.
func TestKeys(t *testing.T) {
	one, entry := render.Listen{Keys: 1, Wait: 10}, render.Listen{Keys: 4, Wait: 10}
	type press struct {
		key byte
		at  int
	}
	for _, c := range []struct {
		name   string
		pages  []render.Listen
		began  []int
		keys   [][]press // of each page
		want   string    // answers, with a bar between; what is left at the end after a tilde
		ignore int       // keys that are left alone
	}{
		{"one key is an answer", []render.Listen{one}, []int{0}, [][]press{{{'2', 50}}}, "2", 0},
		{"help, again, back and more as well", []render.Listen{one, one, one, one}, []int{0, 5000, 10000, 15000}, [][]press{{{'0', 1}}, {{'9', 5001}}, {{'*', 10001}}, {{'8', 15001}}}, "0|9|*|8", 0},
		{"a shaking finger presses twice", []render.Listen{one, one}, []int{0, 200}, [][]press{{{'2', 1000}}, {{'2', 1300}, {'2', 3000}}}, "2|2", 1},
		{"and touches the key beside", []render.Listen{one, one}, []int{0, 200}, [][]press{{{'2', 1000}}, {{'3', 1399}, {'1', 1400}}}, "2|1", 1},
		{"what nobody has begun to ask isn't answered", []render.Listen{one, one}, []int{0, 5000}, [][]press{{{'2', 1000}}, {{'2', 4000}, {'3', 4600}, {'1', 5000}}}, "2|1", 2},
		{"but help and back are what they are", []render.Listen{one, one, one}, []int{0, 5000, 9000}, [][]press{{{'2', 1000}}, {{'*', 2000}}, {{'0', 8000}}}, "2|*|0", 0},
		{"an entry ends with the hash key", []render.Listen{entry}, []int{0}, [][]press{{{'1', 10}, {'1', 150}, {'#', 900}}}, "11", 0},
		{"or when it is as long as can be", []render.Listen{entry}, []int{0}, [][]press{{{'1', 10}, {'9', 150}, {'0', 900}, {'8', 1000}}}, "1908", 0},
		{"or with the wait", []render.Listen{entry}, []int{0}, [][]press{{{'4', 10}, {'2', 150}}}, "~42", 0},
		{"a star that comes first acts", []render.Listen{entry}, []int{0}, [][]press{{{'*', 10}}}, "*", 0},
		{"a star between digits belongs to them", []render.Listen{entry}, []int{0}, [][]press{{{'1', 10}, {'*', 100}, {'5', 200}, {'#', 300}}}, "1*5", 0},
		{"nought, eight and nine are digits there", []render.Listen{entry}, []int{0}, [][]press{{{'0', 10}, {'#', 20}}}, "0", 0},
		{"a hash key that ends nothing", []render.Listen{one, entry}, []int{0, 5000}, [][]press{{{'#', 10}, {'2', 500}}, {{'#', 5010}, {'7', 5100}, {'#', 5200}}}, "2|7", 2},
		{"a hash key after the longest entry", []render.Listen{entry, one}, []int{0, 2000}, [][]press{{{'1', 10}, {'2', 110}, {'3', 210}, {'4', 310}}, {{'#', 800}, {'1', 3000}}}, "1234|1", 1},
		{"more digits than are needed", []render.Listen{entry, one}, []int{0, 2000}, [][]press{{{'0', 100}, {'3', 600}, {'1', 1100}, {'5', 1600}}, {{'2', 2400}, {'0', 3100}, {'2', 3800}, {'7', 4500}, {'#', 5200}, {'1', 5700}}}, "0315|1", 5},
		{"a star among them takes the answer back", []render.Listen{entry, one}, []int{0, 2000}, [][]press{{{'0', 100}, {'3', 600}, {'1', 1100}, {'5', 1600}}, {{'2', 2400}, {'*', 3100}}}, "0315|*", 1},
		{"the first digit of an entry isn't the shake of the answer before", []render.Listen{one, entry}, []int{0, 100}, [][]press{{{'2', 50}}, {{'2', 300}, {'5', 2000}, {'2', 2100}, {'#', 2200}}}, "2|52", 1},
		{"the fourth row of some telephones", []render.Listen{one}, []int{0}, [][]press{{{'A', 10}, {'D', 20}, {0, 30}, {'3', 40}}}, "3", 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			var k Keys
			got, ignored := "", 0
			for i, page := range c.pages {
				k.Page(page, noon.Add(time.Duration(c.began[i])*time.Millisecond))
				for _, p := range c.keys[i] {
					words, whole, counted := k.Press(Press{Key: p.key, At: noon.Add(time.Duration(p.at) * time.Millisecond)})
					if !counted {
						ignored++
					}
					if whole {
						if got != "" {
							got += "|"
						}
						got += words
					}
				}
			}
			if rest := k.Rest(); rest != "" {
				got += "~" + rest
			}
			if got != c.want || ignored != c.ignore {
				t.Errorf("%q with %d left alone, want %q with %d", got, ignored, c.want, c.ignore)
			}
		})
	}
}

func FuzzKeys(f *testing.F) {
	f.Add([]byte("12#"), uint8(4))
	f.Add([]byte("**00##"), uint8(1))
	f.Fuzz(func(t *testing.T, pressed []byte, most uint8) {
		var k Keys
		k.Page(render.Listen{Keys: int(most)}, noon)
		at := noon
		for _, key := range pressed {
			at = at.Add(time.Duration(key) * 7 * time.Millisecond)
			words, whole, counted := k.Press(Press{Key: key, At: at})
			switch {
			case whole && (words == "" || len(words) > max(1, min(int(most), mostKeys))):
				t.Fatalf("%q of at most %d keys", words, most)
			case whole && !counted, !whole && words != "":
				t.Fatalf("%q, whole %v, counted %v", words, whole, counted)
			}
		}
		if rest := k.Rest(); len(rest) >= max(1, min(int(most), mostKeys)) && rest != "" {
			t.Fatalf("%q is left of at most %d keys", rest, most)
		}
	})
}
