package sms

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/peers"
	"github.com/townline/townline/dialogs/render"
)

// operator is a phone company of paper behind a real Kannel.
type operator struct {
	dir  string
	port string // where its phones come in
	send string // Kannel's sendsms
}

// startKannel runs bearerbox and smsbox with README.md's own file; only ports, folders, secrets and the seconds between two
// tries are others. The phone company is at port, by smsc's settings.
func startKannel(t *testing.T, town, port, smsc string) *operator {
	t.Helper()
	bearerbox := peers.Program(t, "kannel", "bearerbox", "/usr/sbin/bearerbox")
	smsbox := peers.Program(t, "kannel", "smsbox", "/usr/sbin/smsbox")
	o := &operator{dir: t.TempDir(), port: port}
	conf := example(t, "kannel.conf")
	put := func(old, new string) {
		t.Helper()
		if !strings.Contains(conf, old) {
			t.Fatalf("README.md's kannel.conf has no %s", old)
		}
		conf = strings.ReplaceAll(conf, old, new)
	}
	box, send := freePort(t), freePort(t)
	o.send = "127.0.0.1:" + send
	put("127.0.0.1:8080", town)
	put("13000", freePort(t))
	put("13001", box)
	put("13013", send)
	put("PASSWORD", "password")
	put("SECRET", kannelSecret)
	put("/var/spool/kannel", o.dir)
	put("/var/log/kannel", o.dir)
	put("http-queue-delay = 10", "http-queue-delay = 1")
	conf += "\ngroup = smsc\nsmsc-id = PHONES\nport = " + port + "\n" + smsc
	file := filepath.Join(o.dir, "kannel.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	background(t, o.dir, bearerbox, "-v", "2", file)
	answers(t, "127.0.0.1:"+box)
	background(t, o.dir, smsbox, "-v", "2", file)
	answers(t, o.send)
	return o
}

// handset is a phone at the fake phone company.
type handset struct{ log string }

// texts sends one message to the town from a phone that then stays on.
func (o *operator) texts(t *testing.T, words string) *handset {
	t.Helper()
	fakesmsc := peers.Program(t, "kannel-extras", "/usr/lib/kannel/test/fakesmsc", "fakesmsc")
	return &handset{background(t, o.dir, fakesmsc, "-H", "127.0.0.1", "-r", o.port, "-i", "0.01", "-m", "1", "255712345678 15001 text "+words)}
}

var (
	// gotLine is one line that came to a phone of the fake phone company. A text of several lines comes in as many of them.
	gotLine = regexp.MustCompile(`(?i)got message \d+: <(.*)>`)
	gotHead = regexp.MustCompile(`^(\S+) (\S+) (?:udh (\S+) )?(text|data|ucs-2) (.*)$`)
)

// text is one that came to a handset, whole: the parts of a long one are joined.
type text struct {
	from, to, words string
	parts           int
}

func (h *handset) got(t *testing.T) []text {
	t.Helper()
	b, err := os.ReadFile(h.log)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, m := range gotLine.FindAllStringSubmatch(string(b), -1) {
		if gotHead.MatchString(m[1]) || len(lines) == 0 {
			lines = append(lines, m[1])
		} else {
			lines[len(lines)-1] += "\n" + m[1]
		}
	}
	var out []text
	long := map[string][]string{} // parts of those with a header, by their first bytes
	for _, line := range lines {
		head, more, _ := strings.Cut(line, "\n")
		m := gotHead.FindStringSubmatch(head)
		if m == nil {
			t.Fatalf("the phone got %q", line)
		}
		one := text{from: m[1], to: m[2], words: m[5], parts: 1}
		if more != "" {
			one.words += "\n" + more
		}
		if m[4] != "text" {
			one.words = unescape(t, one.words)
		}
		if m[4] == "ucs-2" || strings.Contains(one.words, "\x00") { // in parts it isn't said
			one.words = utf16BE(one.words)
		}
		if udh := unescape(t, m[3]); udh != "" {
			// TS 23.040 clause 9.2.3.24.1: a reference, how many parts, which of them.
			if len(udh) != 6 || udh[:3] != "\x05\x00\x03" || int(udh[5]) != len(long[udh[:5]])+1 {
				t.Fatalf("a part begins with % x", udh)
			}
			long[udh[:5]] = append(long[udh[:5]], one.words)
			if one.parts = len(long[udh[:5]]); one.parts < int(udh[4]) {
				continue
			}
			one.words = strings.Join(long[udh[:5]], "")
		}
		out = append(out, one)
	}
	return out
}

func unescape(t *testing.T, s string) string {
	t.Helper()
	out, err := url.QueryUnescape(s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// first waits for the first text.
func (h *handset) first(t *testing.T) text {
	t.Helper()
	until(t, "a text comes to the phone", func() bool { return len(h.got(t)) > 0 })
	return h.got(t)[0]
}

// A town at a real Kannel: bearerbox, smsbox, and Kannel's fake phone company, set up as README.md says.
func TestKannelForReal(t *testing.T) {
	long := strings.Repeat("Tell the town what you think. ", 13) + "é"
	longer := strings.TrimSpace(strings.Repeat("Что вы думаете об этом? ", 8))
	in := &inbox{answer: func(e channels.Event) channels.Reply {
		switch e.Words {
		case "LONG":
			return say(long)
		case "Ж ы":
			return say("Добро пожаловать é")
		case "ДА":
			return say(longer)
		case "quiet":
			return channels.Reply{}
		}
		return say("Karibu é €\n1 Ndio", "2 Hapana")
	}}
	var lose, calls atomic.Int64
	mux := http.NewServeMux()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		if lose.Add(-1) >= 0 { // the town has it, and its answer is lost
			mux.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	o := startKannel(t, strings.TrimPrefix(server.URL, "http://"), freePort(t), "smsc = fake\nconnect-allow-ip = 127.0.0.1\n")
	kannel := newKannel(t, func(c *KannelConfig) {
		c.Now, c.From, c.SendURL, c.PublicURL = time.Now, "15001", "http://"+o.send+"/cgi-bin/sendsms", server.URL
		c.Username, c.Password = "townline", "password"
	})
	kannel.Mount(mux, in)
	heard := func() (words []string) {
		for _, e := range in.all() {
			words = append(words, e.Words)
		}
		return words
	}

	t.Run("a text and its reply", func(t *testing.T) {
		h := o.texts(t, "HABARI  yako")
		want := text{"15001", "255712345678", "Karibu é €\n1 Ndio\n\n2 Hapana", 1}
		if got := h.first(t); got != want {
			t.Errorf("the phone got %+v, want %+v", got, want)
		}
		e := in.all()[0]
		if e.From != (channels.Address{Kind: "tel", ID: "+255712345678"}) || e.To != "15001" || e.Words != "HABARI  yako" || len(e.ID) < 16 || time.Since(e.At).Abs() > time.Minute {
			t.Errorf("the town heard %+v", e)
		}
	})
	t.Run("letters that GSM lacks", func(t *testing.T) {
		h := o.texts(t, "Ж ы")
		if got, want := h.first(t), (text{"15001", "255712345678", "Добро пожаловать é", 1}); got != want {
			t.Errorf("the phone got %+v, want %+v", got, want)
		}
		if !slices.Contains(heard(), "Ж ы") {
			t.Errorf("the town heard %q", heard())
		}
	})
	t.Run("three parts", func(t *testing.T) {
		want := text{"15001", "255712345678", long, 3}
		if got := o.texts(t, "LONG").first(t); got != want {
			t.Errorf("the phone got %+v, want %+v", got, want)
		}
	})
	t.Run("three parts of other letters", func(t *testing.T) {
		want := text{"15001", "255712345678", longer, 3}
		if got := o.texts(t, "ДА").first(t); got != want {
			t.Errorf("the phone got %+v, want %+v", got, want)
		}
	})
	t.Run("a push and what became of it", func(t *testing.T) {
		h := o.texts(t, "quiet")
		until(t, "the town hears it", func() bool { return slices.Contains(heard(), "quiet") })
		receipt, err := kannel.Deliver(t.Context(), channels.Address{Kind: "tel", ID: "+255712345678"}, render.Page{Text: "Your light is mended: 100 % & é"}, "k-1")
		if err != nil || receipt != "k-1" {
			t.Fatalf("%q, %v", receipt, err)
		}
		if got, want := h.first(t), (text{"15001", "+255712345678", "Your light is mended: 100 % & é", 1}); got != want {
			t.Errorf("the phone got %+v, want %+v", got, want)
		}
		until(t, "Kannel reports it", func() bool {
			return slices.ContainsFunc(in.allReports(), func(r reported) bool {
				return r.channel == KannelName && r.receipt == "k-1" && r.State == channels.Arrived
			})
		})
	})
	t.Run("a wrong password", func(t *testing.T) {
		wrong := newKannel(t, func(c *KannelConfig) {
			c.SendURL, c.Username, c.Password = "http://"+o.send+"/cgi-bin/sendsms", "townline", "wrong"
		})
		_, err := wrong.Deliver(t.Context(), channels.Address{Kind: "tel", ID: "+255712345678"}, render.Page{Text: "x"}, "k-2")
		if _, again := channels.Retrying(err); !again {
			t.Errorf("%v", err)
		}
	})
	// What the town can't keep, it doesn't take: Kannel calls again, and the phone hears nothing of it.
	t.Run("the store is away", func(t *testing.T) {
		before := calls.Load()
		in.breakdown(errors.New("away"))
		h := o.texts(t, "during")
		until(t, "Kannel calls again", func() bool { return calls.Load() >= before+3 })
		in.breakdown(nil)
		h.first(t)
		onceOnly(t, in, h, "during")
	})
	t.Run("an answer is lost", func(t *testing.T) {
		lose.Store(2)
		h := o.texts(t, "lost")
		h.first(t)
		onceOnly(t, in, h, "lost")
	})
}

// onceOnly checks that a message counted once and was answered once.
func onceOnly(t *testing.T, in *inbox, h *handset, words string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond) // longer than Kannel waits between two tries
	defer cancel()
	<-ctx.Done()
	n := 0
	for _, e := range in.all() {
		if e.Words == words {
			n++
		}
	}
	if got := h.got(t); n != 1 || len(got) != 1 || !strings.HasPrefix(got[0].words, "Karibu") {
		t.Errorf("the town heard it %d times, and the phone got %+v", n, got)
	}
}
