package golden

import "testing"

func TestDiffer(t *testing.T) {
	for _, c := range []struct {
		was, now string
		line     int
		a, b     string
	}{
		{"one\ntwo\n", "one\ntwo\n", 0, "", ""},
		{"one\ntwo\n", "one\n2\n", 2, "two", "2"},
		{"one\n", "one\ntwo\n", 2, "", "two"},
		{"one\ntwo", "one", 2, "two", "(the end)"},
		{"one", "one\n", 2, "(the end)", ""},
		{"", "one", 1, "", "one"},
	} {
		if line, a, b := differ(c.was, c.now); line != c.line || a != c.a || b != c.b {
			t.Errorf("%q, %q: line %d, %q, %q", c.was, c.now, line, a, b)
		}
	}
}
