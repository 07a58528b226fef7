package telegram

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptrace"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"

	"github.com/townline/townline/channels"
)

// What the library does in ways of its own, and what is done about it here:
//
//   - Its webhook answers 200 to a wrong secret and to rubbish, before anything was done; its polling confirms updates before
//     they are handled, each in a goroutine of its own, and loses what waits when it ends. None of these is used.
//   - Its errors quote the whole answer where that can't be read, and don't tell whether a request left: every call goes
//     through api.Do, which keeps what is needed of the answer and nothing else.
//   - It reads answers without a limit, and follows redirects with the token in the address.
//   - New asks Telegram at once, and fails where that is away.

// api is Telegram's Bot API.
type api struct {
	base, token string
	client      http.Client
	bot         *bot.Bot
}

func newAPI(base, token string, client *http.Client, log *slog.Logger) (*api, error) {
	a := &api{base: base, token: token}
	if client != nil {
		a.client = *client
	}
	a.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	var err error
	a.bot, err = bot.New(token, bot.WithSkipGetMe(), bot.WithServerURL(base), bot.WithHTTPClient(time.Minute, a),
		bot.WithErrorsHandler(func(error) { log.Debug("telegram: a connection was not closed cleanly") }))
	if err != nil {
		return nil, errors.New("telegram: the token can't be used")
	}
	return a, nil
}

// answer is what is known of one call.
type answer struct {
	left        atomic.Bool // the request, or a part of it, is on its way
	status      int         // 0: no answer
	code        int         // error_code; 0: none was read
	description string      // Telegram's; it may quote, so it is looked at and never shown
	after       time.Duration
}

type answerKey struct{}

// call makes one call with the library; the answer tells what became of it. Should the library break, the town doesn't.
func (a *api) call(ctx context.Context, do func(context.Context, *bot.Bot) error) (w *answer, err error) {
	w = &answer{}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the library broke: %T", p)
		}
	}()
	return w, do(context.WithValue(ctx, answerKey{}, w), a.bot)
}

// mostAnswer is the most of an answer that is read: a hundred updates are less.
const mostAnswer = 8 << 20

// Do sends a request for the library, and reads the answer whole.
func (a *api) Do(r *http.Request) (*http.Response, error) {
	w, _ := r.Context().Value(answerKey{}).(*answer)
	if w == nil {
		w = &answer{}
	}
	r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
		WroteHeaderField: func(string, []string) { w.left.Store(true) },
	}))
	got, err := a.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer got.Body.Close()
	body, err := io.ReadAll(io.LimitReader(got.Body, mostAnswer))
	if err != nil {
		return nil, err
	}
	w.read(got.StatusCode, body)
	got.Body = io.NopCloser(bytes.NewReader(body))
	return got, nil
}

func (w *answer) read(status int, body []byte) {
	w.status = status
	var said struct {
		OK          bool   `json:"ok"`
		Code        int    `json:"error_code"`
		Description string `json:"description"`
		Parameters  struct {
			RetryAfter int `json:"retry_after"`
		} `json:"parameters"`
	}
	if json.Unmarshal(body, &said) == nil && !said.OK {
		w.code, w.description = said.Code, strings.ToLower(said.Description)
		w.after = min(max(time.Duration(min(said.Parameters.RetryAfter, 1<<30))*time.Second, 0), 24*time.Hour)
	}
}

// says says whether Telegram's description holds any of these.
func (w *answer) says(any ...string) bool {
	for _, s := range any {
		if strings.Contains(w.description, s) {
			return true
		}
	}
	return false
}

// mended is how long is waited for what staff can mend: a token that was changed.
const mended = 5 * time.Minute

// capitals are the codes that Telegram's descriptions hold, such as BUTTON_DATA_INVALID.
var capitals = regexp.MustCompile(`[a-z]+(?:_[a-z]+)+`)

// failed is what an error of a call means, with what channels marks errors by. what is said of it: "send".
func (w *answer) failed(what string, err error) error {
	if w.status == 0 {
		err = fmt.Errorf("telegram: %s: Telegram can't be reached: %w", what, plainly(err))
		if w.left.Load() {
			return channels.Doubt(err)
		}
		return channels.Retry(err, 0)
	}
	code := w.code
	if code == 0 {
		if code = w.status; code < 300 {
			return channels.Doubt(fmt.Errorf("telegram: %s: Telegram's answer (%d) can't be read", what, w.status))
		}
	}
	err = fmt.Errorf("telegram: %s: Telegram refused, code %d", what, code)
	if w.code == 0 && code < 500 && code != http.StatusTooManyRequests { // a proxy between, that says nothing of a resident
		return channels.Retry(err, mended)
	}
	switch {
	case code == http.StatusTooManyRequests || code == 420:
		return channels.Retry(fmt.Errorf("%w: %w", channels.ErrThrottled, err), w.after)
	case code >= 500:
		return channels.Doubt(err)
	case code == http.StatusUnauthorized || code == http.StatusNotFound || code == http.StatusConflict:
		return channels.Retry(err, mended)
	case code == http.StatusForbidden && w.says("blocked", "kicked"):
		return channels.Gone(fmt.Errorf("%w: %w", channels.ErrOptedOut, err), "blocked")
	case code == http.StatusForbidden: // deactivated, or never written to the bot
		return channels.Gone(fmt.Errorf("%w: %w", channels.ErrBadNumber, err), "403")
	case w.says("chat not found", "user not found", "peer_id_invalid", "chat_id is empty", "user_id_invalid"):
		return channels.Gone(fmt.Errorf("%w: %w", channels.ErrBadNumber, err), "chat")
	}
	if c := capitals.FindString(w.description); c != "" {
		return channels.Gone(err, c)
	}
	return channels.Gone(err, fmt.Sprint(code))
}

// updates asks for what came in since offset, and waits for it as long as Telegram is asked to. Each update is left as it is, so that
// one which can't be read stops no other.
func (a *api) updates(ctx context.Context, offset int64, wait time.Duration) ([]json.RawMessage, *answer, error) {
	w := &answer{}
	ask, err := json.Marshal(map[string]any{"offset": offset, "limit": 100, "timeout": int(wait.Seconds()), "allowed_updates": wanted()})
	if err != nil {
		return nil, w, err
	}
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, answerKey{}, w), wait+15*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, a.base+"/bot"+a.token+"/getUpdates", bytes.NewReader(ask))
	if err != nil {
		return nil, w, errors.New("telegram: the address of the Bot API can't be used")
	}
	r.Header.Set("Content-Type", "application/json")
	got, err := a.Do(r)
	if err != nil {
		return nil, w, w.failed("ask for updates", err)
	}
	var said struct {
		OK     bool              `json:"ok"`
		Result []json.RawMessage `json:"result"`
	}
	if err := json.NewDecoder(got.Body).Decode(&said); err != nil || !said.OK {
		return nil, w, w.failed("ask for updates", errors.New("no updates"))
	}
	return said.Result, w, nil
}

// file gets a file of at most so many bytes. Its address holds the token, so it is made here and kept nowhere.
func (a *api) file(ctx context.Context, f *models.File, most int) ([]byte, error) {
	if f.FilePath == "" || strings.Contains(f.FilePath, "..") || strings.HasPrefix(f.FilePath, "/") {
		return nil, channels.Gone(errors.New("telegram: fetch: the file has no address"), "path")
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, a.base+"/file/bot"+a.token+"/"+f.FilePath, nil)
	if err != nil {
		return nil, channels.Gone(errors.New("telegram: fetch: the file has no address"), "path")
	}
	got, err := a.client.Do(r)
	if err != nil {
		return nil, channels.Retry(fmt.Errorf("telegram: fetch: %w", plainly(err)), 0)
	}
	defer got.Body.Close()
	if got.StatusCode != http.StatusOK {
		io.Copy(io.Discard, io.LimitReader(got.Body, 64<<10))
		return nil, channels.Retry(fmt.Errorf("telegram: fetch: status %d", got.StatusCode), 0)
	}
	b, err := io.ReadAll(io.LimitReader(got.Body, int64(most)+1))
	switch {
	case err != nil:
		return nil, channels.Retry(fmt.Errorf("telegram: fetch: %w", plainly(err)), 0)
	case len(b) > most:
		return nil, channels.Gone(errors.New("telegram: fetch: it is too large"), "size")
	}
	return b, nil
}

// plainly is what lies at the bottom of err: what is around it names the address, with the token, and quotes answers.
func plainly(err error) error {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return context.DeadlineExceeded
	case errors.Is(err, context.Canceled):
		return context.Canceled
	}
	for e := err; e != nil; e = errors.Unwrap(e) {
		if _, deeper := e.(interface{ Unwrap() error }); !deeper {
			return e
		}
	}
	return errors.New("no answer")
}
