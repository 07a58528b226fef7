package locales

import "testing"

func TestLoad(t *testing.T) {
	c, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	en := c.Language("en")
	for _, w := range []string{"twenty-one", "a hundred and five", "2 million", "two five", "1,200", "1.200", "nineteen ninety", "two point five"} {
		t.Log(w)
		t.Log(en.Number(w))
	}
	t.Log(en.Command("Stop. Thank you!"))
	t.Log(en.Phrase("@retry.many", Full, Arg{Name: "most", Count: 1, Plural: true}))
}

func BenchmarkLoad(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Load(); err != nil {
			b.Fatal(err)
		}
	}
}
