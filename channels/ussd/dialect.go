package ussd

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/menu"
)

// dialect is how one gateway speaks.
type dialect struct {
	name string
	get  bool   // its requests come by GET, with everything in the address
	post bool   // its requests come by POST
	json bool   // their body is an object of JSON, else a form
	most int    // septets that it takes on one screen, whatever the network can show; 0: all
	code bool   // it must be known what is dialled, since a first request looks like any other
	path string // what it adds to the address that it is told to call
	look string // the same of what it gets; "": as path

	// read finds what a request says. An error is for whoever sets the gateway up: it holds nothing of the request.
	read func(r *request) (asked, error)
	// write puts an answer: the screen of a turn, or nothing but that the end of a session was noted.
	write func(w *answer, a *asked, s menu.Screen)
}

// dialects are all that are spoken. The list is whole: a new one goes here.
func dialects() []dialect {
	return []dialect{
		{name: "africastalking", post: true, read: readAfricasTalking, write: writeConEnd},
		{name: "hubtel", post: true, json: true, read: readHubtel, write: writeHubtel},
		// MSG: 120 characters (Nalo's documentation, table 2.1).
		{name: "nalo", post: true, json: true, most: 120, read: readNalo, write: writeNalo},
		{name: "arkesel", post: true, json: true, read: readArkesel, write: writeArkesel},
		{name: "beem", post: true, json: true, read: readBeem, write: writeBeem},
		{name: "infobip", get: true, post: true, json: true, path: "/session/{session}/{act}", look: "/session/{session}/status", read: readInfobip, write: writeInfobip},
		{name: "airtel", get: true, code: true, read: readAirtel, write: writeAirtel},
		// session_msg: 160 characters (docs.hollatags.com/ussd/inbound).
		{name: "hollatags", get: true, post: true, most: 160, read: readHollatags, write: writeHollatags},
		{name: Plain, post: true, json: true, read: readPlain, write: writePlain},
	}
}

// Dialects are the names of the gateways that can be spoken with.
func Dialects() []string {
	var names []string
	for _, d := range dialects() {
		names = append(names, d.name)
	}
	return names
}

func dialectOf(name string) (dialect, bool) {
	all := dialects()
	i := slices.IndexFunc(all, func(d dialect) bool { return d.name == name })
	if i < 0 {
		return dialect{}, false
	}
	return all[i], true
}

// request is one request, trusted and not understood yet.
type request struct {
	form    url.Values // of the address and, where the dialect has one, of the body
	body    []byte
	session string // from the path: Infobip
	act     string // from the path: Infobip
	code    string // that residents dial, as it was set; ""
}

// asked is what a request says.
type asked struct {
	kind    channels.EventKind // Dialed, Message or HungUp
	session channels.Session
	number  string // of the phone, as the gateway writes it
	to      string // that was dialled, as far as the gateway says
	words   string
	checks  bool              // it only asks whether we are there: nothing is handed on
	echo    map[string]string // fields to be given back as they came
}

// event in the town's terms.
func (a *asked) event(channel, number string) channels.Event {
	session := a.session
	return channels.Event{
		Channel: channel, From: channels.Address{Kind: "tel", ID: number}, To: a.to, Kind: a.kind,
		Words: strings.ToValidUTF8(a.words, "\uFFFD"), Session: &session,
	}
}

// answer is what goes back to a gateway.
type answer struct {
	header http.Header
	body   []byte
	plain  bool // it is asked for in bare words
}

func (w *answer) text(s string) {
	w.header.Set("Content-Type", "text/plain; charset=utf-8")
	w.body = []byte(s)
}

var errNoNumber = errors.New("the phone's number is missing")

// mostSession is how long a gateway's id of a session may be.
const mostSession = 200

// session checks an id. Where must is false there may be none.
func session(id string, must bool) (string, error) {
	if id == "" && must {
		return "", errors.New("the session's id is missing")
	}
	if len(id) > mostSession {
		return "", errors.New("the session's id is too long")
	}
	return id, nil
}

// dialled is what was dialled after the town's code: "1" of *384*123*1#. It is "" where the code isn't known.
func dialled(all, code string) (words string, ok bool) {
	all, code = stem(all), stem(code)
	if code == "" {
		return "", false
	}
	rest, ok := strings.CutPrefix(all, code)
	if !ok || rest == "" {
		return "", ok
	}
	words, ok = strings.CutPrefix(rest, "*")
	if !ok || strings.Trim(words, "0123456789*#") != "" {
		return "", false
	}
	return words, true
}

// stem of a code: "384*123" of *384*123#, however the gateway writes it.
func stem(code string) string {
	return strings.Trim(strings.TrimSpace(code), "*#")
}

// place of a request in its session, where the gateway counts; 0: it doesn't.
func place(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > 1<<20 {
		return 0
	}
	return n
}
