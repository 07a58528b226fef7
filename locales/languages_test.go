package locales_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/townline/townline/locales"
)

func catalogue(t testing.TB) *locales.Catalogue {
	t.Helper()
	c, err := locales.Load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func each(t *testing.T, check func(t *testing.T, l, en *locales.Language)) {
	c := catalogue(t)
	for _, tag := range c.Tags() {
		t.Run(tag, func(t *testing.T) { check(t, c.Language(tag), c.Language("en")) })
	}
}

func TestTheSixLanguages(t *testing.T) {
	c := catalogue(t)
	if got, want := c.Tags(), []string{"en", "ar", "es", "fr", "so", "zh"}; !slices.Equal(got, want) {
		t.Errorf("tags %v, want %v", got, want)
	}
	each(t, func(t *testing.T, l, _ *locales.Language) {
		if l.Machine != (l.Tag != "en") {
			t.Errorf("machine: %v", l.Machine)
		}
		if l.RTL != (l.Tag == "ar") {
			t.Errorf("rtl: %v", l.RTL)
		}
		for _, tag := range c.Tags() {
			name, ok := l.Called(tag)
			if !ok {
				t.Errorf("has no name for %s", tag)
			}
			if got, _ := c.Named(name); got != tag {
				t.Errorf("Named(%q) = %q, want %q", name, got, tag)
			}
		}
	})
}

func TestLanguageFallsBack(t *testing.T) {
	c := catalogue(t)
	for asked, want := range map[string]string{"es-MX": "es", "ES_mx": "es", "zh-Hans-CN": "zh", "de": "en", "": "en", "so": "so"} {
		if got := c.Language(asked).Tag; got != want {
			t.Errorf("Language(%q) is %s, want %s", asked, got, want)
		}
	}
	if c.Has("de") || !c.Has("fr-CA") {
		t.Error("Has: de is not there, fr-CA is by way of fr")
	}
}

func TestNamed(t *testing.T) {
	c := catalogue(t)
	for words, want := range map[string]string{
		"Español": "es", "spanish": "es", "espagnol": "es", "Spanish, please": "es", "中文": "zh", "Soomaali": "so", "Af-Soomaali": "so",
		"العربية": "ar", "inglés": "en", "FRANÇAIS": "fr", "chino": "zh", "Isbaanish": "es", "Klingon": "", "": "",
	} {
		if got, ok := c.Named(words); got != want || ok != (want != "") {
			t.Errorf("Named(%q) = %q, %v; want %q", words, got, ok, want)
		}
	}
}

// No language lacks a phrase, a gap or a plural form; none has one too many.
func TestNoLanguageLacksAPhrase(t *testing.T) {
	each(t, func(t *testing.T, l, en *locales.Language) {
		for _, key := range en.Keys() {
			if !l.Has(key) {
				t.Errorf("lacks %s", key)
				continue
			}
			want, got := en.Gaps(key), l.Gaps(key)
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("%s puts in %v, English %v", key, got, want)
			}
		}
		for _, key := range l.Keys() {
			if !en.Has(key) {
				t.Errorf("%s is not in English", key)
			}
		}
	})
}

// forbidden are words that no resident should have to read: they blame, or they are ours.
var forbidden = map[string][]string{
	"en": {"session", "invalid", "error", "failed", "timeout", "input", "menu option", "submit"},
	"es": {"sesion", "invalido", "invalida", "error", "fallo"},
	"fr": {"session", "invalide", "erreur", "echec"},
	"zh": {"会话", "无效", "错误", "失败", "非法"},
	"ar": {"جلسه", "غير صالح", "خطا", "فشل"},
	"so": {"fadhi", "aan ansax", "khalad", "qalad"},
}

func TestWordsForResidents(t *testing.T) {
	each(t, func(t *testing.T, l, _ *locales.Language) {
		for _, key := range l.Keys() {
			for _, form := range []locales.Form{locales.Full, locales.Short, locales.Spoken, locales.Screen} {
				words := l.Phrase(key, form)
				if strings.TrimSpace(words) == "" && len(l.Gaps(key)) == 0 {
					t.Errorf("%s has no words", key)
				}
				folded := " " + locales.Fold(words) + " "
				for _, word := range forbidden[l.Tag] {
					if l.Tag != "zh" {
						word = " " + word + " "
					}
					if strings.Contains(folded, word) {
						t.Errorf("%s says %q", key, words)
					}
				}
				if strings.Contains(words, "$") || strings.Contains(words, "{") {
					t.Errorf("%s shows a gap: %q", key, words)
				}
				if form == locales.Spoken && strings.ContainsAny(words, "#*&/_") && l.Phrase(key, locales.Full) != words {
					t.Errorf("%s can't be read aloud: %q", key, words)
				}
			}
		}
	})
}

// offScreen are the phrases that no screen shows: they are for those who write or call, or are said by a voice alone. The
// ones of taking along, and what STOP and START come to, speak of a phone on purpose.
var offScreen = []string{"begin.carried", "begin.hint", "begin.languages", "skip.hint", "stop.", "start.done", "speech.", "card.", "remind.", "carry.",
	"pin.", "help.pin", "link.", "help.link", "parting.", "how.rank", "how.scale", "how.text", "how.status", "audio.gap", "say.", "ussd.", "chat."}

// messaging are words that are right in a text message or a call and wrong on a screen, where one touches and chooses.
var messaging = map[string][]string{
	"en": {"Send ", "send ", "say ", "Say ", "STOP", "by its number", "which number", "1 3", "answer 1", "or 2 "},
	"es": {"nvíe ", "nvíela ", " diga ", "Diga ", "STOP", "por su número", "qué número", "1 3", "Responda 1", "o 2 "},
	"fr": {"nvoyez ", "nvoyez-", "dites ", "Dites ", "STOP", "par son numéro", "quel numéro", "1 3", "Répondez 1", "ou 2 "},
	"zh": {"请发", "或说", "请说", "STOP", "说号码", "哪个号码", "1 3", "请答 1", "请选 2"},
	"ar": {"أرسل ", " قل ", "STOP", "برقمه", "أي رقم", "1 3", "أجب 1", "أو 2 "},
	"so": {"Dir ", "dir ", "dheh ", "Dheh ", "STOP", "nambarkiisa ama", "nambarka bixiyay", "1 3", "ku jawaab 1", "ama 2 "},
}

func TestScreensSpeakOfTouchingNotOfTexting(t *testing.T) {
	each(t, func(t *testing.T, l, _ *locales.Language) {
		for _, key := range l.Keys() {
			if slices.ContainsFunc(offScreen, func(k string) bool { return strings.HasPrefix(key, k) }) {
				continue
			}
			words := l.Phrase(key, locales.Screen)
			for _, word := range messaging[l.Tag] {
				if strings.Contains(words, word) {
					t.Errorf("%s says %q on a screen: %q", key, word, words)
				}
			}
		}
	})
}

// What the town can see of an answer from a screen is another thing than of one from a phone, so each language says it in
// words of its own there.
func TestScreensAreTrueAboutSecrecy(t *testing.T) {
	each(t, func(t *testing.T, l, _ *locales.Language) {
		for _, key := range []string{"begin.public", "begin.confidential", "person.open", "person.closed", "later", "erase.ask", "erase.done"} {
			if l.Phrase(key, locales.Screen) == l.Phrase(key, locales.Full) {
				t.Errorf("%s says on a screen what it says on a phone: %q", key, l.Phrase(key, locales.Full))
			}
		}
	})
}

// A short form fits one text message; two where it is several sentences in letters that GSM 7-bit lacks.
func TestShortFormsFitATextMessage(t *testing.T) {
	const town, value = "Elmwood", "12"
	each(t, func(t *testing.T, l, _ *locales.Language) {
		for _, key := range l.Keys() {
			if strings.HasPrefix(key, "screen.") || strings.HasPrefix(key, "card.") || strings.HasPrefix(key, "speech.") || strings.HasPrefix(key, "veiled") || strings.HasPrefix(key, "chat.") { // never texted
				continue
			}
			var args []locales.Arg
			for _, gap := range l.Gaps(key) {
				v := value
				if gap == "town" {
					v = town
				}
				args = append(args, locales.Arg{Name: gap, Value: v})
			}
			words := l.Phrase(key, locales.Short, args...)
			size, gsm := units(words)
			limit := 160
			if !gsm {
				limit = 70
				if strings.Count(strings.TrimRight(words, ".。?？!！"), "。")+strings.Count(strings.TrimRight(words, "."), ". ") > 0 {
					limit = 134
				}
			}
			if size > limit {
				t.Errorf("%s takes %d of %d: %q", key, size, limit, words)
			}
			if latin := l.Tag != "zh" && l.Tag != "ar"; latin && !gsm {
				t.Errorf("%s is not GSM 7-bit: %q", key, words)
			}
		}
	})
}

// units counts septets (3GPP TS 23.038 §6.2.1), or UTF-16 units where a character is not in that alphabet.
func units(words string) (int, bool) {
	const basic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	septets := 0
	for _, r := range words {
		switch {
		case strings.ContainsRune(basic, r):
			septets++
		case strings.ContainsRune("^{}\\[~]|€", r):
			septets += 2
		default:
			return len(utf16.Encode([]rune(words))), false
		}
	}
	return septets, true
}

func TestPluralForms(t *testing.T) {
	c := catalogue(t)
	for _, test := range []struct {
		tag   string
		count int
		want  string
	}{
		{"en", 1, "That was a little too long. We kept only the first letter."},
		{"en", 1000, "That was a little too long. We kept the first 1,000 letters."},
		{"fr", 1, "C'était un peu trop long. Nous avons gardé seulement la première lettre."},
		{"fr", 160, "C'était un peu trop long. Nous avons gardé les 160 premières lettres."},
		{"zh", 1, "太长了一点。我们保留了前1个字。"},
		{"ar", 0, "النص طويل قليلا. لم نحتفظ بأي حرف (0)."},
		{"ar", 1, "النص طويل قليلا. احتفظنا بأول حرف فقط (1)."},
		{"ar", 2, "النص طويل قليلا. احتفظنا بأول حرفين (2)."},
		{"ar", 103, "النص طويل قليلا. احتفظنا بأول 103 أحرف."},
		{"ar", 99, "النص طويل قليلا. احتفظنا بأول 99 حرفا."},
		{"ar", 100, "النص طويل قليلا. احتفظنا بأول 100 حرف."},
	} {
		got := c.Language(test.tag).Phrase("@toolong", locales.Full, locales.Arg{Name: "limit", Count: test.count, Plural: true})
		if got != test.want {
			t.Errorf("%s, %d: %q, want %q", test.tag, test.count, got, test.want)
		}
	}
}

func TestPhrase(t *testing.T) {
	c := catalogue(t)
	en := c.Language("en")
	for _, test := range []struct {
		name, got, want string
	}{
		{"with @", en.Phrase("@help.on", locales.Full), "Go on"},
		{"without", en.Phrase("help.on", locales.Full), "Go on"},
		{"short falls back", en.Phrase("help.on", locales.Short), "Go on"},
		{"spoken", en.Phrase("help.on", locales.Spoken), "going on"},
		{"gap", en.Phrase("speech.option", locales.Spoken, locales.Arg{Name: "option", Value: "buses"}, locales.Arg{Name: "digit", Value: "2"}), "For buses, press 2."},
		{"a value is not a template", en.Phrase("help.why", locales.Full, locales.Arg{Name: "why", Value: "${why}"}), "Why we ask: ${why}."},
		{"unknown", en.Phrase("@no.such", locales.Full), ""},
		{"unknown elsewhere", c.Language("so").Phrase("@no.such", locales.Full), ""},
		{"list", en.List([]string{"a", "b", "c"}), "a, b and c"},
		{"list of one", en.List([]string{"a"}), "a"},
		{"Spanish y", c.Language("es").List([]string{"Árboles", "bancos"}), "Árboles y bancos"},
		{"Spanish e", c.Language("es").List([]string{"Árboles", "iluminación"}), "Árboles e iluminación"},
		{"Spanish hielo", c.Language("es").List([]string{"Nieve", "hielo"}), "Nieve y hielo"},
		{"Chinese", c.Language("zh").List([]string{"一", "二", "三"}), "一、二和三"},
		{"spelt", en.Spell("SR-4821-7"), "S, R, 4 8 2 1, 7"},
		{"spelt code", en.Spell("ab12c"), "A, B, 1 2, C"},
	} {
		if test.got != test.want {
			t.Errorf("%s: %q, want %q", test.name, test.got, test.want)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := locales.Load(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPhrase(b *testing.B) {
	es := catalogue(b).Language("es")
	args := []locales.Arg{{Name: "option", Value: "Autobuses"}, {Name: "digit", Value: "1"}}
	for name, run := range map[string]func() string{
		"plain":  func() string { return es.Phrase("@help.title", locales.Short) },
		"filled": func() string { return es.Phrase("@speech.option", locales.Spoken, args...) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if run() == "" {
					b.Fatal("no words")
				}
			}
		})
	}
}
