package locales_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/townline/townline/locales"
)

func TestNumber(t *testing.T) {
	c := catalogue(t)
	none := math.NaN()
	for tag, cases := range map[string]map[string]float64{
		"en": {
			"2": 2, "２": 2, "٢": 2, "۲": 2, "0": 0, "007": 7, "-5": -5, "2.5": 2.5, "0.125": 0.125, "1,200": 1200, "1,200.50": 1200.5, "1.200,50": 1200.5, "1,200,000": 1200000, "3.": 3,
			"twenty-one": 21, "a hundred and five": 105, "twelve hundred": 1200, "two thousand and twenty-seven": 2027, "2 million": 2e6, "1.5 million": 1.5e6,
			"two point five": 2.5, "zero": 0, "minus five": -5, "a dozen": 12, "ten please": 10, "nine hundred ninety nine thousand nine hundred and ninety nine": 999999,
			"1.200": none, "2,5": none, "1 200": none, "1.2.3": none, "two five": none, "twenty ten": none, "twenty twenty": none, "one and two": none, "hundred hundred": none,
			"and five": none, "five and": none, "a": none, "point five": 0.5, "minus": none, "two point": none, "2 buses": none, "": none, "thousand million": none, "two hundred million thousand": none,
			"15/3": none, "1-2": none, "9999999999999999": none, "a five": none,
		},
		"es": {
			"veintiuno": 21, "treinta y cinco": 35, "mil doscientos": 1200, "dos mil veintisiete": 2027, "cien": 100, "ciento uno": 101, "quinientos mil": 500000, "un millón": 1e6, "dos coma cinco": 2.5, "2,5": 2.5, "2.5": 2.5,
			"1 200": 1200, "1.200.000": 1200000, "1.200": none, "1,200": none, "dos cinco": none, "y": none, "diez y seis": 16,
		},
		"fr": {
			"vingt et un": 21, "soixante et onze": 71, "soixante-dix-sept": 77, "quatre-vingts": 80, "quatre-vingt-dix": 90, "quatre-vingt-dix-neuf": 99, "septante-deux": 72, "nonante": 90, "deux cents": 200, "mille deux cents": 1200,
			"cent quatre-vingt mille": 180000, "deux virgule cinq": 2.5, "2,5": 2.5, "1 200": 1200, "1 200,50": 1200.5, "1.200": none, "1,200": none, "vingt dix": none, "deux cinq": none,
		},
		"zh": {
			"二十一": 21, "十": 10, "十五": 15, "一百零五": 105, "一百五": 150, "一百一十": 110, "三万五": 35000, "二〇二七": 2027, "两千零二十七": 2027, "3万": 30000, "1.5万": 15000, "二点五": 2.5, "两个": 2, "负五": -5, "零": 0, "贰拾壹": 21, "九十九万九千九百九十九": 999999, "一百万": 1e6, "２５": 25, "1,200": 1200,
			"一二": none, "一二三": none, "十十": none, "百": none, "一百百": none, "3万5": none, "一万零": none, "十一二": none, "": none, "1.200": none,
		},
		"ar": {
			"٢٥": 25, "٢٫٥": 2.5, "١٬٢٠٠": 1200, "واحد وعشرون": 21, "خمسة وعشرين": 25, "مئة وخمسة وعشرون": 125, "ثلاثمائة وخمسة وأربعون": 345, "ألف ومئتان": 1200, "ألفان وسبعة وعشرون": 2027, "ثلاثة عشر": 13, "خمسة وعشرون ألف": 25000, "أربعة آلاف": 4000, "مليون": 1e6, "صفر": 0,
			"تسعمائة وتسعة وتسعون ألفا وتسعمائة وتسعة وتسعون": 999999, "واحد اثنان": none, "واحد واثنان": none, "و": none, "٢،٥": none, "وعشرون": none,
		},
		"so": {
			"labaatan": 20, "kow iyo labaatan": 21, "labaatan iyo kow": 21, "kow iyo toban": 11, "laba boqol iyo toban": 210, "saddex boqol iyo afartan iyo shan": 345, "boqol kun": 100000, "laba kun iyo toddoba iyo labaatan": 2027, "malyan": 1e6, "eber": 0,
			"laba shan": none, "iyo": none, "kow iyo laba": none, "1.200": none,
		},
	} {
		l := c.Language(tag)
		for words, want := range cases {
			got, ok := l.Number(words)
			if ok != !math.IsNaN(want) || ok && got != want {
				t.Errorf("%s %q is %v, %v; want %v", tag, words, got, ok, want)
			}
		}
	}
}

// spell writes out numbers as people say them, from the words of the file alone, so that reading can be tried on many.
var spell = map[string]func(n int) string{
	"en": func(n int) string {
		return western(n, en1000, " thousand ", "one thousand ", " and ")
	},
	"es": func(n int) string { return western(n, es1000, " mil ", "mil ", " ") },
	"fr": func(n int) string { return western(n, fr1000, " mille ", "mille ", " ") },
	"zh": chinese,
	"ar": func(n int) string { return joined(n, ar1000, " ألف", "ألف", " و") },
	"so": func(n int) string { return joined(n, so1000, " kun", "kun", " iyo ") },
}

func western(n int, below func(int) string, thousand, one, and string) string {
	switch {
	case n < 1000:
		return below(n)
	case n == 1_000_000:
		return map[bool]string{true: "un million", false: "one million"}[and == " "]
	}
	words := below(n/1000) + thousand
	if n/1000 == 1 {
		words = one
	}
	if rest := n % 1000; rest > 0 {
		if rest < 100 && and == " and " {
			words = strings.TrimSpace(words) + and
		}
		words += below(rest)
	}
	return strings.TrimSpace(words)
}

func joined(n int, below func(int) string, thousand, one, and string) string {
	if n < 1000 {
		return below(n)
	}
	words := below(n/1000) + thousand
	if n/1000 == 1 {
		words = one
	}
	if n%1000 > 0 {
		words += and + below(n%1000)
	}
	return words
}

func pick(list string, n int) string { return strings.Split(list, "|")[n] }

func en1000(n int) string {
	const small = "zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen"
	switch {
	case n < 20:
		return pick(small, n)
	case n < 100 && n%10 == 0:
		return pick("||twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety", n/10)
	case n < 100:
		return en1000(n-n%10) + "-" + en1000(n%10)
	case n%100 == 0:
		return en1000(n/100) + " hundred"
	}
	return en1000(n/100) + " hundred and " + en1000(n%100)
}

func es1000(n int) string {
	const small = "cero|uno|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|once|doce|trece|catorce|quince|dieciséis|diecisiete|dieciocho|diecinueve|veinte|veintiuno|veintidós|veintitrés|veinticuatro|veinticinco|veintiséis|veintisiete|veintiocho|veintinueve"
	switch {
	case n < 30:
		return pick(small, n)
	case n < 100 && n%10 == 0:
		return pick("|||treinta|cuarenta|cincuenta|sesenta|setenta|ochenta|noventa", n/10)
	case n < 100:
		return es1000(n-n%10) + " y " + es1000(n%10)
	case n == 100:
		return "cien"
	case n%100 == 0:
		return pick("|ciento|doscientos|trescientos|cuatrocientos|quinientos|seiscientos|setecientos|ochocientos|novecientos", n/100)
	case n < 200:
		return "ciento " + es1000(n%100)
	}
	return es1000(n-n%100) + " " + es1000(n%100)
}

func fr1000(n int) string {
	const small = "zéro|un|deux|trois|quatre|cinq|six|sept|huit|neuf|dix|onze|douze|treize|quatorze|quinze|seize|dix-sept|dix-huit|dix-neuf"
	switch {
	case n < 20:
		return pick(small, n)
	case n < 70 && n%10 == 0:
		return pick("||vingt|trente|quarante|cinquante|soixante", n/10)
	case n < 70 && n%10 == 1, n == 71:
		return fr1000(min(60, n-n%10)) + " et " + fr1000(n-min(60, n-n%10))
	case n < 80:
		return fr1000(min(60, n-n%10)) + "-" + fr1000(n-min(60, n-n%10))
	case n == 80:
		return "quatre-vingts"
	case n < 100:
		return "quatre-vingt-" + fr1000(n-80)
	case n < 200 && n > 100:
		return "cent " + fr1000(n-100)
	case n == 100:
		return "cent"
	case n%100 == 0:
		return fr1000(n/100) + " cents"
	}
	return fr1000(n/100) + " cent " + fr1000(n%100)
}

func chinese(n int) string {
	section := func(n int, within bool) string {
		var b strings.Builder
		zero := false
		for i, place := range []int{1000, 100, 10, 1} {
			switch d := n / place % 10; {
			case d > 0:
				if zero && (b.Len() > 0 || within) {
					b.WriteString("零")
				}
				zero = false
				b.WriteString(pick("|一|二|三|四|五|六|七|八|九", d) + pick("千|百|十|", i))
			default:
				zero = true
			}
		}
		return b.String()
	}
	switch {
	case n == 0:
		return "零"
	case n < 10000:
		return section(n, false)
	}
	words := section(n/10000, false) + "万"
	if n%10000 > 0 {
		words += section(n%10000, true)
	}
	return words
}

func ar1000(n int) string {
	const small = "صفر|واحد|اثنان|ثلاثة|أربعة|خمسة|ستة|سبعة|ثمانية|تسعة|عشرة|أحد عشر|اثنا عشر|ثلاثة عشر|أربعة عشر|خمسة عشر|ستة عشر|سبعة عشر|ثمانية عشر|تسعة عشر"
	switch {
	case n < 20:
		return pick(small, n)
	case n < 100 && n%10 == 0:
		return pick("||عشرون|ثلاثون|أربعون|خمسون|ستون|سبعون|ثمانون|تسعون", n/10)
	case n < 100:
		return ar1000(n%10) + " و" + ar1000(n-n%10)
	case n%100 == 0:
		return pick("|مئة|مئتان|ثلاثمئة|أربعمئة|خمسمئة|ستمئة|سبعمئة|ثمانمئة|تسعمئة", n/100)
	}
	return ar1000(n-n%100) + " و" + ar1000(n%100)
}

func so1000(n int) string {
	switch {
	case n <= 10:
		return pick("eber|kow|laba|saddex|afar|shan|lix|toddoba|siddeed|sagaal|toban", n)
	case n < 100 && n%10 == 0:
		return pick("||labaatan|soddon|afartan|konton|lixdan|toddobaatan|siddeetan|sagaashan", n/10)
	case n < 100:
		return so1000(n%10) + " iyo " + so1000(n-n%10)
	case n == 100:
		return "boqol"
	case n%100 == 0:
		return so1000(n/100) + " boqol"
	}
	return so1000(n-n%100) + " iyo " + so1000(n%100)
}

// What is spelt out is read back, up to a million.
func TestNumbersSpeltOut(t *testing.T) {
	each(t, func(t *testing.T, l, _ *locales.Language) {
		wrong := 0
		for n := 0; n <= 1_000_000; n += 1 + n/1500 {
			if n == 1_000_000 {
				break
			}
			words := spell[l.Tag](n)
			if got, ok := l.Number(words); !ok || got != float64(n) {
				t.Errorf("%d: %q is %v, %v", n, words, got, ok)
				if wrong++; wrong > 5 {
					t.FailNow()
				}
			}
		}
		for _, n := range []float64{0, 7, 999, 1000, 1234, 12345, 999999, 1e6, 2.5, 1234.5, -3} {
			for _, form := range []locales.Form{locales.Full, locales.Short, locales.Spoken} {
				words := l.FormatNumber(n, form)
				if got, ok := l.Number(words); !ok || got != n {
					t.Errorf("%v is written %q and read %v, %v", n, words, got, ok)
				}
			}
		}
	})
}

// Every value that English has a word for has one in each language.
func TestNoLanguageLacksANumber(t *testing.T) {
	each(t, func(t *testing.T, l, _ *locales.Language) {
		for n := range 101 {
			if got, ok := l.Number(spell[l.Tag](n)); !ok || got != float64(n) {
				t.Errorf("%d is not read", n)
			}
		}
	})
}

func TestOrdinal(t *testing.T) {
	c := catalogue(t)
	for tag, cases := range map[string]map[string]int{
		"en": {"first": 1, "the second one": 2, "3rd": 3, "Third, please": 3, "last": -1, "the last option": -1, "twelfth": 12, "2": 0, "first and last": 0, "": 0, "the": 0},
		"es": {"el segundo": 2, "la primera opción": 1, "1.º": 1, "2da": 2, "el último": -1},
		"fr": {"le premier": 1, "2ème": 2, "la dernière": -1, "1er": 1},
		"zh": {"第二": 2, "第2个": 2, "第十二": 12, "最后一个": -1},
		"ar": {"الثاني": 2, "الخيار الأول": 1, "الأخير": -1},
		"so": {"labaad": 2, "kan koowaad": 1, "2aad": 2, "ugu dambeeya": -1},
	} {
		for words, want := range cases {
			if got, ok := c.Language(tag).Ordinal(words); got != want || ok != (want != 0) {
				t.Errorf("%s %q is %d, %v; want %d", tag, words, got, ok, want)
			}
		}
	}
}

func FuzzNumber(f *testing.F) {
	for _, s := range []string{"1.200,50", "twenty-one", "二十一", "واحد وعشرون", "quatre-vingt-dix", "minus point and", "1 200", "３万五", "-", "一百零五点"} {
		f.Add(s)
	}
	c := catalogue(f)
	f.Fuzz(func(t *testing.T, s string) {
		for _, tag := range c.Tags() {
			l := c.Language(tag)
			if n, ok := l.Number(s); ok && (math.IsNaN(n) || math.IsInf(n, 0) || math.Abs(n) > 1e12) {
				t.Errorf("%s %q is %v", tag, s, n)
			}
			if n, ok := l.Ordinal(s); ok && n == 0 {
				t.Errorf("%s %q is the 0th", tag, s)
			}
			if got := l.Unwrap(s); got == "" && locales.Fold(s) != "" {
				t.Errorf("%s %q is unwrapped to nothing", tag, s)
			}
			l.Spell(s)
		}
	})
}

func ExampleLanguage_Number() {
	c, _ := locales.Load()
	for _, words := range []string{"twenty-one", "1,200", "1.200"} {
		fmt.Println(c.Language("en").Number(words))
	}
	// Output:
	// 21 true
	// 1200 true
	// 0 false
}
