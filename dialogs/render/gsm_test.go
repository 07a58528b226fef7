package render_test

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/townline/townline/dialogs/render"
	"github.com/warthog618/sms"
	"github.com/warthog618/sms/encoding/gsm7"
	"github.com/warthog618/sms/encoding/tpdu"
)

func TestCount(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       render.Length
	}{
		{"empty", "", render.Length{GSM: true, Segments: 1}},
		{"full", strings.Repeat("a", 160), render.Length{GSM: true, Units: 160, Segments: 1}},
		{"one over", strings.Repeat("a", 161), render.Length{GSM: true, Units: 161, Segments: 2}},
		{"two full", strings.Repeat("a", 306), render.Length{GSM: true, Units: 306, Segments: 2}},
		{"three", strings.Repeat("a", 307), render.Length{GSM: true, Units: 307, Segments: 3}},
		{"euro counts two", "€", render.Length{GSM: true, Units: 2, Segments: 1}},
		{"an escape pair is not torn", strings.Repeat("a", 152) + "€" + strings.Repeat("a", 152), render.Length{GSM: true, Units: 306, Segments: 3}},
		{"accents", "á", render.Length{Units: 1, Segments: 1}},
		{"full in UCS-2", strings.Repeat("ж", 70), render.Length{Units: 70, Segments: 1}},
		{"one over in UCS-2", strings.Repeat("ж", 71), render.Length{Units: 71, Segments: 2}},
		{"emoji counts two", "😀", render.Length{Units: 2, Segments: 1}},
		{"a surrogate pair is not torn", strings.Repeat("ж", 66) + "😀" + strings.Repeat("ж", 66), render.Length{Units: 134, Segments: 3}},
	} {
		if got := render.Count(test.text); got != test.want {
			t.Errorf("%s: got %+v, want %+v", test.name, got, test.want)
		}
	}
}

// The letters that texts in ten languages are made of, with what typing brings along.
var alphabets = []string{
	"abcdefghijklmnopqrstuvwxyz ABCDEFG .,?! 0123456789 €{}[]|~^\\'\"",
	"abcdefghijklmnñopqrstuvwxyz áéíóúü ¿¡ .,",
	"abcdefghijklmnopqrstuvwxyz éèêëàâçùûîïôœ « » ’ .,",
	"abcdefghijklmnopqrstuvwxyzäöüß ÄÖÜ „“ .,€",
	"的一是不了人我在有他这为之大来以个中上们。，？！",
	"ابتثجحخدذرزسشصضطظعغفقكلمنهويةىءآأؤإئ ًٌٍَُ ؟،",
	"abdeefghijklmnoqrstuwxy ' cabdiwaaxyadhkh .,",
	"абвгдежзийклмнопрстуфхцчшщъыьэюя .,",
	"αβγδεζηθικλμνξοπρστυφχψω ΔΦΓΛΩΠΨΣΘΞ .,",
	"अआइईउऊएऐओऔकखगघङचछजझञटठडढणतथदधनपफबभमयरलवशषसह ािीुूेैोौ्ं।",
}

const emoji = "😀👍🏽🚌👩‍👩‍👧🇺🇸"

func randomText(r *rand.Rand, alphabet []rune, n int) string {
	out := make([]rune, n)
	for i := range out {
		out[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(out)
}

func TestCountsAsWarthogDoes(t *testing.T) {
	const texts = 100_000
	r := rand.New(rand.NewPCG(1, 2))
	edges := []int{1, 66, 67, 68, 69, 70, 71, 133, 134, 135, 152, 153, 154, 159, 160, 161, 200, 201, 202, 305, 306, 307, 458, 459, 460}
	runes := make([][]rune, len(alphabets))
	for i, a := range alphabets {
		runes[i] = []rune(a)
	}
	with := []rune(emoji)
	segments, gsm := 0, 0
	for i := range texts {
		n := edges[r.IntN(len(edges))]
		if i%3 == 0 {
			n = 1 + r.IntN(480)
		}
		text := randomText(r, runes[i%len(runes)], n)
		if i%50 == 0 {
			at := r.IntN(len(text) + 1)
			for at < len(text) && !utf8.RuneStart(text[at]) {
				at++
			}
			text = text[:at] + string(with[r.IntN(len(with))]) + text[at:]
		}
		pdus, err := sms.Encode([]byte(text))
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		alphabet, err := pdus[0].Alphabet()
		if err != nil {
			t.Fatal(err)
		}
		got := render.Count(text)
		if got.Segments != len(pdus) || got.GSM != (alphabet == tpdu.Alpha7Bit) {
			t.Fatalf("%q: got %+v, warthog makes %d segments, alphabet %v", text, got, len(pdus), alphabet)
		}
		segments += got.Segments
		if got.GSM {
			gsm++
		}
	}
	if gsm < texts/20 || segments < texts {
		t.Fatalf("only %d GSM texts, %d segments: the texts are too plain to prove anything", gsm, segments)
	}
}

func TestGSMAlphabetIsWhole(t *testing.T) {
	held := 0
	for c := rune(0); c < 0x10000; c++ {
		if c >= 0xd800 && c < 0xe000 || c == 0x1b { // halves of pairs; the escape itself is no character
			continue
		}
		want, err := gsm7.Encode([]byte(string(c)))
		got, ok := render.EncodeGSM(string(c))
		if ok != (err == nil) || ok && !bytes.Equal(got, want) {
			t.Errorf("%U: got % x %v, want % x %v", c, got, ok, want, err)
		}
		if ok {
			held++
			if back := render.DecodeGSM(got); back != string(c) {
				t.Errorf("%U comes back as %q", c, back)
			}
		}
	}
	if held != 127+10 { // 3GPP TS 23.038: all places but the escape, and ten of the extension table
		t.Errorf("%d characters", held)
	}
}

func TestDecodeGSM(t *testing.T) {
	for _, test := range []struct {
		codes []byte
		want  string
	}{
		{[]byte{0x1b, 0x65}, "€"}, {[]byte{0x1b, 'a'}, "a"}, {[]byte{0x1b}, " "}, {[]byte{0x1b, 0x1b, 'a'}, " a"}, {[]byte{0x80}, "\ufffd"}, {[]byte{0x00}, "@"},
	} {
		if got := render.DecodeGSM(test.codes); got != test.want {
			t.Errorf("% x: got %q, want %q", test.codes, got, test.want)
		}
	}
}

func TestThrifty(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"plain", "plain"},
		{"“Don’t” – wait…\u00a0now", "\"Don't\" - wait... now"},
		{"zero\u200bwidth", "zerowidth"},
		{"“Árbol”", "“Árbol”"}, // Á costs UCS-2 anyhow
		{"it’s 中文", "it’s 中文"},
		{"año", "año"},
		{"", ""},
	} {
		if got := render.Thrifty(test.text); got != test.want {
			t.Errorf("%q: got %q, want %q", test.text, got, test.want)
		}
	}
}

func FuzzGSM(f *testing.F) {
	f.Add("Hello €{}", []byte{0x1b, 0x65, 0x00})
	f.Add("“typography”…", []byte{0x1b})
	f.Add("年", []byte{0xff, 0x1b, 0x1b})
	f.Fuzz(func(t *testing.T, text string, codes []byte) {
		n := render.Count(text)
		if n.Segments < 1 || n.Units < 0 {
			t.Fatalf("%+v", n)
		}
		encoded, ok := render.EncodeGSM(text)
		if ok != n.GSM {
			t.Fatalf("Count says %v, EncodeGSM %v", n.GSM, ok)
		}
		if ok && (len(encoded) != n.Units || render.DecodeGSM(encoded) != text) {
			t.Fatalf("%q comes back as %q", text, render.DecodeGSM(encoded))
		}
		thrifty := render.Thrifty(text)
		if m := render.Count(thrifty); thrifty != text && !m.GSM {
			t.Fatalf("%q became %q, which is no cheaper", text, thrifty)
		}
		decoded := render.DecodeGSM(codes)
		if again, ok := render.EncodeGSM(decoded); ok && render.DecodeGSM(again) != decoded {
			t.Fatalf("% x", codes)
		}
	})
}

func BenchmarkCount(b *testing.B) {
	text := strings.Repeat("What should the city improve first? ", 5)
	b.ReportAllocs()
	for b.Loop() {
		render.Count(text)
	}
}
