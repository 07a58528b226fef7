package audio

import "testing"

func TestFiguresAsTheyAreSaid(t *testing.T) {
	c := phrases(t)
	for _, test := range []struct{ lang, written, said string }{
		{"en", "Your number is 482-173-5.", "Your number is 4 8 2, 1 7 3, 5."},
		{"en", "SR-4821-7", "S, R, 4 8 2 1, 7"},
		{"es", "SR-4821-7", "S, R, 4 8 2 1, 7"}, // "SR" alone is read as señor
		{"en", "The code is 4821-7350", "The code is 4 8 2 1, 7 3 5 0"},
		{"en", "Call 555 0100 or 911.", "Call 5 5 5, 0 1 0 0 or 9 1 1."},
		{"en", "+1 555 0100", "1, 5 5 5, 0 1 0 0"},
		{"en", "(202) 555-0100", "2 0 2, 5 5 5, 0 1 0 0"},
		{"en", "202-555-0100", "2 0 2, 5 5 5, 0 1 0 0"},
		{"en", "+15550100", "1 5 5 5 0 1 0 0"},
		{"zh", "电话是555 0100。", "电话是5 5 5, 0 1 0 0。"},
		{"en", "The town has $500,000.", "The town has 500000 dollars."},
		{"en", "$1", "1 dollar"},
		{"en", "$2.50 a ride", "2.50 dollars a ride"},
		{"es", "$500.000", "500000 dólares"},
		{"es", "$500,000", "500000 dólares"},
		{"es", "1.250,5", "1250,5"},
		{"es", "2,5", "2,5"},
		{"fr", "500 000 dollars", "500000 dollars"},
		{"fr", "500\u202f000 €", "500000 €"},
		{"fr", "€2,50", "2,50 euros"},
		{"zh", "$500,000", "500000美元"},
		{"ar", "$3", "3 دولارات"},
		{"so", "£20", "20 boon"},
		{"en", "1,250.75", "1250.75"},
		{"en", "9:00", "9 o'clock"},
		{"en", "9:30", "9 30"},
		{"en", "09:05", "9 05"},
		{"en", "Open 9:00-17:00", "Open 9 o'clock to 17 o'clock"},
		{"fr", "9:00-17:30", "9 heures à 17 heures 30"},
		{"zh", "9:00–17:00", "9点到17点"},
		{"en", "2-3 days", "2 to 3 days"},
		{"en", "2027-2029", "2027 to 2029"},
		{"en", "20% of us", "20 percent of us"},
		{"zh", "20%", "百分之20"},
		{"ar", "20%", "20 بالمئة"},
		{"en", "bus #5", "bus number 5"},
		{"ar", "٢٠", "20"},
		{"en", "4 8 2, 1 7 3, 5", "4 8 2, 1 7 3, 5"}, // said already
		{"en", "12 Mill Road", "12 Mill Road"},
		{"en", "in 2027", "in 2027"},
		{"en", "[[h@'loU]] 1", "((h@'loU)) 1"}, // espeak-ng's own signs
		{"en", "Ａ５", "Ａ5"},
		{"en", ".", "full stop"},
		{"es", ",", "coma"},
		{"fr", "?", "point d'interrogation"},
		{"ar", "؟", "علامة استفهام"},
		{"en", "?!", "?!"},
		{"en", "", ""},
	} {
		if got := spoken(c.Language(test.lang), test.written); got != test.said {
			t.Errorf("%s: %q is said %q, want %q", test.lang, test.written, got, test.said)
		}
	}
}

// Every sign has a name in every language: a voice says nothing of a comma that stands alone.
func TestSignsHaveNames(t *testing.T) {
	c := phrases(t)
	for _, tag := range c.Tags() {
		for _, sign := range ".,?!-'@:/()" {
			if got := spoken(c.Language(tag), string(sign)); len(got) < 2 {
				t.Errorf("%s: %c is said %q", tag, sign, got)
			}
		}
	}
}

// What is typed at a kiosk can be anything: nothing of it may stop the reading, and what was said once is said the same again.
func FuzzSpoken(f *testing.F) {
	c := phrases(f)
	for _, words := range []string{"482-173-5", "$1,250.50", "[[x]]", "9:00-17:00 #5 20% ٢٠", "\xff\x00", "+1 555-0100", "1,2,3", "€ 2.000,5"} {
		f.Add("es", words)
		f.Add("en", words)
	}
	f.Fuzz(func(t *testing.T, lang, words string) {
		said := spoken(c.Language(lang), words)
		if tidy(said) != said {
			t.Errorf("%q is said %q, which is not tidy", words, said)
		}
		for _, r := range said {
			if r < ' ' || r == '[' || r == ']' {
				t.Errorf("%q is said %q", words, said)
			}
		}
	})
}

func BenchmarkSpoken(b *testing.B) {
	l := phrases(b).Language("en")
	for name, words := range map[string]string{
		"words":   "What should the town repair first on Main Street?",
		"figures": "The town has $500,000. Call 555 0100 from 9:00 to 17:00, or write to us. Your number is 482-173-5.",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if spoken(l, words) == "" {
					b.Fatal("no words")
				}
			}
		})
	}
}

func TestNumbersToWriteDown(t *testing.T) {
	for words, want := range map[string]string{
		"I say it again. 4 8 2, 1 7 3, 5": "I say it again. 4, 8, 2. 1, 7, 3. 5",
		"S, R, 4 8 2 1, 7. Thank you.":    "S, R, 4, 8, 2, 1. 7. Thank you.",
		"For help, press 0. Thank you.":   "For help, press 0. Thank you.",
		"for example 2 1 3":               "for example 2, 1, 3",
		"on 22 March, 2027 people":        "on 22 March, 2027 people",
		"from 12 to 6, press 3":           "from 12 to 6, press 3",
		"申请3 1 1, 2 0 4。":                 "申请3, 1, 1. 2, 0, 4。",
	} {
		if got := toWriteDown(words); got != want {
			t.Errorf("%q becomes %q, want %q", words, got, want)
		}
	}
}
