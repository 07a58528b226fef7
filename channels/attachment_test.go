package channels

import (
	"bytes"
	"encoding/hex"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/townline/townline/locales"
)

// pictures and sounds as they begin. The containers' beginnings are those that browsers and phones write.
func samples() map[string][]byte {
	box := func(kind, rest string) string { return "\x00\x00\x00" + string(rune(8+len(rest))) + kind + rest }
	mp4 := func(handlers ...string) []byte {
		s := box("ftyp", "mp42\x00\x00\x00\x00mp42isom")
		for _, h := range handlers {
			s += box("hdlr", "\x00\x00\x00\x00\x00\x00\x00\x00"+h+strings.Repeat("\x00", 12))
		}
		return []byte(s)
	}
	pixel := image.NewGray(image.Rect(0, 0, 1, 1))
	var j, p, g bytes.Buffer
	_ = jpeg.Encode(&j, pixel, nil)
	_ = png.Encode(&p, pixel)
	_ = gif.Encode(&g, pixel, nil)
	return map[string][]byte{
		"image/jpeg": j.Bytes(), "image/png": p.Bytes(), "image/gif": g.Bytes(),
		"image/webp": []byte("RIFF\x24\x00\x00\x00WEBPVP8 "), "audio/wav": []byte("RIFF\x24\x00\x00\x00WAVEfmt "),
		"audio/ogg":  []byte("OggS\x00\x02" + strings.Repeat("\x00", 22) + "OpusHead\x01\x01"),
		"audio/webm": []byte("\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm\x42\x87\x81\x04\x86\x86A_OPUS"),
		"audio/mp4":  mp4("soun"), "audio/flac": []byte("fLaC\x00"), "audio/amr": []byte("#!AMR\n\x3c"),
		"audio/mpeg": []byte("\xff\xfb\x90\x64\x00"), "audio/aac": []byte("\xff\xf1\x50\x80\x02\x1f\xfc"),
		"no, a film in webm": []byte("\x1a\x45\xdf\xa3\x42\x82\x84webm A_OPUS V_VP8"),
		"no, a film in ogg":  []byte("OggS\x00\x02OpusHead\x80theora"),
		"no, a film in mp4":  mp4("vide", "soun"),
		"no, a mute mp4":     mp4(),
		"no, avif":           []byte(box("ftyp", "avif\x00\x00\x00\x00mif1")),
		"no, a page":         []byte("<!doctype html><script>alert(1)</script>"),
		"no, a drawing":      []byte("<svg xmlns='http://www.w3.org/2000/svg'/>"),
		"no, a program":      []byte("MZ\x90\x00"), "no, an ELF": []byte("\x7fELF"), "no, a PDF": []byte("%PDF-1.7"), "no, a zip": []byte("PK\x03\x04"),
		"no, words": []byte("audio/ogg"), "no, one byte": {0xff}, "no, nothing": nil,
		"no, a bad frame": []byte("\xff\xfb\xf0\x64"), "no, ones": bytes.Repeat([]byte{0xff}, 64),
	}
}

func TestKindOf(t *testing.T) {
	for want, b := range samples() {
		if strings.HasPrefix(want, "no,") {
			want = ""
		}
		if got := KindOf(b); got != want {
			t.Errorf("%q… is %q, want %q", b[:min(len(b), 12)], got, want)
		}
	}
}

// TestKindOfRealFiles: what the usual encoders write is known.
func TestKindOfRealFiles(t *testing.T) {
	dir := t.TempDir()
	wav := filepath.Join(dir, "a.wav")
	made := 0
	for _, c := range []struct {
		kind, file string
		make       []string
	}{
		{"audio/wav", "a.wav", []string{"espeak-ng", "-w", wav, "hello"}},
		{"audio/mpeg", "a.mp3", []string{"lame", "--quiet", wav, filepath.Join(dir, "a.mp3")}},
		{"audio/ogg", "a.opus", []string{"opusenc", "--quiet", wav, filepath.Join(dir, "a.opus")}},
		{"audio/flac", "a.flac", []string{"sox", wav, filepath.Join(dir, "a.flac")}},
		{"audio/ogg", "a.ogg", []string{"sox", wav, filepath.Join(dir, "a.ogg")}},
	} {
		if _, err := exec.LookPath(c.make[0]); err != nil {
			t.Logf("%s isn't installed", c.make[0])
			continue
		}
		if out, err := exec.CommandContext(t.Context(), c.make[0], c.make[1:]...).CombinedOutput(); err != nil {
			t.Logf("%s: %v %s", c.make[0], err, out)
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, c.file))
		if err != nil {
			t.Fatal(err)
		}
		if got := KindOf(b); got != c.kind {
			t.Errorf("%s is %q, want %q", c.file, got, c.kind)
		}
		made++
	}
	t.Logf("%d files were looked at", made)
}

func TestTake(t *testing.T) {
	all := samples()
	ogg, jpg := all["audio/ogg"], all["image/jpeg"]
	long := func(n int) []byte { return append(bytes.Clone(ogg), make([]byte, n-len(ogg))...) }
	id := func(n int) [16]byte { return [16]byte{byte(n + 1)} }
	var many []Attachment
	for range 12 {
		many = append(many, Attachment{Bytes: jpg})
	}
	for name, c := range map[string]struct {
		attached []Attachment
		taken    []int // by their place
		refused  string
	}{
		"nothing":             {},
		"an empty field":      {attached: []Attachment{{Type: "audio/ogg"}}},
		"two":                 {attached: []Attachment{{Bytes: ogg}, {Bytes: jpg}}, taken: []int{0, 1}},
		"not what it says":    {attached: []Attachment{{Type: "audio/ogg", Bytes: all["no, a page"]}}, refused: RefusedKind},
		"better than it says": {attached: []Attachment{{Type: "text/html", Bytes: ogg}}, taken: []int{0}},
		"one of two":          {attached: []Attachment{{Bytes: all["no, a PDF"]}, {Bytes: jpg}}, taken: []int{1}, refused: RefusedKind},
		"just so long":        {attached: []Attachment{{Bytes: long(MostBytes)}}, taken: []int{0}},
		"too long":            {attached: []Attachment{{Bytes: long(MostBytes + 1)}}, refused: RefusedLong},
		"too long in all":     {attached: []Attachment{{Bytes: long(MostBytes)}, {Bytes: long(MostBytes)}, {Bytes: ogg}}, taken: []int{0, 1}, refused: RefusedLong},
		"too many":            {attached: many, taken: []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, refused: RefusedLong},
	} {
		taken, refused := Take(c.attached, id)
		if refused != c.refused || len(taken) != len(c.taken) {
			t.Errorf("%s: %d are taken, %q; want %v, %q", name, len(taken), refused, c.taken, c.refused)
			continue
		}
		for i, n := range c.taken {
			got, in := taken[i], c.attached[n]
			if got.ID != id(n) || got.Ref != MediaRef(id(n)) || got.Type != KindOf(in.Bytes) || !bytes.Equal(got.Bytes, in.Bytes) {
				t.Errorf("%s: %d is taken as %q, %q", name, n, got.Type, got.Ref)
			}
		}
	}
}

// TestRefusalsAreSaid: there are words for each, in every language.
func TestRefusalsAreSaid(t *testing.T) {
	all, err := locales.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, tag := range all.Tags() {
		for _, phrase := range []string{RefusedKind, RefusedLong, RefusedBallot} {
			if !all.Language(tag).Has(phrase) {
				t.Errorf("%s has no words for %s", tag, phrase)
			}
		}
	}
}

func TestMediaRef(t *testing.T) {
	id := [16]byte{1, 2, 0xab, 15: 0xff}
	ref := MediaRef(id)
	if got, ok := MediaID(ref); !ok || got != id {
		t.Errorf("%q reads as %x, %v", ref, got, ok)
	}
	for _, bad := range []string{"", "media:", "media:12", strings.ToUpper(ref), ref + "0", ref[6:], strings.Replace(ref, "0", "x", 1), "https://media:" + hex.EncodeToString(id[:])} {
		if got, ok := MediaID(bad); ok {
			t.Errorf("%q reads as %x", bad, got)
		}
	}
	seen := map[[16]byte]bool{}
	for _, from := range []Address{{"kiosk", "a"}, {"kiosk", "b"}, {"web", "a"}} {
		for number := range uint64(3) {
			for n := range 3 {
				seen[VisitMedia(from, number, n)] = true
			}
		}
	}
	if len(seen) != 27 || !seen[VisitMedia(Address{"web", "a"}, 2, 1)] {
		t.Errorf("%d of 27 ids are different", len(seen))
	}
}

// FuzzKindOf: bytes of any kind are looked at without a panic, and nothing that a browser would run is taken.
func FuzzKindOf(f *testing.F) {
	for _, b := range samples() {
		f.Add(b)
	}
	f.Add([]byte(" 000ftyphdlr00000000soun"))
	f.Fuzz(func(t *testing.T, b []byte) {
		kind := KindOf(b)
		if kind != "" && !strings.HasPrefix(kind, "audio/") && !strings.HasPrefix(kind, "image/") {
			t.Fatal(kind)
		}
		if kind != "" && (b[0] == '<' || b[0] == ' ' || b[0] == '%') {
			t.Fatalf("%q is taken for %s", b, kind)
		}
		if taken, refused := Take([]Attachment{{Bytes: b}}, func(int) [16]byte { return [16]byte{1} }); len(b) > 0 && (len(taken) == 1) == (refused != "") {
			t.Fatal(len(taken), refused)
		}
	})
}

func FuzzMediaID(f *testing.F) {
	f.Add(MediaRef([16]byte{7}))
	f.Add("media:zz")
	f.Fuzz(func(t *testing.T, ref string) {
		if id, ok := MediaID(ref); ok && MediaRef(id) != ref {
			t.Fatal(ref)
		}
	})
}
