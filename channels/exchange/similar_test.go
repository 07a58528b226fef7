package exchange

import (
	"math"
	"testing"
)

func TestNear(t *testing.T) {
	for _, c := range []struct {
		a, b   string
		within int
		want   bool
	}{
		{"Main and Elm", "main & elm and", 0, true},
		{"Calle Mayor", "calle  mayor!", 0, true},
		{"Calle Mayor 3", "calle mayor 5", 0, false},
		{"corner of Main and Elm", "Main and Elm", 0, true},
		{"Elm", "corner of Main and Elm", 0, false}, // one word is too little
		{"Elm", "ELM", 0, true},
		{"", "", 0, false},
		{"geo:52.1,4.3", "geo:52.1,4.3", 100, true},
		{"geo:52.1,4.3", "geo:52.1008,4.3", 100, true},  // 89 m
		{"geo:52.1,4.3", "geo:52.1010,4.3", 100, false}, // 111 m
		{"geo:52.1,4.3", "geo:52.1010,4.3", 150, true},
		{"geo:0,179.9999", "geo:0,-179.9999", 100, true}, // across the date line
		{"geo:52.1,4.3,12;u=30", "geo:52.1,4.3", 0, true},
		{"geo:52.1,4.3", "Main and Elm", 100, false},
		{"geo:x,y", "geo:x,y", 100, false},
		{"geo:91,0", "geo:91,0", 100, false},
		{"geo:", "geo:", 100, false},
	} {
		if got := near(c.a, c.b, c.within); got != c.want {
			t.Errorf("%q and %q within %d m: %v", c.a, c.b, c.within, got)
		}
		if got := near(c.b, c.a, c.within); got != c.want {
			t.Errorf("%q and %q within %d m: %v the other way round", c.b, c.a, c.within, got)
		}
	}
}

func TestMetres(t *testing.T) {
	// Berlin to Paris, by the great circle on a sphere of 6,371 km.
	if got := metres(52.5200, 13.4050, 48.8566, 2.3522); math.Abs(got-877_463) > 500 {
		t.Fatal(got)
	}
}

func FuzzGeo(f *testing.F) {
	f.Add("geo:52.1,4.3", "geo:52.1,4.3;u=9")
	f.Add("geo:NaN,1", "geo:Inf,0")
	f.Fuzz(func(t *testing.T, a, b string) {
		if near(a, b, 10) != near(b, a, 10) {
			t.Fatalf("%q and %q: not the same both ways", a, b)
		}
	})
}
