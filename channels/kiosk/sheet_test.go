package kiosk_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// sheet is one page as a browser reads it that knows nothing but forms.
type sheet struct {
	url     string
	status  int
	lang    string
	title   string
	heading string
	words   string // all that is to be read
	form    bool
	action  string
	hidden  url.Values
	cards   []card
	fields  []field
	buttons []press
	photo   bool     // a picture can be given
	stops   []string // what a text browser's Tab comes to, in its order: "o=2", "do=next", "v", "v#1", "t", or a link's address
}

// card is an option.
type card struct {
	name, digit, words string
	many, chosen       bool
}

// field is something to type into.
type field struct{ id, name, words, value, stop, kind string }

// press is a button.
type press struct{ name, value, words string }

func (s *sheet) has(do string) bool {
	return slices.ContainsFunc(s.buttons, func(b press) bool { return b.value == do })
}

// digit of the card with these words; "" when there is none.
func (s *sheet) digit(words string) string {
	for _, c := range s.cards {
		if strings.Contains(c.words, words) {
			return c.digit
		}
	}
	return ""
}

// read takes a page apart.
func read(url_ string, status int, r io.Reader) (*sheet, error) {
	top, err := html.Parse(r)
	if err != nil {
		return nil, err
	}
	s := &sheet{url: url_, status: status, hidden: url.Values{}}
	labels := map[string]string{} // for=ID
	var all func(n *html.Node, visit func(*html.Node))
	all = func(n *html.Node, visit func(*html.Node)) {
		visit(n)
		for c := range n.ChildNodes() {
			all(c, visit)
		}
	}
	all(top, func(n *html.Node) {
		if n.Type == html.ElementNode && n.Data == "label" && attribute(n, "for") != "" {
			labels[attribute(n, "for")] = text(n)
		}
	})
	all(top, func(n *html.Node) {
		if n.Type != html.ElementNode {
			return
		}
		switch n.Data {
		case "html":
			s.lang = attribute(n, "lang")
		case "title":
			if s.title == "" && n.Parent.Data == "head" {
				s.title = text(n)
			}
		case "h1":
			s.heading = text(n)
		case "body":
			s.words = text(n)
		case "a":
			if given(n, "href") {
				s.stops = append(s.stops, attribute(n, "href"))
			}
		case "form":
			if attribute(n, "id") == "f" {
				s.form = true
				s.action = attribute(n, "action")
			}
		}
		name, value := attribute(n, "name"), attribute(n, "value")
		stop := name
		if slices.Contains([]string{"input", "textarea", "select", "button"}, n.Data) && attribute(n, "type") != "hidden" && (n.Data != "button" || text(n) != "") {
			if n.Data == "button" || attribute(n, "type") == "radio" || attribute(n, "type") == "checkbox" || attribute(n, "type") == "submit" {
				stop += "=" + value
			}
			for k, same := 1, stop; slices.Contains(s.stops, stop); k++ {
				stop = fmt.Sprintf("%s#%d", same, k)
			}
			s.stops = append(s.stops, stop)
		}
		if !inForm(n) {
			return
		}
		words := labels[attribute(n, "id")]
		if l := around(n, "label"); l != nil {
			words = text(l)
		}
		switch n.Data {
		case "input":
			switch attribute(n, "type") {
			case "hidden":
				s.hidden.Add(name, value)
			case "radio", "checkbox":
				s.cards = append(s.cards, card{name, value, words, attribute(n, "type") == "checkbox", given(n, "checked")})
			case "file":
				s.photo = s.photo || name == "photo"
			case "submit":
				s.buttons = append(s.buttons, press{name, value, value})
			default:
				s.fields = append(s.fields, field{attribute(n, "id"), name, words, value, stop, attribute(n, "inputmode")})
			}
		case "textarea":
			s.fields = append(s.fields, field{attribute(n, "id"), name, words, strings.TrimPrefix(text(n), "\n"), stop, "textarea"})
		case "select":
			s.fields = append(s.fields, field{attribute(n, "id"), name, words, "", stop, "select"})
		case "button":
			s.buttons = append(s.buttons, press{name, value, text(n)})
		}
	})
	return s, nil
}

func inForm(n *html.Node) bool {
	if id := attribute(n, "form"); id != "" {
		return id == "f"
	}
	f := around(n, "form")
	return f != nil && attribute(f, "id") == "f"
}

func around(n *html.Node, tag string) *html.Node {
	for p := n.Parent; p != nil; p = p.Parent {
		if p.Type == html.ElementNode && p.Data == tag {
			return p
		}
	}
	return nil
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func given(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

// text is what can be read of a node, with single spaces.
func text(n *html.Node) string {
	var b strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		switch {
		case n.Type == html.TextNode:
			b.WriteString(n.Data)
		case n.Type == html.ElementNode && (n.Data == "script" || n.Data == "style" || given(n, "hidden")):
			return
		}
		for c := range n.ChildNodes() {
			walk(c)
		}
		if n.Type == html.ElementNode && !slices.Contains([]string{"span", "b", "strong", "a"}, n.Data) {
			b.WriteByte(' ')
		}
	}
	walk(n)
	return strings.Join(strings.Fields(b.String()), " ")
}

// caller is somebody at a browser that knows nothing but forms: no script, no style, no cache. It does without a network.
type caller struct {
	server  func() http.Handler // asked each time: a server may be another one by then
	base    string              // "/kiosk" or "/web"
	cookies map[string]string
	at      *sheet
	html    string      // of the last answer
	heads   http.Header // of the last answer
	bytes   int         // of the last answer, compressed, with its headers
	lang    string
}

// newCaller comes to the first page.
func newCaller(server func() http.Handler, base string) (*caller, error) {
	c := &caller{server: server, base: base, cookies: map[string]string{}, lang: "en"}
	return c, c.get(base)
}

func (c *caller) get(path string) error { return c.ask(http.MethodGet, path, nil) }

// send submits the form as it is, with what else is given; a value given replaces one of the form's.
func (c *caller) send(do string, more url.Values) error {
	v := url.Values{}
	for name, l := range c.at.hidden {
		v[name] = l
	}
	for _, f := range c.at.fields {
		v[f.name] = append(v[f.name], f.value)
	}
	for _, k := range c.at.cards {
		if k.chosen {
			v.Add(k.name, k.digit)
		}
	}
	for name, l := range more {
		v[name] = l
	}
	if do != "" {
		v.Set("do", do)
	}
	return c.post(v)
}

func (c *caller) post(v url.Values) error { return c.ask(http.MethodPost, c.target(), v) }

// target is where the form goes.
func (c *caller) target() string {
	if c.at == nil || c.at.action == "" {
		return c.where()
	}
	return c.at.action
}

func (c *caller) where() string {
	if c.at == nil {
		return c.base
	}
	return c.at.url
}

func (c *caller) ask(method, path string, v url.Values) error {
	for range 5 {
		var body io.Reader
		if method == http.MethodPost {
			body = strings.NewReader(v.Encode())
		}
		r := httptest.NewRequest(method, "http://127.0.0.1"+path, body)
		if body != nil {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Origin", "http://127.0.0.1")
			r.Header.Set("Sec-Fetch-Site", "same-origin")
		}
		r.Header.Set("Accept-Encoding", "gzip")
		r.Header.Set("Accept-Language", c.lang)
		for name, value := range c.cookies {
			r.AddCookie(&http.Cookie{Name: name, Value: value})
		}
		w := httptest.NewRecorder()
		c.server().ServeHTTP(w, r)
		res := w.Result()
		for _, k := range res.Cookies() {
			if k.MaxAge < 0 || k.Value == "" {
				delete(c.cookies, k.Name)
			} else {
				c.cookies[k.Name] = k.Value
			}
		}
		if to := res.Header.Get("Location"); res.StatusCode >= 300 && res.StatusCode < 400 {
			next, err := r.URL.Parse(to)
			if err != nil {
				return err
			}
			method, path, v = http.MethodGet, next.RequestURI(), nil
			continue
		}
		c.heads, c.bytes = res.Header, w.Body.Len()+headerBytes(res.Header)
		page := io.Reader(w.Body)
		if res.Header.Get("Content-Encoding") == "gzip" {
			z, err := gzip.NewReader(w.Body)
			if err != nil {
				return err
			}
			page = z
		}
		b, err := io.ReadAll(page)
		if err != nil {
			return err
		}
		c.html = string(b)
		s, err := read(path, res.StatusCode, bytes.NewReader(b))
		if err != nil {
			return err
		}
		if c.at = s; s.status != http.StatusOK {
			return fmt.Errorf("%s %s: status %d: %.200s", method, path, s.status, s.words)
		}
		return nil
	}
	return fmt.Errorf("%s leads from page to page", path)
}

// headerBytes is what the status line and headers of an answer take over HTTP/1.1, with the Date and Content-Length that
// net/http adds.
func headerBytes(h http.Header) int {
	n := len("HTTP/1.1 200 OK\r\n\r\n")
	for name, l := range h {
		for _, v := range l {
			n += len(name) + len(": \r\n") + len(v)
		}
	}
	for _, added := range []string{"Date: Mon, 02 Jan 2006 15:04:05 GMT\r\n", "Content-Length: 12345\r\n"} {
		if h.Get(added[:strings.IndexByte(added, ':')]) == "" {
			n += len(added)
		}
	}
	return n
}
