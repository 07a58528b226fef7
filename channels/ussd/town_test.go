package ussd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/exchange"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/dialogtest"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/library"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/dialogs/talk"
	"github.com/townline/townline/locales"
	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sqlite"
)

// hands is a clock that tests move.
type hands struct {
	mu  sync.Mutex
	now time.Time
}

func (h *hands) Now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *hands) After(time.Duration) <-chan time.Time { return nil }

func (h *hands) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

// parsed is the sample town, with street-problem in Spanish as its clerk has it in the translation's file; read once.
var parsed = sync.OnceValues(func() (*dialogs.Set, error) {
	files := fstest.MapFS{}
	err := fs.WalkDir(library.FS(), ".", func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := fs.ReadFile(library.FS(), p)
		if p == "street-problem.yaml" {
			content = []byte(strings.Replace(string(content), "language: en\n", "language: en\nlanguages: [es]\n", 1))
		}
		files[p] = &fstest.MapFile{Data: content}
		return err
	})
	if err != nil {
		return nil, err
	}
	words, err := loaded()
	if err != nil {
		return nil, err
	}
	set, problems := dialogs.Load(files, dialogs.Options{Locales: words})
	if problems.Errors() {
		return nil, errors.New(problems.String())
	}
	return set, nil
})

func sampleTown(t testing.TB) (*talk.Town, *dialogs.Set) {
	t.Helper()
	set, err := parsed()
	if err != nil {
		t.Fatal(err)
	}
	return dialogtest.NewTown(phrases(t), set.All()), set
}

// house is the sample town with a store on disk, and a gateway to it. It tells what a resident was shown last, and what was
// texted.
type house struct {
	channels.Inbox
	clock    *hands
	store    *sqlite.Store
	exchange *exchange.Exchange
	line     *USSD
	mux      *http.ServeMux

	mu    sync.Mutex
	shown map[string][]render.Page // by number
}

func (h *house) Receive(ctx context.Context, e channels.Event) (channels.Reply, error) {
	r, err := h.Inbox.Receive(ctx, e)
	if err == nil && e.Kind != channels.HungUp && e.Kind != channels.Overdue {
		h.mu.Lock()
		h.shown[e.From.ID] = r.Pages
		h.mu.Unlock()
	}
	return r, err
}

func (h *house) pages(number string) []render.Page {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.shown[number]
}

// winter is a day on which every dialog of the sample town is open.
var winter = time.Date(2026, 12, 1, 10, 0, 0, 0, time.UTC)

func newHouse(t testing.TB, dialect string, change func(*Config), others ...channels.Channel) *house {
	t.Helper()
	town, set := sampleTown(t)
	town.Languages = town.Languages[:1]
	dir := t.TempDir()
	keys, err := store.LoadKeys(dir+"/town.keys", "")
	if err != nil {
		t.Fatal(err)
	}
	s, err := sqlite.Open(dir+"/town.db", keys)
	if err != nil {
		t.Fatal(err)
	}
	h := &house{clock: &hands{now: winter}, store: s, shown: map[string][]render.Page{}}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	catalogue := exchange.NewCatalogue(s, h.clock)
	if problems, err := catalogue.Publish(t.Context(), set); err != nil || problems.Errors() {
		t.Fatal(err, problems)
	}
	if err := s.Reserve(t.Context(), "library-hours", [][16]byte{exchange.CodeVoter(keys, "library-hours", "482715")}); err != nil {
		t.Fatal(err)
	}
	town.Dialogs, town.Texts = catalogue, len(others) > 0
	h.line = newUSSD(t, dialect, func(c *Config) {
		c.Now, c.Country = h.clock.Now, "US"
		if change != nil {
			change(c)
		}
	})
	x, err := exchange.New(exchange.Settings{Store: s, Keys: keys, Town: town, Entropy: rand.NewChaCha8([32]byte{7}), Clock: h.clock, Channels: append([]channels.Channel{h.line}, others...)})
	if err != nil {
		t.Fatal(err)
	}
	h.Inbox, h.exchange = x, x
	h.mux = muxOf(h.line, h)
	return h
}

// phone is a resident's, behind a gateway.
type phone struct {
	h       *house
	number  string
	session string
	keyed   []string // in this session
	count   int      // requests of this session
	wire    strings.Builder
	over    bool
	texts   []string // what was shown
}

// sends makes the gateway's request for what the resident did, and takes its answer apart.
func (p *phone) sends(t testing.TB, kind channels.EventKind, words string) string {
	t.Helper()
	p.count++
	if kind == channels.Message {
		p.keyed = append(p.keyed, words)
	}
	line, body := requestOf(p.h.line.cfg.Dialect, p, kind, words)
	r := call(line, body)
	if p.h.line.cfg.Dialect == Plain {
		signed(r, testSecret, body, p.h.clock.Now())
	}
	w := httptest.NewRecorder()
	p.h.mux.ServeHTTP(w, r)
	fmt.Fprintf(&p.wire, "> %s\n", strings.ReplaceAll(line, testSecret, "SECRET"))
	if body != "" {
		fmt.Fprintf(&p.wire, "> %s\n", body)
	}
	fmt.Fprintf(&p.wire, "< %d %s", w.Code, w.Header().Get("Content-Type"))
	if flow := w.Header().Get("Freeflow"); flow != "" {
		fmt.Fprintf(&p.wire, ", Freeflow: %s", flow)
	}
	fmt.Fprintf(&p.wire, "\n< %s\n\n", strings.ReplaceAll(w.Body.String(), "\n", "\n< "))
	if w.Code != http.StatusOK {
		t.Fatalf("%s %s: %d %s", line, body, w.Code, w.Body)
	}
	if kind == channels.HungUp {
		return ""
	}
	text, more := answerOf(t, p.h.line.cfg.Dialect, w)
	p.over = !more
	p.texts = append(p.texts, text)
	if _, cut := render.Cut(text, p.h.line.Traits()); cut {
		t.Errorf("a screen of %s is too long: %q", p.h.line.Name(), text)
	}
	return text
}

func (p *phone) dials(t testing.TB, session, after string) string {
	p.session, p.keyed, p.count, p.over = session, nil, 0, false
	return p.sends(t, channels.Dialed, after)
}

// requestOf is a gateway's request, as wire has it.
func requestOf(dialect string, p *phone, kind channels.EventKind, words string) (line, body string) {
	object := func(path, format string, args ...any) (string, string) {
		return "POST /ussd/" + dialect + path, fmt.Sprintf(format, args...)
	}
	bare := strings.TrimPrefix(p.number, "+")
	code := "*384*123#"
	if words != "" && kind == channels.Dialed {
		code = "*384*123*" + words + "#"
	}
	pick := func(dialed, said, gone string) string {
		return map[channels.EventKind]string{channels.Dialed: dialed, channels.Message: said, channels.HungUp: gone}[kind]
	}
	secret := "/" + testSecret
	switch dialect {
	case "africastalking":
		form := url.Values{"sessionId": {p.session}, "serviceCode": {"*384*123#"}, "phoneNumber": {p.number}, "networkCode": {"310260"}}
		all := p.keyed
		if kind == channels.Dialed && words != "" {
			p.keyed = append([]string{}, strings.Split(words, "*")...)
			all = p.keyed
		}
		form.Set("text", strings.Join(all, "*"))
		if kind == channels.HungUp {
			form.Del("text")
			form.Set("status", "Incomplete")
		}
		return "POST /ussd/africastalking" + secret, form.Encode()
	case "hubtel":
		return object(secret, `{"Type":%q,"Message":%q,"ServiceCode":"384*123","Operator":"mtn","ClientState":"","Mobile":%q,"SessionId":%q,"Sequence":%d}`,
			pick("Initiation", "Response", "Release"), pick(code, words, ""), bare, p.session, p.count)
	case "nalo":
		return object(secret, `{"USERID":"TOWNLINE","MSISDN":%q,"USERDATA":%q,"MSGTYPE":%v,"NETWORK":"MTN"}`, bare, pick(code, words, ""), kind == channels.Dialed)
	case "arkesel":
		return object(secret, `{"sessionID":%q,"userID":"TOWNLINE","newSession":%v,"msisdn":%q,"userData":%q,"network":"MTN"}`, p.session, kind == channels.Dialed, bare, pick(code, words, ""))
	case "beem":
		return object(secret, `{"command":%q,"msisdn":%q,"session_id":%q,"operator":"vodacom","payload":{"request_id":%d,"response":%q}}`,
			pick("initiate", "continue", "terminate"), bare, p.session, p.count-1, pick("0", words, ""))
	case "infobip":
		return object(secret+"/session/"+p.session+"/"+pick("start", "response", "end"), `{"msisdn":%q,"text":%q,"shortCode":"*384*123#"}`, bare, pick(code, words, ""))
	case "airtel":
		q := url.Values{"userid": {"airtel"}, "password": {testSecret}, "SessionID": {p.session}}
		if kind == channels.HungUp {
			q.Set("msisdn", bare)
			q.Set("clean", "clean-session")
			q.Set("error", "522")
		} else {
			q.Set("MSISDN", bare)
			q.Set("MSC", "12025550100")
			q.Set("input", pick(strings.Trim(code, "*#"), words, ""))
		}
		return "GET /ussd/airtel?" + q.Encode(), ""
	case "hollatags":
		q := url.Values{"session_msisdn": {bare}, "session_operation": {pick("begin", "continue", "end")}, "session_type": {pick("1", "3", "4")},
			"session_msg": {pick(code, words, "")}, "session_id": {p.session}, "session_from": {"*384*123#"}, "session_mno": {"MTN"}}
		return "GET /ussd/hollatags" + secret + "?" + q.Encode(), ""
	}
	return object("", `{"session":%q,"number":%d,"type":%q,"from":%q,"to":"*384*123#","text":%q}`, p.session, p.count, pick("dial", "answer", "gone"), p.number, pick(code, words, ""))
}

// walker is a resident who answers what a screen asks, and goes on to the end.
type walker struct {
	dialog string
	seen   map[string]int
	lang   *locales.Language
	turns  int
}

// answers is what the walker keys in on a screen.
func (w *walker) answers(p *render.Page) string {
	if w.seen == nil {
		w.seen = map[string]int{}
	}
	w.turns++
	key, more := string(p.Asks), false
	var own []render.Shown
	for _, o := range p.Options {
		if o.ID == w.dialog {
			return o.Digit
		}
		if o.ID == "" {
			more = true
			continue
		}
		own = append(own, o)
		key += " " + o.ID
	}
	w.seen[key]++
	n := w.seen[key]
	switch {
	case more && (len(own) == 0 || p.Asks == engine.Pick && n < 4):
		return "8"
	case p.Asks == dialogs.Choices && p.Skip && n > 1:
		return w.lang.Phrase("@part.done", locales.Full)
	case len(own) > 0:
		if n > 2 && more && n%2 == 1 {
			return "8"
		}
		return own[(n-1)%len(own)].Digit
	}
	entries := map[engine.Asks][]string{
		dialogs.Date: {"10/12/2026", "12/10/2026"}, dialogs.Code: {"482715"}, dialogs.Status: {"311-204-7", "0"}, dialogs.Contact: {"202 555 0123"},
		dialogs.Words: {"The light is out."}, dialogs.Place: {"12 Oak Street"}, dialogs.Number: {"3", "12"}, dialogs.Budget: {"5", "3", "2"},
	}[p.Asks]
	if entries == nil {
		return "1"
	}
	return entries[(n-1)%len(entries)]
}

const longestWalk = 80

// walks goes through a dialog by this phone, from dialling to the last word.
func (p *phone) walks(t testing.TB, dialog, session string) {
	t.Helper()
	w := walker{dialog: dialog, lang: phrases(t).Language("en")}
	p.dials(t, session, "")
	for !p.over && w.turns < longestWalk {
		pages := p.h.pages(p.number)
		if len(pages) != 1 {
			t.Fatalf("%d pages at a time", len(pages))
		}
		p.h.clock.pass(10 * time.Second)
		p.sends(t, channels.Message, w.answers(&pages[0]))
	}
	p.h.clock.pass(10 * time.Second)
	if !p.over {
		p.sends(t, channels.HungUp, "")
	}
}

// records are what the town keeps after all that was said, without what differs from channel to channel by design.
func (h *house) records(t testing.TB) (all []string) {
	t.Helper()
	requests, err := h.store.Requests(t.Context(), store.RequestQuery{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range requests {
		all = append(all, "request "+string(r.Record))
	}
	for _, poll := range []string{"main-street", "city-budget", "bus-survey", "library-hours"} {
		n := 0
		err := h.store.Ballots(t.Context(), poll, func(b store.Ballot) error {
			n++
			all = append(all, poll+" "+string(b.Record))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(all)
	return all
}

// numbered is a number that no real phone has.
func numbered(i int) string { return "+1202555" + fmt.Sprintf("%04d", i) }
