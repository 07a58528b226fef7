package sms

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/signature"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
)

// GatewayConfig is a phone, a modem or an aggregator that speaks the plain protocol of README.md.
type GatewayConfig struct {
	Secret   string // both sides sign with it; at least 16 characters
	URL      string // where texts are pushed; "": the gateway fetches them from /sms/gateway/outbox
	From     string // the number that texts come from, for the gateway to choose a card by; may be ""
	Country  string // two letters: of numbers that come without one
	Pictures bool   // the gateway passes pictures on

	HTTP *http.Client     // nil: one of our own
	Log  *slog.Logger     // nil: none
	Now  func() time.Time // nil: time.Now
}

// Gateway is a town's texts by a phone or modem of its own.
type Gateway struct {
	cfg    GatewayConfig
	secret []byte
	client http.Client
	log    *slog.Logger
	now    func() time.Time
	shelf  shelf
}

var (
	_ channels.Channel = (*Gateway)(nil)
	_ channels.Mounter = (*Gateway)(nil)
)

// What we sign ourselves; a gateway signs the path that it calls. So nothing that one side signed can be given back to it,
// or be taken for something else.
const (
	signedReply = "reply" // an answer to the gateway's own request
	signedPush  = "push"
)

// NewGateway checks c and makes the channel.
func NewGateway(c GatewayConfig) (*Gateway, error) {
	if len(c.Secret) < leastSecret {
		return nil, errors.New("sms: the gateway's secret must have at least 16 characters")
	}
	if u, err := url.Parse(c.URL); c.URL != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		return nil, errors.New("sms: the gateway's address must look like http://192.168.1.20:8081/send")
	}
	g := &Gateway{cfg: c, secret: []byte(c.Secret), log: c.Log, now: c.Now}
	if c.HTTP != nil {
		g.client = *c.HTTP
	} else {
		g.client.Timeout = 20 * time.Second
	}
	g.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if g.log == nil {
		g.log = slog.New(slog.DiscardHandler)
	}
	if g.now == nil {
		g.now = time.Now
	}
	return g, nil
}

func (g *Gateway) Name() string { return GatewayName }

// Traits are those of texts; pictures only where the gateway passes them on.
func (g *Gateway) Traits() render.Traits {
	t := render.SMS
	t.Photo = g.cfg.Pictures
	return t
}

// incoming is a text that the gateway received.
type incoming struct {
	ID    string `json:"id"`
	From  string `json:"from"`
	To    string `json:"to"`
	Text  string `json:"text"`
	Media []struct {
		Type string `json:"type"`
		URL  string `json:"url"`
	} `json:"media"`
	At stamp `json:"at"`
}

// stamp is a time as RFC 3339 or unix seconds.
type stamp struct{ time.Time }

func (s *stamp) UnmarshalJSON(b []byte) error {
	text := strings.Trim(string(b), `"`)
	if text == "" || text == "null" {
		return nil
	}
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
		s.Time = time.Unix(seconds, 0)
		return nil
	}
	at, err := time.Parse(time.RFC3339, text)
	s.Time = at
	return err
}

// outgoing is a text for the gateway to send. The same id again is the same text: it is sent once.
type outgoing struct {
	ID   string `json:"id"`
	From string `json:"from,omitempty"`
	To   string `json:"to"`
	Text string `json:"text"`
}

type spoken struct {
	Text string `json:"text"`
}

// Mount serves POST /sms/gateway, where texts come in and are replied to, GET /sms/gateway/outbox, where a gateway without
// an address of its own fetches pushes, and POST /sms/gateway/report, where it tells what became of them.
func (g *Gateway) Mount(mux *http.ServeMux, in channels.Inbox) {
	mux.HandleFunc("POST /sms/gateway", func(w http.ResponseWriter, r *http.Request) {
		body, ok := g.open(w, r)
		if !ok {
			return
		}
		e, err := g.event(body)
		if errors.Is(err, errNobody) {
			g.log.LogAttrs(r.Context(), slog.LevelInfo, "text message from a name, which can't be answered", slog.String("channel", GatewayName))
			g.reply(w, r, nil)
			return
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if reply, ok := receive(w, r, in, g.log, e); ok {
			g.reply(w, r, reply.Pages)
		}
	})
	mux.HandleFunc("GET /sms/gateway/outbox", func(w http.ResponseWriter, r *http.Request) {
		if _, ok := g.open(w, r); ok {
			g.outbox(w, r)
		}
	})
	mux.HandleFunc("POST /sms/gateway/report", func(w http.ResponseWriter, r *http.Request) {
		body, ok := g.open(w, r)
		if !ok {
			return
		}
		id, d, err := g.delivery(body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		// The first word on a text from the shelf is Deliver's answer: the receipt, or that it failed.
		if g.shelf.taken(id, d) && d.State != channels.Arrived || report(w, r, in, g.log, GatewayName, id, d) {
			g.answer(w, struct{}{})
		}
	})
}

// open reads a request and checks its signature. Where ok is false, it is answered.
func (g *Gateway) open(w http.ResponseWriter, r *http.Request) (body []byte, ok bool) {
	body, err := readBody(w, r)
	if err != nil {
		refuse(w, err)
		return nil, false
	}
	if err := signature.Check(g.secret, r.URL.Path, r.Header, body, g.now()); err != nil {
		g.log.LogAttrs(r.Context(), slog.LevelWarn, "a call as the gateway that can't be trusted", slog.String("channel", GatewayName), slog.Any("reason", err))
		http.Error(w, err.Error(), http.StatusForbidden)
		return nil, false
	}
	channels.Trust(w)
	return body, true
}

func (g *Gateway) event(body []byte) (channels.Event, error) {
	var m incoming
	if err := json.Unmarshal(body, &m); err != nil {
		return channels.Event{}, errors.New("the JSON can't be read: id, from and text are expected")
	}
	if m.ID == "" || m.From == "" {
		return channels.Event{}, errors.New("id or from is missing")
	}
	number, ok := channels.Number(m.From, g.cfg.Country)
	if !ok {
		return channels.Event{}, errNobody
	}
	e := channels.Event{Channel: GatewayName, ID: m.ID, From: channels.Address{Kind: "tel", ID: number}, To: m.To, Words: m.Text, At: g.now()}
	if !m.At.IsZero() && m.At.Before(e.At) {
		e.At = m.At.Time
	}
	for i, p := range m.Media {
		if ref, ok := pictureAddress(p.URL); ok && i < mostMedia {
			e.Media = append(e.Media, engine.Media{Type: p.Type, Ref: ref})
		}
	}
	return e, nil
}

// plainCode is a few letters and at most six digits: codes are kept and logged, so a phone number is none.
var plainCode = regexp.MustCompile(`^-?(?:[A-Za-z][A-Za-z ._-]{0,25})?[0-9]{0,6}$`)

func (g *Gateway) delivery(body []byte) (id string, d channels.Delivery, err error) {
	var m struct {
		ID    string `json:"id"`
		State string `json:"state"`
		Code  string `json:"code"`
		At    stamp  `json:"at"`
	}
	if json.Unmarshal(body, &m) != nil {
		return "", d, errors.New("the JSON can't be read: id and state are expected")
	}
	state, ok := map[string]channels.DeliveryState{"sent": channels.OnItsWay, "delivered": channels.Arrived, "failed": channels.Failed}[m.State]
	if !ok || m.ID == "" {
		return "", d, errors.New("id is missing, or state is not sent, delivered or failed")
	}
	if m.Code != "" && !plainCode.MatchString(m.Code) {
		m.Code = "other"
	}
	d = channels.Delivery{State: state, Code: m.Code, At: g.now()}
	if !m.At.IsZero() && m.At.Before(d.At) {
		d.At = m.At.Time
	}
	return m.ID, d, nil
}

// reply answers a text: as JSON, or as the bare words where the gateway asks for text/plain, as a shell script does.
func (g *Gateway) reply(w http.ResponseWriter, r *http.Request, pages []render.Page) {
	if strings.HasPrefix(r.Header.Get("Accept"), "text/plain") {
		g.write(w, "text/plain; charset=utf-8", []byte(joined(pages)))
		return
	}
	replies := make([]spoken, 0, len(pages))
	for i := range pages {
		if text := plain(pages[i].Text); strings.TrimSpace(text) != "" {
			replies = append(replies, spoken{text})
		}
	}
	g.answer(w, map[string]any{"replies": replies})
}

// outbox answers with what waits: as JSON, or a line a text (id, number and words with tabs between, \n and \\ for a line
// feed and a backslash, as printf %b reads them) where the gateway asks for text/plain.
func (g *Gateway) outbox(w http.ResponseWriter, r *http.Request) {
	waiting := g.shelf.waiting()
	if !strings.HasPrefix(r.Header.Get("Accept"), "text/plain") {
		g.answer(w, map[string]any{"messages": waiting})
		return
	}
	var b []byte
	for _, m := range waiting {
		b = append(b, m.ID+"\t"+m.To+"\t"+oneLine.Replace(m.Text)+"\n"...)
	}
	g.write(w, "text/plain; charset=utf-8", b)
}

var oneLine = strings.NewReplacer("\\", `\\`, "\n", `\n`, "\t", " ")

func (g *Gateway) answer(w http.ResponseWriter, v any) {
	b, _ := json.Marshal(v) // plain values: can't fail
	g.write(w, "application/json", b)
}

func (g *Gateway) write(w http.ResponseWriter, kind string, b []byte) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Length", strconv.Itoa(len(b)))
	h.Set("Cache-Control", "no-store")
	signature.Put(g.secret, signedReply, h, b, g.now())
	w.Write(b)
}
