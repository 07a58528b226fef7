package locales_test

import (
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/locales"
)

func day(s string) time.Time {
	d, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return d
}

// The clock stands on Wednesday 25 November 2026.
func TestDate(t *testing.T) {
	c := catalogue(t)
	today := time.Date(2026, 11, 25, 17, 30, 0, 0, time.FixedZone("", -5*3600))
	for tag, cases := range map[string]map[string]string{
		"en": {
			"today": "2026-11-25", "Tomorrow!": "2026-11-26", "the day after tomorrow": "2026-11-27", "Friday": "2026-11-27", "on Friday": "2026-11-27",
			"next Friday": "2026-11-27 2026-12-04", "this friday": "2026-11-27", "Wednesday": "2026-11-25 2026-12-02", "next monday": "2026-11-30", "next Wednesday": "2026-12-02",
			"15 March": "2027-03-15", "March 15th": "2027-03-15", "the fifteenth of March": "2027-03-15", "March twenty-first": "2027-03-21", "25 november": "2026-11-25", "24 november": "2027-11-24",
			"15/3": "2027-03-15", "3/15": "2027-03-15", "3/4": "2027-03-04 2027-04-03", "15.3.2027": "2027-03-15", "3/4/27": "2027-03-04 2027-04-03", "2027-03-15": "2027-03-15", "4 4": "2027-04-04",
			"1503": "2027-03-15", "15032027": "2027-03-15", "20270315": "2027-03-15", "0304": "2027-03-04 2027-04-03",
			"in two weeks": "2026-12-09", "in a week": "2026-12-02", "in 3 days": "2026-11-28", "a month from now": "2026-12-25", "the 15th": "2026-12-15", "Friday the 15th": "2027-01-15",
			"Friday 27 November": "2026-11-27", "Friday, November 27, 2026": "2026-11-27", "Monday 27 November": "", "29 February": "2028-02-29", "31 February": "", "15 March next year": "2027-03-15", "March 2027": "",
			"next week": "", "someday": "", "": "", "3": "", "32/13": "", "the": "", "march": "", "12:30": "", "in a million years": "", "friday monday": "",
		},
		"es": {
			"mañana": "2026-11-26", "pasado mañana": "2026-11-27", "el viernes": "2026-11-27", "el próximo viernes": "2026-11-27 2026-12-04", "viernes que viene": "2026-11-27 2026-12-04",
			"15 de marzo": "2027-03-15", "quince de marzo de dos mil veintisiete": "2027-03-15", "1.º de mayo": "2027-05-01", "3/4": "2027-04-03", "3/15": "2027-03-15", "en dos semanas": "2026-12-09", "dentro de un mes": "2026-12-25", "el 15": "2026-12-15", "el día 15 de marzo": "2027-03-15",
		},
		"fr": {
			"aujourd’hui": "2026-11-25", "après-demain": "2026-11-27", "vendredi prochain": "2026-11-27 2026-12-04", "le 1er mai": "2027-05-01", "premier mai": "2027-05-01", "15 août 2027": "2027-08-15", "dans deux semaines": "2026-12-09", "3/4": "2027-04-03", "le 15": "2026-12-15",
		},
		"zh": {
			"明天": "2026-11-26", "后天": "2026-11-27", "星期五": "2026-11-27", "下周五": "2026-12-04", "下个星期五": "2026-12-04", "这周五": "2026-11-27", "这周一": "", "三月十五日": "2027-03-15", "3月15号": "2027-03-15", "２０２７年３月１５日": "2027-03-15", "二〇二七年三月十五日": "2027-03-15",
			"明年三月十五号": "2027-03-15", "15号": "2026-12-15", "三天后": "2026-11-28", "十日后": "2026-12-05", "两个星期以后": "2026-12-09", "一个月后": "2026-12-25", "一年后": "2027-11-25", "3/4": "2027-03-04", "十二月二十五日": "2026-12-25",
		},
		"ar": {
			"غدا": "2026-11-26", "بعد غد": "2026-11-27", "يوم الجمعة": "2026-11-27", "الجمعة القادمة": "2026-11-27 2026-12-04", "١٥ مارس": "2027-03-15", "15 آذار": "2027-03-15", "١٥/٣/٢٠٢٧": "2027-03-15", "15 تشرين الأول": "2027-10-15", "الخامس عشر من مارس": "2027-03-15",
			"بعد أسبوعين": "2026-12-09", "بعد يومين": "2026-11-27", "بعد 3 أيام": "2026-11-28", "بعد أسبوع": "2026-12-02", "يوم 15": "2026-12-15", "5 أوت": "2027-08-05",
		},
		"so": {
			"berri": "2026-11-26", "saa dambe": "2026-11-27", "Jimcaha": "2026-11-27", "Jimcaha soo socda": "2026-11-27 2026-12-04", "15 Maarso": "2027-03-15", "15ka Maarso": "2027-03-15", "laba toddobaad kadib": "2026-12-09", "toddobaad kaddib": "2026-12-02",
		},
	} {
		for words, want := range cases {
			var got []string
			for _, d := range c.Language(tag).Date(words, today) {
				got = append(got, d.Format(time.DateOnly))
				if d.Location() != time.UTC || d.Hour() != 0 {
					t.Errorf("%s %q is %v, not midnight UTC", tag, words, d)
				}
			}
			if strings.Join(got, " ") != want {
				t.Errorf("%s %q is %v, want %q", tag, words, got, want)
			}
		}
	}
}

func TestFormatDate(t *testing.T) {
	c := catalogue(t)
	for tag, want := range map[string][3]string{
		"en": {"Monday 15 March 2027", "15 March", "Monday, 15 March 2027"},
		"es": {"lunes 15 de marzo de 2027", "15 de marzo", "lunes, 15 de marzo de 2027"},
		"fr": {"lundi 15 mars 2027", "15 mars", "lundi, 15 mars 2027"},
		"zh": {"2027年3月15日 星期一", "3月15日", "2027年3月15日，星期一"},
		"ar": {"الاثنين 15 مارس 2027", "15 مارس", "الاثنين، 15 مارس 2027"},
		"so": {"Isniin 15 Maarso 2027", "15 Maarso", "Isniin, 15 Maarso 2027"},
	} {
		for i, form := range []locales.Form{locales.Full, locales.Short, locales.Spoken} {
			if got := c.Language(tag).FormatDate(day("2027-03-15"), form); got != want[i] {
				t.Errorf("%s: %q, want %q", tag, got, want[i])
			}
		}
	}
}

// What is written is read back as the same day, on every day of four years.
func TestDatesReadBack(t *testing.T) {
	each(t, func(t *testing.T, l, _ *locales.Language) {
		for d := day("2026-01-01"); d.Year() < 2030; d = d.AddDate(0, 0, 1) {
			for _, form := range []locales.Form{locales.Full, locales.Spoken} {
				words := l.FormatDate(d, form)
				if got := l.Date(words, day("2027-06-01")); len(got) != 1 || !got[0].Equal(d) {
					t.Fatalf("%v is written %q and read %v", d, words, got)
				}
			}
			if words := l.FormatDate(d, locales.Short); len(l.Date(words, d)) != 1 || !l.Date(words, d)[0].Equal(d) {
				t.Fatalf("%v is written %q and read %v", d, words, l.Date(words, d))
			}
		}
	})
}

// The examples that the retry and the help give are understood.
func TestExamplesAreUnderstood(t *testing.T) {
	for tag, words := range map[string]string{"en": "tomorrow|Friday|15 March", "es": "mañana|viernes|15 de marzo", "fr": "demain|vendredi|15 mars", "zh": "明天|星期五|3月15日", "ar": "غدا|الجمعة|15 مارس", "so": "berri|Jimce|15 Maarso"} {
		l := catalogue(t).Language(tag)
		said := l.Phrase("@retry.date.1", locales.Full)
		for _, word := range strings.Split(words, "|") {
			if !strings.Contains(said, word) {
				t.Errorf("%s: %q does not say %q", tag, said, word)
			}
			if len(l.Date(word, day("2026-11-25"))) != 1 {
				t.Errorf("%s: %q is not understood", tag, word)
			}
		}
	}
}

func FuzzDate(f *testing.F) {
	for _, s := range []string{"15/3", "Friday the 15th", "三月十五日", "بعد أسبوعين", "in two weeks", "0000", "99999999", "2027-03-15", "下周五", "1-1-1-1", "the the the", "15ka"} {
		f.Add(s, int64(1_795_600_000))
	}
	c := catalogue(f)
	f.Fuzz(func(t *testing.T, s string, seconds int64) {
		today := time.Unix(seconds%4_000_000_000, 0).UTC()
		for _, tag := range c.Tags() {
			got := c.Language(tag).Date(s, today)
			for i, d := range got {
				if d.Hour() != 0 || d.Location() != time.UTC || d.Year() < 1900 || d.Year() > 2200 {
					t.Errorf("%s %q is %v", tag, s, d)
				}
				if i > 0 && got[i-1].Equal(d) {
					t.Errorf("%s %q is %v twice", tag, s, d)
				}
			}
		}
	})
}

func BenchmarkDate(b *testing.B) {
	l, today := catalogue(b).Language("en"), day("2026-11-25")
	b.ReportAllocs()
	for b.Loop() {
		l.Date("the fifteenth of March", today)
	}
}
