package channeltest

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/townline/townline/channels"
)

// tooLarge sends bodies that are as large as they may be, and larger, with their length and without.
func tooLarge(b *bench) {
	p := b.onPaper()
	w := b.door
	x := w.one("1")
	if len(x.body) == 0 {
		b.Log("its requests have no body")
		x.r.URL.RawQuery += "&x=" + strings.Repeat("y", 1<<20)
		x.r.RequestURI = x.r.URL.RequestURI()
		if a := w.ask(x.request()); a.Verdict != Refused || p.all() > 0 {
			b.Errorf("an address of a megabyte: %s (%s)", a.Verdict, a.Said)
		}
		return
	}
	if b.s.HTTP.Most == 0 {
		b.Fatal("how much it takes isn't said")
	}
	if b.s.HTTP.Most > 16<<20 {
		b.Fatalf("%d bytes of one body fill the memory, as many come at once", b.s.HTTP.Most)
	}
	for _, unsaid := range []bool{false, true} {
		x := w.one("1")
		x.body = append(x.body, bytes.Repeat([]byte(" "), b.s.HTTP.Most+1-len(x.body))...)
		if w.h.Sign != nil {
			w.h.Sign(x.r, x.body)
		}
		r := x.request()
		if unsaid {
			r.ContentLength = -1
		}
		if a := w.ask(r); a.Status != http.StatusRequestEntityTooLarge {
			b.Errorf("a body of %d bytes, its length left out %v: status %d, want 413", len(x.body), unsaid, a.Status)
		}
	}
	r := w.one("1").request()
	body := &endless{}
	r.Body, r.ContentLength = body, -1
	if a := w.ask(r); a.Verdict != Refused {
		b.Errorf("a body without end: %s (%s)", a.Verdict, a.Said)
	}
	if body.given > 4*b.s.HTTP.Most {
		b.Errorf("%d bytes of a body without end were read", body.given)
	}
	if p.all() > 0 {
		b.Error("the town heard of it")
	}
}

// endless is a body that goes on.
type endless struct{ given int }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	e.given += len(p)
	return len(p), nil
}

func (e *endless) Close() error { return nil }

// dribble sends a request byte by byte, behind a server that is set up as the town's: it is cut off, and nothing came through.
func dribble(b *bench) {
	p := b.onPaper()
	w := b.door
	x := w.write(w.h.Request(b.resident(0).next(channels.Dialed, "")), true)
	if len(x.body) == 0 {
		b.Log("its requests have no body; headers are the server's matter")
		return
	}
	served := &pipes{lines: make(chan net.Conn), closed: make(chan struct{})}
	server := &http.Server{Handler: w.mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, WriteTimeout: 40 * time.Second}
	go func() { _ = server.Serve(served) }()
	defer server.Close()
	ours, theirs := net.Pipe()
	served.lines <- theirs
	var head bytes.Buffer
	r := x.request()
	r.Host, r.Body = "127.0.0.1", io.NopCloser(bytes.NewReader(x.body))
	r.URL.Host = "127.0.0.1"
	if err := r.Write(&head); err != nil {
		b.Fatal(err)
	}
	whole := head.Bytes()
	at := bytes.Index(whole, []byte("\r\n\r\n")) + 4
	answered := make(chan string, 1)
	go func() {
		got, _ := io.ReadAll(ours)
		answered <- string(got)
	}()
	if _, err := ours.Write(whole[:at]); err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	for _, c := range whole[at:] {
		time.Sleep(time.Second + 20*time.Second/time.Duration(len(x.body)))
		if _, err := ours.Write([]byte{c}); err != nil {
			break
		}
		if time.Since(began) > time.Minute {
			break
		}
	}
	if took := time.Since(began); took > 20*time.Second {
		b.Errorf("who sends a byte a second is listened to for %v", took)
	}
	ours.Close()
	if got := <-answered; strings.HasPrefix(got, "HTTP/1.1 2") || strings.HasPrefix(got, "HTTP/1.1 5") {
		b.Errorf("who sends a byte a second is answered %.40q", got)
	}
	if p.all() > 0 {
		b.Error("the town heard of it")
	}
}

// pipes is a listener whose lines have no length.
type pipes struct {
	lines  chan net.Conn
	closed chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.lines:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	select {
	case <-p.closed:
	default:
		close(p.closed)
	}
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// methods asks in ways that the provider never does.
func methods(b *bench) {
	p := b.onPaper()
	w := b.door
	good := w.one("1")
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "X"} {
		if method == good.r.Method || method == w.h.Also || method == "HEAD" && (good.r.Method == "GET" || w.h.Also == "GET") {
			continue
		}
		x := w.one("1")
		x.r.Method = method
		if w.h.Sign != nil {
			w.h.Sign(x.r, x.body)
		}
		if a := w.ask(x.request()); a.Status != http.StatusMethodNotAllowed && a.Status != http.StatusNotFound {
			b.Errorf("%s: status %d, want 405", method, a.Status)
		}
	}
	if good.r.Method == "GET" {
		x := w.one("1")
		x.r.Method = "HEAD"
		w.ask(x.request())
	}
	if p.all() > 0 {
		b.Error("the town heard of it")
	}
	if len(good.body) == 0 || w.h.AnyType {
		return
	}
	for _, kind := range []string{"image/png", "text/html", "multipart/form-data; boundary=x", ";;;", "application/octet-stream"} {
		x := w.one("1")
		x.r.Header.Set("Content-Type", kind)
		if w.h.Sign != nil {
			w.h.Sign(x.r, x.body)
		}
		if a := w.ask(x.request()); a.Verdict != Refused {
			b.Errorf("a body of type %q: %s (%s)", kind, a.Verdict, a.Said)
		}
	}
	if p.all() > 0 {
		b.Error("the town heard of it")
	}
}
