package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/kiosk"
)

// Limits of one request. Providers send a few kilobytes within a second; Twilio waits 15 s for an answer.
const (
	mostHeader  = 32 << 10
	mostBody    = 1 << 20
	headerTime  = 5 * time.Second
	requestTime = 15 * time.Second
	answerTime  = 40 * time.Second // the preview's page waits up to 20 s for news
	idleTime    = 2 * time.Minute
	drainTime   = 10 * time.Second

	// slowLine is how many bytes a second come at least where pictures and recordings may: a phone on a line of 50 kbit/s
	// shares it with others.
	slowLine = 4 << 10
)

// server is the HTTP side of a running town.
type server struct {
	mux      *http.ServeMux
	large    map[string]int64 // path → bytes of one request, where more than mostBody may come
	log      *slog.Logger
	ready    func(context.Context) error // nil when the town can take a message now
	header   time.Duration               // for the head of a request to be there
	reads    time.Duration               // and for the whole
	sources  *sources
	public   string         // how residents reach the town
	readers  []netip.Prefix // of the figures; nil: who is near
	leave    time.Duration  // that it says it is going before it takes nothing more
	draining atomic.Bool
	told     atomic.Int64                    // when it was last logged that somebody was turned away
	follow   func(http.Handler) http.Handler // nil: requests are not traced
	requests *prometheus.CounterVec
	unnamed  prometheus.Counter
	took     *prometheus.HistogramVec
}

const unnamedFigure = "townline_http_unnamed_proxy_total"

func newServer(log *slog.Logger, metrics *prometheus.Registry, ready func(context.Context) error) *server {
	s := &server{
		mux: http.NewServeMux(), large: map[string]int64{}, log: log, ready: ready, header: headerTime, reads: requestTime, sources: newSources(nil),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "townline_http_requests_total", Help: "Requests answered, by the route and the status.",
		}, []string{"route", "status"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "townline_http_seconds", Help: "Time to answer a request, by the route.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, 1, 5},
		}, []string{"route"}),
	}
	s.unnamed = prometheus.NewCounter(prometheus.CounterOpts{Name: unnamedFigure, Help: "Requests by a proxy that nobody named in proxies."})
	metrics.MustRegister(s.requests, s.took, s.unnamed)
	s.requests.WithLabelValues("crowded", strconv.Itoa(http.StatusServiceUnavailable)) // from the start, so that the first is seen as a rise
	s.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "alive") })
	s.mux.HandleFunc("GET /readyz", s.showReady)
	s.mux.Handle("GET /metrics", s.inside(promhttp.HandlerFor(metrics, promhttp.HandlerOpts{})))
	return s
}

// takes lets larger requests through on a path: pictures and recordings. Call it before serve.
func (s *server) takes(path string, most int64) { s.large[path] = most }

// handler is the whole, with what holds for every request around it.
func (s *server) handler() http.Handler {
	var h http.Handler = s.mux
	if s.follow != nil {
		h = s.follow(h)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := time.Now()
		from, page := s.sources.of(r), isPage(r.URL.Path)
		if from.shared && !from.proxy && !from.near {
			s.unnamed.Inc()
		}
		if from.near && isProbe(r.URL.Path) {
			from = origin{} // a balancer that is sent away takes the whole server out
		}
		seen := &proving{answered: answered{ResponseWriter: w}, sources: s.sources, from: from, page: page}
		if from != (origin{}) {
			if seen.body = newArriving(w, r); seen.body != nil {
				r.Body = seen.body
			}
		}
		if v := s.sources.begin(from, page, seen.body); v != welcome {
			s.turnAway(w, v, from)
			return
		}
		for _, h := range guards {
			w.Header()[h[0]] = h[1:]
		}
		defer func() {
			seen.ended()
			if p := recover(); p != nil {
				// What the panic says may hold what a resident said; where it happened doesn't.
				s.log.Error("a request failed", "route", r.Pattern, "panic", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
				if seen.status == 0 {
					seen.WriteHeader(http.StatusInternalServerError)
				}
			}
			route := r.Pattern
			if route == "" {
				route = "none"
			}
			s.requests.WithLabelValues(route, strconv.Itoa(seen.code())).Inc()
			s.took.WithLabelValues(route).Observe(time.Since(begun).Seconds())
		}()
		most := s.large[r.URL.Path]
		if most > mostBody {
			r.Body = &upload{ReadCloser: r.Body, line: http.NewResponseController(w), until: begun.Add(s.reads)}
		}
		r.Body = http.MaxBytesReader(seen, r.Body, max(mostBody, most))
		h.ServeHTTP(seen, r)
	})
}

// isPage says whether a path is one that residents and clerks look at themselves, or that is fetched to be heard: nothing there is
// signed, so that nothing can be forged, and who shares an address with a forger loses nothing.
func isPage(path string) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return first == kiosk.Name || first == kiosk.WebName || first == "desk" || strings.HasPrefix(path, soundPath)
}

// isProbe says whether a path is one that those ask who watch the server.
func isProbe(path string) bool { return path == "/healthz" || path == "/readyz" || path == "/metrics" }

// guards are headers of every answer; a page that needs more than nothing says so itself.
var guards = [...][]string{
	{"X-Content-Type-Options", "nosniff"},
	{"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
	{"Referrer-Policy", "no-referrer"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
}

// turnAway answers without a look at the request, and has the connection closed, so that nothing more of it is read. That of a proxy
// is others' too.
func (s *server) turnAway(w http.ResponseWriter, v verdict, from origin) {
	status, why := http.StatusServiceUnavailable, "crowded"
	if v == shutOut {
		status, why = http.StatusTooManyRequests, "shut out"
	}
	if !from.proxy && !from.shared {
		w.Header().Set("Connection", "close")
	}
	w.Header().Set("Retry-After", "5")
	w.WriteHeader(status)
	if last, now := s.told.Load(), time.Now().Unix(); now-last >= 60 && s.told.CompareAndSwap(last, now) {
		s.log.Warn("requests are turned away before they are looked at", "why", why, "proxy", from.proxy, "proxy_that_nobody_named", from.shared && !from.proxy)
	}
	s.requests.WithLabelValues(why, strconv.Itoa(status)).Inc()
}

// upload is a large body on its way: as long as it keeps coming, it may take longer than other requests.
type upload struct {
	io.ReadCloser
	line  *http.ResponseController
	until time.Time
}

func (u *upload) Read(b []byte) (int, error) {
	n, err := u.ReadCloser.Read(b)
	if n > 0 {
		u.until = u.until.Add(time.Duration(n) * time.Second / slowLine)
		// Where there is no line to be patient with, as in tests, there is nothing that would be cut off either.
		_ = u.line.SetReadDeadline(u.until)
		_ = u.line.SetWriteDeadline(u.until.Add(answerTime))
	}
	return n, err
}

// serve answers on l until ctx ends, and a while longer in which it says that it is going; then it lets requests under way finish.
func (s *server) serve(ctx context.Context, l net.Listener) error {
	only := &http.Protocols{}
	only.SetHTTP1(true) // a proxy in front speaks whatever callers like
	h := &http.Server{
		Protocols: only,
		Handler:   s.handler(), MaxHeaderBytes: mostHeader, ReadHeaderTimeout: s.header, ReadTimeout: s.reads,
		WriteTimeout: answerTime, IdleTimeout: idleTime, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 1)
	go func() { failed <- h.Serve(lined{l, s.sources}) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	s.draining.Store(true)
	if s.leave > 0 {
		s.log.Info("not ready any more, and still here", "for", s.leave)
		select {
		case err := <-failed:
			return err
		case <-time.After(s.leave):
		}
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	if err := h.Shutdown(end); err != nil {
		return errors.Join(fmt.Errorf("requests were cut off: %w", err), h.Close())
	}
	return nil
}

func (s *server) showReady(w http.ResponseWriter, r *http.Request) {
	if s.draining.Load() {
		http.Error(w, "shutting down", http.StatusServiceUnavailable)
		return
	}
	ctx, done := context.WithTimeout(r.Context(), 2*time.Second)
	defer done()
	if err := s.ready(ctx); err != nil {
		s.log.Warn("not ready", "error", err)
		http.Error(w, "the store does not answer", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ready")
}

// inside answers only who may read the figures: whom s.readers names, or else callers in the same network.
func (s *server) inside(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		may := channels.Near(r, s.public)
		if len(s.readers) > 0 {
			at, err := s.sources.proxies.Origin(r)
			if here := channels.Peer(r); here.IsLoopback() && may { // whose proxies may be here, too
				at, err = here, nil
			}
			may = err == nil && (channels.Within(s.readers, at) || may && at.IsLoopback())
		}
		if !may {
			http.NotFound(w, r)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// proving is the answer to a request that may prove who it is from.
type proving struct {
	answered
	sources *sources
	from    origin
	page    bool
	body    *arriving // nil: there is none
	trusted bool
}

// Trust is for channels.Trust.
func (p *proving) Trust() {
	if !p.trusted {
		p.trusted = true
		p.sources.trust(p.from, p.body)
	}
}

func (p *proving) ended() {
	if !p.trusted {
		p.trusted = true
		p.sources.end(p.from, p.body, !p.page && (p.status == http.StatusForbidden || p.status == http.StatusUnauthorized))
	}
}

// answered remembers the status that was written.
type answered struct {
	http.ResponseWriter
	status int
}

func (a *answered) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answered) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	return a.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController through.
func (a *answered) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *answered) code() int {
	if a.status == 0 {
		return http.StatusOK
	}
	return a.status
}
