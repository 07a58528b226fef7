package locales_test

import (
	"strings"
	"testing"
	"unicode"

	"github.com/townline/townline/locales"
)

func TestCommand(t *testing.T) {
	c := catalogue(t)
	for _, test := range []struct {
		tag, words string
		want       locales.Command
	}{
		{"en", "STOP!", locales.Stop},
		{"en", "Stop. Thank you", locales.Stop},
		{"en", "please stop", locales.Stop},
		{"en", "Opt-out", locales.Stop},
		{"en", "help me", locales.Help},
		{"en", "Can you repeat that?", ""},
		{"en", "repeat that please", locales.Repeat},
		{"en", "Go back", locales.Back},
		{"en", "main menu", locales.Menu},
		{"en", "talk to a person", locales.Person},
		{"en", "language", locales.Tongue},
		{"en", "prefer not to say", locales.Skip},
		{"en", "START", locales.Start},
		{"en", "forget me", locales.Erase},
		{"en", "more", locales.More},
		{"en", "yes", ""},
		{"en", "the bus stop", ""},
		{"en", "stop the buses", ""},
		{"en", "", ""},
		{"en", "thanks", ""},
		{"es", "¡Alto, por favor!", locales.Stop},
		{"es", "ATRÁS", locales.Back},
		{"es", "stop", locales.Stop},
		{"fr", "Arrêt svp", locales.Stop},
		{"fr", "à l’aide", locales.Help},
		{"zh", "请停止，谢谢", locales.Stop},
		{"zh", "退订", locales.Stop},
		{"zh", "帮助", locales.Help},
		{"ar", "توقّف من فضلك", locales.Stop},
		{"ar", "مُساعَدة", locales.Help},
		{"so", "Fadlan jooji", locales.Stop},
		{"so", "ka bood", locales.Skip},
	} {
		got, ok := c.Language(test.tag).Command(test.words)
		if got != test.want || ok != (test.want != "") {
			t.Errorf("%s %q is %q, %v; want %q", test.tag, test.words, got, ok, test.want)
		}
	}
	for words, want := range map[string]string{"jooji": "so", "STOP": "es", "توقف": "ar"} {
		if got, tag, ok := c.Command(words, "es"); got != locales.Stop || tag != want || !ok {
			t.Errorf("in any language, %q is %q in %q", words, got, tag)
		}
	}
}

// The FCC's words (47 CFR 64.1200(a)(10)) and the carriers' are understood in every language, and no word means two
// commands, whatever the two languages. Nor does a command word mean yes or no.
func TestCommandWords(t *testing.T) {
	meaning := map[string]locales.Command{}
	each(t, func(t *testing.T, l, _ *locales.Language) {
		for _, word := range []string{"stop", "quit", "end", "revoke", "opt out", "optout", "cancel", "unsubscribe", "stopall"} {
			if got, _ := l.Command(strings.ToUpper(word)); got != locales.Stop {
				t.Errorf("%s is %q", word, got)
			}
		}
		for word, want := range map[string]locales.Command{"START": locales.Start, "UNSTOP": locales.Start, "HELP": locales.Help, "INFO": locales.Help} {
			if got, _ := l.Command(word); got != want {
				t.Errorf("%s is %q", word, got)
			}
		}
		had := map[locales.Command]int{}
		for word, command := range l.CommandWords() {
			had[command]++
			if other, ok := meaning[word]; ok && other != command {
				t.Errorf("%q means %s here and %s elsewhere", word, command, other)
			}
			meaning[word] = command
			if yes, ok := l.YesNo(word); ok {
				t.Errorf("%q means %s and yes %v", word, command, yes)
			}
			if _, ok := l.Number(word); ok {
				t.Errorf("%q means %s and a number", word, command)
			}
		}
		for _, command := range locales.Commands() {
			if had[command] < 2 {
				t.Errorf("%s has %d words", command, had[command])
			}
		}
	})
}

func TestYesAndNo(t *testing.T) {
	c := catalogue(t)
	for tag, words := range map[string][2]string{
		"en": {"yes|Yeah!|yep|Y|ok|yes please|YES, thank you", "no|nope|N|no thanks|No way!"},
		"es": {"sí|Si|claro que sí|vale|de acuerdo|yes", "no|No, gracias|claro que no"},
		"fr": {"oui|ouais|d’accord|d'accord|bien sûr", "non|Non merci|pas du tout"},
		"zh": {"是|是的|好的|可以|同意|yes", "不|不是|不要|不同意"},
		"ar": {"نعم|أيوه|موافق|تمام", "لا|لأ|كلا|لا، شكرا"},
		"so": {"haa|Haa waan rabaa|oggol", "maya|Maya, mahadsanid|ma rabo"},
	} {
		for i, list := range words {
			for _, word := range strings.Split(list, "|") {
				if yes, ok := c.Language(tag).YesNo(word); !ok || yes != (i == 0) {
					t.Errorf("%s %q: yes %v, ok %v", tag, word, yes, ok)
				}
			}
		}
		for _, word := range []string{"", "maybe", "7"} {
			if _, ok := c.Language(tag).YesNo(word); ok {
				t.Errorf("%s %q was read", tag, word)
			}
		}
	}
}

func TestApprovesAndStartWord(t *testing.T) {
	c := catalogue(t)
	for tag, words := range map[string]string{"en": "ok|right|Correct!|all good|yes", "es": "está bien|todo correcto|sí", "fr": "c'est bon|parfait", "zh": "都对|没问题", "ar": "كل شيء صحيح|تمام", "so": "waa sax|haa"} {
		l := c.Language(tag)
		for _, word := range strings.Split(words, "|") {
			if !l.Approves(word) {
				t.Errorf("%s %q does not approve", tag, word)
			}
		}
		for _, word := range []string{"no", "change", "2", ""} {
			if l.Approves(word) {
				t.Errorf("%s %q approves", tag, word)
			}
		}
		for _, word := range []string{"START", "unstop", "Yes"} {
			if !l.StartWord(word) {
				t.Errorf("%s %q does not start", tag, word)
			}
		}
		if l.StartWord("stop") || l.StartWord("no") || l.StartWord("") {
			t.Errorf("%s: stop, no or nothing starts", tag)
		}
	}
}

func TestUnwrap(t *testing.T) {
	c := catalogue(t)
	for _, test := range [][3]string{
		{"en", "option 2", "2"}, {"en", "Number two", "two"}, {"en", "press 2 please", "2"}, {"en", "(2)", "2"}, {"en", "2.", "2"},
		{"en", "#2", "2"}, {"en", "2️⃣", "2"}, {"en", "the buses", "buses"}, {"en", "option", "option"}, {"en", "I choose option number 3", "3"},
		{"en", "stopping", "stopping"}, {"en", "", ""}, {"en", "thanks", "thanks"},
		{"es", "opción 2", "2"}, {"es", "la opción dos", "dos"}, {"fr", "l’option deux", "deux"}, {"fr", "numéro 3 svp", "3"},
		{"zh", "选2", "2"}, {"zh", "第二个", "二"}, {"zh", "２号", "2"}, {"ar", "الخيار ٢", "2"}, {"so", "nambarka 2", "2"},
	} {
		if got := c.Language(test[0]).Unwrap(test[1]); got != test[2] {
			t.Errorf("%s %q: %q, want %q", test[0], test[1], got, test[2])
		}
	}
}

func TestFold(t *testing.T) {
	for words, want := range map[string]string{
		"":                    "",
		"buses":               "buses",
		"  Más   AUTOBUSES! ": "mas autobuses",
		"Ｆｕｌｌ　ｗｉｄｔｈ ２":        "full width 2",
		"I’m sure":            "im sure",
		"aujourd'hui":         "aujourdhui",
		"'quoted'":            "quoted",
		"twenty-one":          "twenty one",
		"Straße":              "strasse",
		"œuvre":               "oeuvre",
		"Łódź":                "lodz",
		"(2)":                 "2",
		"2.":                  "2",
		"1.200,50":            "1.200,50",
		"15/3, 16:30":         "15/3 16:30",
		"-5":                  "-5",
		"a-5":                 "a 5",
		"1 – 3":               "1 3",
		"２٢۲":                 "222",
		"٢٫٥":                 "2.5",
		"١٬٢٠٠":               "1,200",
		"مُسَاعَـــدة":        "مساعده",
		"إلى آخر أمل":         "الي اخر امل",
		"1️⃣":                 "1",
		"停止！":                 "停止",
		"Йога":                "йога",
		"1.º":                 "1o",
		"\u202bنعم\u202c":     "نعم",
	} {
		if got := locales.Fold(words); got != want {
			t.Errorf("%q folds to %q, want %q", words, got, want)
		}
	}
	if n := testing.AllocsPerRun(100, func() { locales.Fold("more frequent buses 2") }); n != 0 {
		t.Errorf("folded text costs %v allocations", n)
	}
}

// Every character of Unicode's first three planes: alone, between letters, between digits, on an Arabic letter.
func TestFoldTwiceIsFoldOnce(t *testing.T) {
	for r := rune(0); r < 0x30000; r++ {
		c := string(r)
		for _, s := range []string{c, "a" + c + "b", "1" + c + "2", "ع" + c, "-" + c + "1"} {
			once := locales.Fold(s)
			if twice := locales.Fold(once); twice != once {
				t.Fatalf("%q (%U) folds to %q, and that to %q", s, r, once, twice)
			}
		}
	}
}

func FuzzFold(f *testing.F) {
	for _, s := range []string{"Más", "1.200,5", "a-5 -6 - 7", "ﷺ", "ẞ", "İ", "Ⅳ", "½", "ΑΣ ς", "مُسَاعَدة", "กำ", "각", "1.º", "x.ªy", "\xff'", "a'\u0301b", "５．５"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once := locales.Fold(s)
		if twice := locales.Fold(once); twice != once {
			t.Errorf("%q folds to %q, and that to %q", s, once, twice)
		}
		if strings.TrimSpace(once) != once || strings.Contains(once, "  ") {
			t.Errorf("%q: spaces in %q", s, once)
		}
		for _, r := range once {
			if 'A' <= r && r <= 'Z' || unicode.IsDigit(r) && r > '9' || unicode.IsControl(r) {
				t.Errorf("%q: %q is left in %q", s, r, once)
			}
		}
	})
}

func BenchmarkFold(b *testing.B) {
	for name, words := range map[string]string{"folded": "more frequent buses", "ascii": "More frequent buses, please!", "spanish": "Más autobuses, por favor", "arabic": "المزيد من الحافلات"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				locales.Fold(words)
			}
		})
	}
}

func BenchmarkCommand(b *testing.B) {
	en := catalogue(b).Language("en")
	for name, words := range map[string]string{"stop": "stop", "polite": "Stop. Thank you!", "answer": "more frequent buses"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				en.Command(words)
			}
		})
	}
}
