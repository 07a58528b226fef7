package audio

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/townline/townline/channels/wav"
)

// heard decodes a clip by another program than the one that made it where there is one: lame and opusdec.
func heard(t testing.TB, f Format, clip []byte) *sound {
	t.Helper()
	cmd := exec.Command("opusdec", "--quiet", "--force-wav", "-", "-")
	if f == MP3 {
		cmd = exec.Command("lame", "--quiet", "--decode", "--mp3input", "-", "-")
	}
	cmd.Stdin = strings.NewReader(string(clip))
	wav, err := cmd.Output()
	if err != nil {
		t.Fatal(f, err)
	}
	s, err := readWAV(wav)
	if err != nil {
		t.Fatal(f, err)
	}
	return s
}

// mustBeSpeech checks that a clip is as loud as all speech here, has no long silence, and takes the time that so many words
// take: a voice that spells or skips is far off.
func mustBeSpeech(t *testing.T, name string, f Format, clip []byte, words int) {
	t.Helper()
	s := heard(t, f, clip)
	level, share := s.loudness()
	seconds := s.length().Seconds()
	if !near(level, speechLevel, 3) || share < 0.5 {
		t.Errorf("%s, %s: %.1f dB, %.0f %% of it speech", name, f, level, 100*share)
	}
	if least, most := 0.2*float64(words), 1.2+0.9*float64(words); seconds < least || seconds > most {
		t.Errorf("%s, %s: %d words take %.1f s, want %.1f to %.1f", name, f, words, seconds, least, most)
	}
	if rate := float64(len(clip)*8) / seconds / 1000; rate > 40 {
		t.Errorf("%s, %s: %.0f kbit/s", name, f, rate)
	}
}

func TestEachLanguageIsSpoken(t *testing.T) {
	v := voice(t)
	for lang, words := range map[string]string{
		"en": "What should the town repair first on Main Street?",
		"es": "¿Qué debe reparar primero la ciudad en Main Street?",
		"fr": "Que doit réparer la ville en premier dans Main Street ?",
		"zh": "您希望市政府先修哪里？",
		"ar": "ما الذي يجب أن تصلحه البلدية أولا؟",
	} {
		if !v.Speaks(lang) || !v.Speaks(lang+"-MX") {
			t.Errorf("there is no voice for %s", lang)
		}
		sounds, err := v.Say(t.Context(), lang, words, Formats()...)
		if err != nil {
			t.Error(lang, err)
			continue
		}
		count := len(strings.Fields(words))
		if lang == "zh" {
			count = 7
		}
		for _, f := range Formats() {
			mustBeSpeech(t, lang, f, sounds[f], count)
		}
	}
	if v.Speaks("so") || v.Speaks("") || v.Speaks("xx") {
		t.Error("a language is said to be spoken that is not")
	}
	if _, err := v.Say(t.Context(), "so", "Waad mahadsan tahay.", MP3); !errors.Is(err, ErrNoVoice) {
		t.Errorf("Somali: %v", err)
	}
}

// espeak-ng's first voice for Chinese reads the name of each character's sound in English: 您 becomes "nin two". Ours does not.
func TestChineseIsNotReadInEnglish(t *testing.T) {
	v := voice(t)
	phonemes := func(voice string) string {
		out, err := v.run(t.Context(), "espeak-ng", []byte("您希望市政府先修哪里？请选择一个。"), "--stdin", "-b", "1", "-q", "-x", "-v", voice)
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	if got := phonemes(v.speech.voice("zh")); strings.Contains(got, "(en)") {
		t.Errorf("%s goes over into English: %s", v.speech.voice("zh"), got)
	}
	if got := phonemes("cmn"); !strings.Contains(got, "(en)") {
		t.Errorf("espeak-ng's own choice would do now: %s", got)
	}
}

// VVSG 2.0, 7.1-K: 120 to 125 words a minute, until who listens changes it.
func TestRate(t *testing.T) {
	v := voice(t)
	for lang, text := range map[string]string{
		"en": "The town wants to know what to repair first on Main Street. Your answer helps the council to decide, and it is kept only until the end of the year. You can change every answer before you send it, and nobody sees who you are. If you want to talk to a person instead, ask for one at any time. It takes three minutes, and it is free.",
		"es": "La ciudad quiere saber qué reparar primero en la calle. Su respuesta ayuda al concejo a decidir, y se guarda solo hasta el fin del año. Puede cambiar cada respuesta antes de enviarla, y nadie ve quién es usted. Si prefiere hablar con una persona, puede pedirlo en cualquier momento. Toma tres minutos y es gratis.",
		"fr": "La ville veut savoir que réparer en premier dans la rue. Votre réponse aide le conseil à décider, et elle est gardée seulement jusqu'à la fin de l'année. Vous pouvez changer chaque réponse avant de l'envoyer, et personne ne voit qui vous êtes. Pour parler à une personne, demandez-le à tout moment. C'est gratuit et prend trois minutes.",
	} {
		sounds, err := v.Say(t.Context(), lang, text, MP3)
		if err != nil {
			t.Fatal(err)
		}
		rate := float64(len(strings.Fields(text))) / heard(t, MP3, sounds[MP3]).length().Minutes()
		t.Logf("%s: %.0f words a minute", lang, rate)
		if rate < 115 || rate > 130 { // one text of a hundred words: within 5 % of 120 to 125
			t.Errorf("%s: %.0f words a minute", lang, rate)
		}
	}
}

func TestOddWords(t *testing.T) {
	v := voice(t)
	long := strings.TrimSpace(strings.Repeat("the bus is late ", 313)) // 5,000 characters
	for _, test := range []struct {
		name, lang, words string
		count             int // words heard; 0: nothing can be
	}{
		{"a beginning like a flag", "en", "-v is what they wrote", 6},
		{"another", "en", "--help me please", 3},
		{"a picture", "en", "😀", 2},
		{"right to left in English", "en", "the شارع street", 6},
		{"left to right in Arabic", "ar", "شارع Main Street", 3},
		{"a phoneme", "en", "[[h@l'oU]]", 4},
		{"tags", "en", "<speak><break time='9s'/>hello</speak>", 8},
		{"a voice's steering", "en", "\x0150S hello", 3},
		{"nothing", "en", "", 0},
		{"dashes", "en", "---", 0},
		{"bytes that are no text", "en", "hello \xff\xfe there", 3},
		{"nul", "en", "hello\x00there", 2},
		{"a long answer", "en", long, 4 * 313},
	} {
		l := phrases(t).Language(test.lang)
		sounds, err := v.Say(t.Context(), test.lang, spoken(l, test.words), MP3)
		if test.count == 0 {
			if !errors.Is(err, ErrNothingHeard) {
				t.Errorf("%s: %v", test.name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		mustBeSpeech(t, test.name, MP3, sounds[MP3], test.count)
	}
	if _, err := v.Say(t.Context(), "en", strings.Repeat("bus ", 2000), MP3); !errors.Is(err, ErrTooLong) {
		t.Errorf("8,000 characters: %v", err)
	}
}

// machine is one with programs of our making in place of espeak-ng's: script is a shell's, and has the real ones in reach.
func machine(t *testing.T, script string, s Speech) (*Voice, string) {
	t.Helper()
	dir := t.TempDir()
	real := map[string]string{}
	for _, name := range []string{"espeak-ng", "lame", "opusenc", "opusdec"} {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		real[name] = path
		if name != "espeak-ng" {
			if err := os.Symlink(path, filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	head := fmt.Sprintf("#!/bin/sh\nREAL=%s\nDIR=%s\nif [ \"$1\" = --voices ]; then exec $REAL --voices; fi\n", real["espeak-ng"], dir)
	if err := os.WriteFile(filepath.Join(dir, "espeak-ng"), []byte(head+script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	v, err := FindVoice(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return v, dir
}

// The command line of a process can be read by everyone on the machine: words are not in it, nor in the environment.
func TestWordsAreNotOnTheCommandLine(t *testing.T) {
	v, dir := machine(t, `echo "$*" >$DIR/args; env >>$DIR/args; tee $DIR/words | $REAL "$@"`, Speech{})
	t.Setenv("SECRET", "none of our business")
	if _, err := v.Say(t.Context(), "en", "my neighbour is Zanzibar", MP3); err != nil {
		t.Fatal(err)
	}
	args, err := os.ReadFile(filepath.Join(dir, "args"))
	words, _ := os.ReadFile(filepath.Join(dir, "words"))
	if err != nil || strings.Contains(string(args), "Zanzibar") || strings.Contains(string(args), "SECRET") {
		t.Errorf("the command line and environment: %s (%v)", args, err)
	}
	if string(words) != "my neighbour is Zanzibar" {
		t.Errorf("it was given %q", words)
	}
}

func TestAVoiceThatHangsIsEnded(t *testing.T) {
	v, dir := machine(t, `echo $$ >$DIR/pid; exec sleep 600`, Speech{Timeout: 300 * time.Millisecond, Jobs: 1})
	for range 2 { // the place of the first is free for the second
		begun := time.Now()
		_, err := v.Say(t.Context(), "en", "hello", MP3)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) > 10*time.Second {
			t.Fatalf("after %v: %v", time.Since(begun), err)
		}
	}
	pid, err := os.ReadFile(filepath.Join(dir, "pid"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("/proc/" + strings.TrimSpace(string(pid))); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the process is still there: %v", err)
	}
}

func TestAVoiceThatFailsSaysNoWords(t *testing.T) {
	for _, test := range []struct{ name, script, want string }{
		{"dies", `cat >&2; exit 3`, "exit status 3"},
		{"talks", `cat`, wav.ErrNotWAV.Error()},
		{"silent", `cat >/dev/null`, ErrNothingHeard.Error()},
		{"without end", `cat >/dev/null; exec cat /dev/zero`, ErrTooLong.Error()},
		{"deaf", `exit 0`, ErrNothingHeard.Error()},
		{"killed", `kill -9 $$`, "signal: killed"},
	} {
		v, _ := machine(t, test.script, Speech{})
		_, err := v.Say(t.Context(), "en", strings.Repeat("Zanzibar ", 600), MP3)
		if err == nil || strings.Contains(err.Error(), "Zanzibar") || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", test.name, err, test.want)
		}
	}
}

func TestNoMoreAtOnceThanJobs(t *testing.T) {
	v, dir := machine(t, `: >$DIR/at.$$; ls $DIR/at.* | wc -l >>$DIR/counts; $REAL "$@"; rm $DIR/at.$$`, Speech{Jobs: 2})
	var all sync.WaitGroup
	for range 12 {
		all.Go(func() {
			if _, err := v.Say(t.Context(), "en", "hello there", Opus); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	counts, err := os.ReadFile(filepath.Join(dir, "counts"))
	if err != nil || strings.Count(string(counts), "\n") != 12 {
		t.Fatalf("%q, %v", counts, err)
	}
	for _, n := range strings.Fields(string(counts)) {
		if n != "1" && n != "2" {
			t.Errorf("%s were made at once", n)
		}
	}
	if !strings.Contains(string(counts), "2") {
		t.Error("never two at once: this shows nothing")
	}
}

func TestAMachineWithoutPrograms(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	v, err := FindVoice(t.Context(), Speech{})
	if !errors.Is(err, ErrNoVoice) || !strings.Contains(err.Error(), "espeak-ng, lame, opusenc") {
		t.Errorf("%v", err)
	}
	if _, err := v.Say(t.Context(), "en", "hello", MP3); !errors.Is(err, ErrNoVoice) || v.Speaks("en") {
		t.Errorf("it speaks: %v", err)
	}
	if _, err := v.Convert(t.Context(), nil, MP3); !errors.Is(err, ErrNoVoice) {
		t.Errorf("it converts: %v", err)
	}
	var none *Voice
	if none.Speaks("en") {
		t.Error("no voice at all speaks")
	}
}

func TestRecordingsOfEveryKindAreRead(t *testing.T) {
	v := voice(t)
	wav := tone(44100, 300, -30, 500*time.Millisecond, 2*time.Second, time.Second).wav()
	first, err := v.Convert(t.Context(), wav, Formats()...)
	if err != nil {
		t.Fatal(err)
	}
	for kind, recording := range map[string][]byte{"wav": wav, "mp3": first[MP3], "opus": first[Opus]} {
		made, err := v.Convert(t.Context(), recording, Formats()...)
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		for f, clip := range made {
			s := heard(t, f, clip)
			if level, _ := s.loudness(); !near(level, speechLevel, 2) || !near(s.length().Seconds(), 2.2, 0.3) {
				t.Errorf("%s to %s: %.1f dB, %v", kind, f, level, s.length())
			}
		}
	}
	for kind, recording := range map[string][]byte{"empty": nil, "words": []byte("hello"), "broken ogg": []byte("OggS hello"), "silence": (&sound{rate: 8000, samples: make([]int16, 8000)}).wav()} {
		if _, err := v.Convert(t.Context(), recording, MP3); err == nil {
			t.Errorf("%s was taken for a recording", kind)
		}
	}
}

// Clips can be played as one: what a browser without JavaScript asks for.
func TestMP3ClipsCanBePutInARow(t *testing.T) {
	v := voice(t)
	var row []byte
	whole := 0.0
	for _, words := range []string{"What should the town repair first?", "Roads.", "Street lights."} {
		sounds, err := v.Say(t.Context(), "en", words, MP3)
		if err != nil {
			t.Fatal(err)
		}
		for _, header := range []string{"Xing", "Info"} { // it would tell a player that the row is as long as its first clip
			if strings.Contains(string(sounds[MP3][:200]), header) {
				t.Errorf("%q has a header of its own", words)
			}
		}
		row = append(row, sounds[MP3]...)
		whole += heard(t, MP3, sounds[MP3]).length().Seconds()
	}
	if got := heard(t, MP3, row).length().Seconds(); !near(got, whole, 0.4) {
		t.Errorf("in a row %.2f s, one by one %.2f s", got, whole)
	}
}

func TestVoicesAreRead(t *testing.T) {
	has := readVoices("Pty Language       Age/Gender VoiceName          File                 Other Languages\n 5  cmn-latn-pinyin --/M      Chinese_(Mandarin) sit/cmn-Latn-pinyin (zh 5)\n 2  en-US  --/M English gmw/en-US (en 3)\n\nnonsense\n")
	if len(has) != 2 || !has["cmn-latn-pinyin"] || !has["en-us"] {
		t.Errorf("%v", has)
	}
}

func FuzzVoices(f *testing.F) {
	f.Add("Pty Language\n 5 af --/M Afrikaans gmw/af\n")
	f.Fuzz(func(t *testing.T, table string) {
		for name := range readVoices(table) {
			if name == "" || strings.ContainsAny(name, " \n") {
				t.Errorf("%q", name)
			}
		}
	})
}

func BenchmarkSay(b *testing.B) {
	v := voice(b)
	for _, f := range Formats() {
		b.Run(string(f), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.Say(b.Context(), "en", "What should the town repair first on Main Street?", f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
