package outpost

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

// Browser keeps Chromium open over the machine's whole screen: for each visitor a new one, in a new profile that lies in
// memory where there is any, so that nothing of the one before is left to be found. Run keeps it going; Fresh asks for a
// new one.
type Browser struct {
	Path  string   // of Chromium
	Name  string   // of the kiosk: two on one machine leave each other's browsers alone
	URL   string   // to open
	Scale float64  // dots of the screen in one CSS pixel; 0: as the system has it
	Mic   bool     // pages may record without asking: there is nobody who could answer the browser's question
	Flags []string // more of Chromium's
	Dir   string   // where profiles lie; "": in memory, or where temporary files do
	Log   *slog.Logger

	late  time.Duration // a browser that hasn't asked for its page by then hangs; 0: lateTime
	mu    sync.Mutex
	fresh chan struct{}
	shown map[string]chan struct{} // by the names of browsers that have not shown their page yet
	count int
}

const (
	// showTime is how long a new browser may take to show its page before the old one goes all the same.
	showTime = 8 * time.Second
	// overlap is how long the old browser stays after the new one has asked for its page, so that the screen isn't blank.
	overlap = 700 * time.Millisecond
	// lateTime is how long a browser may take to ask for its page at all: a slow machine takes some seconds.
	lateTime = time.Minute
	// steady is how long a browser has to live for the next to be started at once when it dies.
	steady = 10 * time.Second
)

// Fresh asks for a new browser: the visit is over. It does not block.
func (b *Browser) Fresh() {
	select {
	case b.bell() <- struct{}{}:
	default:
	}
}

func (b *Browser) bell() chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fresh == nil {
		b.fresh = make(chan struct{}, 1)
	}
	return b.fresh
}

// Shown tells that the browser called name asks for its page: the name is in the URL that it was given, as "screen".
func (b *Browser) Shown(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c, ok := b.shown[name]; ok {
		close(c)
		delete(b.shown, name)
	}
}

// window is one Chromium and its profile.
type window struct {
	cmd     *exec.Cmd
	profile string
	begun   time.Time
	shown   chan struct{}
	died    chan struct{}
	late    *time.Timer // until it is taken for one that hangs
	name    string
}

// Run keeps one browser on the screen until ctx ends. A browser that dies is replaced.
func (b *Browser) Run(ctx context.Context) error {
	log := b.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if err := b.sweep(); err != nil {
		return err
	}
	now, err := b.open(ctx)
	if err != nil {
		return err
	}
	defer func() { now.close() }()
	pause := time.Second
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-now.hangs():
			select {
			case <-now.shown: // meanwhile
				continue
			default:
			}
			log.Warn("the browser shows nothing; here is another")
			next, err := b.open(ctx)
			if err != nil {
				return err
			}
			now.close()
			now = next
		case <-b.bell():
			next, err := b.open(ctx)
			if err != nil {
				log.Error("no new browser: the old one must go all the same", "error", err)
				now.close() // its visitor's page must not stay; the next turn of the loop opens another
				continue
			}
			wait(ctx, next.shown, next.died, showTime)
			wait(ctx, nil, nil, overlap)
			now.close()
			now = next
		case <-now.died:
			now.close()
			if time.Since(now.begun) < steady {
				wait(ctx, nil, nil, pause)
				pause = min(2*pause, 30*time.Second)
			} else {
				pause = time.Second
			}
			if ctx.Err() != nil {
				return nil
			}
			log.Warn("the browser died; here is another")
			next, err := b.open(ctx)
			if err != nil {
				return err
			}
			now = next
		}
	}
}

// hangs gets a value when a browser hasn't asked for its page for too long; nil when it has asked.
func (w *window) hangs() <-chan time.Time {
	select {
	case <-w.shown:
		return nil
	default:
	}
	return w.late.C
}

// sweep removes what a program that was killed has left behind: nobody's page may lie about.
func (b *Browser) sweep() error {
	for _, what := range []string{"screen", "paper", "slip"} {
		left, err := filepath.Glob(filepath.Join(b.dir(), b.folder(what)))
		if err != nil {
			return fmt.Errorf("outpost: %w", err)
		}
		for _, dir := range left {
			if err := os.RemoveAll(dir); err != nil {
				return fmt.Errorf("outpost: what an earlier browser left can't be removed: %w", err)
			}
		}
	}
	return nil
}

// wait until one of these happens or d has passed.
func wait(ctx context.Context, a, b <-chan struct{}, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-a:
	case <-b:
	case <-t.C:
	case <-ctx.Done():
	}
}

// open starts a browser.
func (b *Browser) open(ctx context.Context) (*window, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	profile, err := os.MkdirTemp(b.dir(), b.folder("screen")) // 0700
	if err != nil {
		return nil, fmt.Errorf("outpost: a profile for the browser: %w", err)
	}
	w := &window{profile: profile, begun: time.Now(), shown: make(chan struct{}), died: make(chan struct{}), late: time.NewTimer(cmp.Or(b.late, lateTime))}
	b.mu.Lock()
	b.count++
	w.name = strconv.Itoa(b.count)
	if b.shown == nil {
		b.shown = map[string]chan struct{}{}
	}
	b.shown[w.name] = w.shown
	b.mu.Unlock()
	w.cmd = exec.Command(b.Path, b.flags(profile, w.name)...)
	ownGroup(w.cmd)
	if err := w.cmd.Start(); err != nil {
		os.RemoveAll(profile)
		return nil, fmt.Errorf("outpost: open the browser: %w", err)
	}
	go func() {
		_ = w.cmd.Wait()
		close(w.died)
	}()
	return w, nil
}

// close ends a browser, with all its processes, and removes its profile.
func (w *window) close() {
	w.late.Stop()
	killGroup(w.cmd)
	<-w.died
	for range 20 { // children of the browser may still be writing
		if err := os.RemoveAll(w.profile); err == nil {
			return
		}
		wait(context.Background(), nil, nil, 50*time.Millisecond)
	}
}

// folder is the pattern of the names of this kiosk's folders. Whatever the kiosk is called, it is of no other's.
func (b *Browser) folder(what string) string {
	if b.Name == "" {
		return "townline-" + what + "-*"
	}
	return fmt.Sprintf("townline-%08x-%s-*", crc32.ChecksumIEEE([]byte(b.Name)), what)
}

// dir is a folder in memory where there is one.
func (b *Browser) dir() string {
	if b.Dir != "" {
		return b.Dir
	}
	for _, d := range []string{os.Getenv("XDG_RUNTIME_DIR"), "/dev/shm"} {
		if info, err := os.Stat(d); d != "" && err == nil && info.IsDir() {
			return d
		}
	}
	return os.TempDir()
}

// flags of Chromium: the whole screen, nothing kept, nothing asked, nowhere else to go, no call home.
func (b *Browser) flags(profile, name string) []string {
	out := []string{
		"--kiosk", "--incognito", "--user-data-dir=" + profile, "--disk-cache-dir=" + profile + "/cache",
		"--no-first-run", "--no-default-browser-check", "--noerrdialogs", "--disable-session-crashed-bubble", "--hide-crash-restore-bubble",
		"--disable-features=Translate,MediaRouter,PasswordManagerOnboarding,AutofillServerCommunication,InterestFeedContentSuggestions",
		"--disable-pinch", "--overscroll-history-navigation=0", "--disable-sync", "--disable-extensions", "--disable-default-apps",
		"--disable-background-networking", "--disable-component-update", "--disable-domain-reliability", "--disable-breakpad", "--disable-quic",
		"--password-store=basic", "--autoplay-policy=no-user-gesture-required",
		"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
	}
	if b.Scale > 0 {
		out = append(out, "--force-device-scale-factor="+strconv.FormatFloat(b.Scale, 'f', -1, 64))
	}
	if b.Mic {
		out = append(out, "--use-fake-ui-for-media-stream")
	}
	out = append(out, b.Flags...)
	return append(out, b.URL+"?screen="+name)
}

// PDF makes a page for a printer of an HTML file, without a window. It may take some seconds.
func (b *Browser) PDF(ctx context.Context, html, pdf string) error {
	profile, err := os.MkdirTemp(b.dir(), b.folder("paper"))
	if err != nil {
		return fmt.Errorf("outpost: a profile for the browser: %w", err)
	}
	defer os.RemoveAll(profile)
	args := append([]string{
		"--headless", "--disable-gpu", "--user-data-dir=" + profile, "--no-first-run", "--disable-background-networking", "--disable-component-update",
		"--disable-sync", "--disable-quic", "--no-pdf-header-footer", "--host-resolver-rules=MAP * ~NOTFOUND",
	}, b.Flags...)
	cmd := exec.CommandContext(ctx, b.Path, append(args, "--print-to-pdf="+pdf, "file://"+html)...)
	ownGroup(cmd)
	cmd.Cancel = func() error { killGroup(cmd); return nil }
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("outpost: the receipt's page was not made: %w", errors.Join(err, ctx.Err()))
	}
	if info, err := os.Stat(pdf); err != nil || info.Size() == 0 {
		return errors.New("outpost: the receipt's page was not made")
	}
	return nil
}
