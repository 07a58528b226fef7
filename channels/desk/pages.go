package desk

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/townline/townline/channels"
)

var templates = template.Must(template.ParseFS(files, "page/*.html"))

// page is what every page has.
type page struct {
	Town, Clerk, CSRF, Up string
	Title                 string
	Guest                 bool
	Problem               string // what went wrong, to be read first
}

func (d *Desk) page(r *http.Request, s *shift, title string) page {
	p := page{Town: d.s.Town, Title: title, Up: d.up(r), Guest: len(d.s.Clerks) == 0}
	if s != nil {
		p.Clerk, p.CSRF = s.clerk, s.csrf
	}
	return p
}

// show writes a template. It is whole or not at all.
func (d *Desk) show(w http.ResponseWriter, status int, name string, what any) {
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, name, what); err != nil {
		d.s.Log.Error("a page of the desk can't be shown", "page", name, "error", err)
		http.Error(w, "This page can't be shown now.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

type loginPage struct {
	page
	Name        string
	Case, Words string // what a clerk was writing, and in which talk, when their shift was over
}

func (d *Desk) showLogin(w http.ResponseWriter, r *http.Request) {
	if d.at(r) != nil {
		http.Redirect(w, r, "../desk", http.StatusSeeOther)
		return
	}
	d.show(w, http.StatusOK, "login.html", loginPage{page: d.page(r, nil, "Log in")})
}

func (d *Desk) logIn(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimSpace(r.PostFormValue("name"))
	p := loginPage{page: d.page(r, nil, "Log in"), Name: name, Case: r.PostFormValue("case"), Words: r.PostFormValue("words")}
	id, got := d.gate.enter(r, name, r.PostFormValue("password"))
	switch got {
	case tooMany:
		d.s.Log.Warn("a clerk's password was given wrongly too often")
		p.Problem = "Too many tries. Please wait a quarter of an hour, and try again."
		d.show(w, http.StatusTooManyRequests, "login.html", p)
		return
	case refused:
		p.Problem = "This name and password don't go together. Please try again."
		d.show(w, http.StatusForbidden, "login.html", p)
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: cookieName, Value: id, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: d.s.Secure || r.TLS != nil,
		MaxAge: int(shiftTime / time.Second),
	})
	http.SetCookie(w, &http.Cookie{
		Name: knownName(name), Value: d.gate.meet(name), Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: d.s.Secure || r.TLS != nil,
		MaxAge: int(knownTime / time.Second),
	})
	if p.Case != "" && strings.TrimSpace(p.Words) != "" {
		r.SetPathValue("id", p.Case)
		d.showWhole(w, r, d.gate.of(id), "Your words were not sent yet.", p.Words, http.StatusOK)
		return
	}
	http.Redirect(w, r, "../desk", http.StatusSeeOther)
}

// tooLate is for a form that came after its shift was over: what was written isn't lost. It is sent by nobody but who logs in.
func (d *Desk) tooLate(w http.ResponseWriter, r *http.Request) {
	p := loginPage{page: d.page(r, nil, "Log in"), Case: r.PathValue("id"), Words: r.PostFormValue("words")}
	p.Problem = "Your time at the desk was over. Your words were not sent, and are not lost: log in, and they are on the page again."
	d.show(w, http.StatusUnauthorized, "login.html", p)
}

func (d *Desk) logOut(w http.ResponseWriter, r *http.Request, _ *shift) {
	d.gate.leave(r)
	http.SetCookie(w, &http.Cookie{Name: cookieName, Path: "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: d.s.Secure || r.TLS != nil})
	http.Redirect(w, r, "../desk/login", http.StatusSeeOther)
}

// row is a case on the list.
type row struct {
	channels.Case
	About, By, Tongue, Since, Age string
	Mine, New                     bool
}

func (d *Desk) row(c channels.Case, clerk string) row {
	now := d.s.Now()
	return row{
		Case: c, About: about(&c), By: channelName(c.Channel), Tongue: d.s.Tongue(c.Lang), Since: d.clock(c.Since), Age: age(now.Sub(c.Since)),
		Mine: c.Clerk == clerk, New: c.Unread > 0,
	}
}

func about(c *channels.Case) string {
	what := cmp.Or(c.Title, "Wants a person")
	if c.Desk != "" {
		what += " (" + c.Desk + ")"
	}
	return what
}

func channelName(class string) string {
	switch class {
	case "sms":
		return "Text message"
	case "voice":
		return "Telephone"
	case "ussd":
		return "Menu on a phone"
	case "kiosk", "web":
		return "Screen"
	case "whatsapp":
		return "WhatsApp"
	case "telegram":
		return "Telegram"
	case "preview":
		return "Preview page"
	}
	return class
}

// clock is a time as it is read: without the day if that is today.
func (d *Desk) clock(t time.Time) string {
	t = t.In(d.s.Zone)
	if now := d.s.Now().In(d.s.Zone); t.Year() == now.Year() && t.YearDay() == now.YearDay() {
		return t.Format("15:04")
	}
	return t.Format("Mon 2 Jan 15:04")
}

func age(d time.Duration) string {
	switch m := int(d / time.Minute); {
	case m < 1:
		return "just now"
	case m < 60:
		return fmt.Sprintf("%d min", m)
	case m < 24*60:
		return fmt.Sprintf("%d h %d min", m/60, m%60)
	case m < 48*60:
		return "1 day"
	default:
		return fmt.Sprintf("%d days", m/(24*60))
	}
}

// rowsOfPage is how many talks one page of the list shows, the longest waiting first.
const rowsOfPage = 100

type listPage struct {
	page
	Rows    []row
	Waiting int // for somebody to take them, or to answer
	Number  int // of the page
	Before  int // the page before; 0: there is none
	After   int
	Done    string
	Words   string // for a talk that is no longer here
}

func (d *Desk) showList(w http.ResponseWriter, r *http.Request, s *shift) {
	d.list(w, r, s, r.URL.Query().Get("done"), "", http.StatusOK)
}

func (d *Desk) list(w http.ResponseWriter, r *http.Request, s *shift, done, words string, status int) {
	all, err := d.s.Cases.Cases(r.Context(), "")
	if err != nil {
		d.broken(w, r, s, err)
		return
	}
	p := listPage{page: d.page(r, s, "Who waits"), Words: words}
	for _, c := range all {
		if c.Clerk == "" || c.Unread > 0 {
			p.Waiting++
		}
	}
	pages := max(1, (len(all)+rowsOfPage-1)/rowsOfPage)
	p.Number, _ = strconv.Atoi(r.URL.Query().Get("page"))
	p.Number = min(max(p.Number, 1), pages)
	if p.Before = p.Number - 1; p.Number < pages {
		p.After = p.Number + 1
	}
	for _, c := range all[(p.Number-1)*rowsOfPage : min(p.Number*rowsOfPage, len(all))] {
		p.Rows = append(p.Rows, d.row(c, s.clerk))
	}
	switch done {
	case "closed":
		p.Done = "The talk is closed."
	case "back":
		p.Done = "It goes on without a person."
	case "gone":
		p.Done = noTalk
	}
	name := "list.html"
	if r.URL.Query().Get("part") != "" {
		name = "rows"
	}
	d.show(w, status, name, p)
}

const noTalk = "That talk is no longer here: a colleague closed it, or the resident had all erased. If they put two phones together, it stands below again."

// said is a letter on the page.
type said struct {
	channels.CaseLetter
	Who, When string
	Resident  bool
}

type casePage struct {
	page
	row
	Whole      channels.CaseWhole
	Letters    []said
	Colleagues []string
	Token      string
	Words      string // that could not be said
	Most       int
	Taken      string // a colleague who has it
	CanWrite   bool
}

func (d *Desk) showCase(w http.ResponseWriter, r *http.Request, s *shift) {
	d.showWhole(w, r, s, "", "", http.StatusOK)
}

// showWhole shows a case, with what went wrong and the words that were not said.
func (d *Desk) showWhole(w http.ResponseWriter, r *http.Request, s *shift, problem, words string, status int) {
	whole, err := d.s.Cases.Case(r.Context(), r.PathValue("id"))
	if errors.Is(err, channels.ErrNoCase) {
		d.gone(w, r, s, words)
		return
	}
	if err != nil {
		d.broken(w, r, s, err)
		return
	}
	p := casePage{
		page: d.page(r, s, "A talk"), row: d.row(whole.Case, s.clerk), Whole: whole, Colleagues: d.colleagues(s.clerk), Token: rand.Text(),
		Words: words, Most: channels.MostSaid, CanWrite: whole.Reach == channels.Written || whole.Reach == channels.BehindPIN,
	}
	p.Title, p.Problem = p.About, problem
	if status == http.StatusServiceUnavailable { // it may have been done: the same form again has to be known
		p.Token = cmp.Or(r.PostFormValue("token"), p.Token)
	}
	if whole.Clerk != "" && whole.Clerk != s.clerk {
		p.Taken = whole.Clerk
	}
	for _, l := range whole.Letters {
		l.Channel = channelName(l.Channel)
		p.Letters = append(p.Letters, said{
			CaseLetter: l, Who: cmp.Or(l.By, "Resident"), When: d.clock(l.At), Resident: l.By == "",
		})
	}
	name := "case.html"
	if r.URL.Query().Get("part") != "" {
		name = "letters"
	}
	d.show(w, status, name, p)
}

func (d *Desk) act(w http.ResponseWriter, r *http.Request, s *shift) {
	a := channels.CaseAct{
		Case: r.PathValue("id"), Clerk: s.clerk, Token: s.csrf + r.PostFormValue("token"), Words: r.PostFormValue("words"),
		From: r.PostFormValue("from"), To: r.PostFormValue("to"),
	}
	switch r.PostFormValue("do") {
	case "take":
		a.Kind, a.Words = channels.CaseTake, ""
	case "say":
		a.Kind = channels.CaseSay
	case "hand":
		a.Kind, a.Words = channels.CaseHandOver, ""
		if !slices.Contains(d.colleagues(s.clerk), a.To) {
			d.showWhole(w, r, s, "Choose a colleague first.", r.PostFormValue("words"), http.StatusUnprocessableEntity)
			return
		}
		if words := r.PostFormValue("words"); strings.TrimSpace(words) != "" {
			d.showWhole(w, r, s, "Your words are not sent yet. Send them, or take them out, and then hand over.", words, http.StatusUnprocessableEntity)
			return
		}
	case "back":
		a.Kind = channels.CaseHandBack
	case "close":
		a.Kind = channels.CaseClose
	default:
		http.Error(w, "there is nothing of that kind to be done", http.StatusBadRequest)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	err := d.s.Cases.Act(ctx, a)
	switch {
	case err == nil && a.Kind == channels.CaseHandBack:
		http.Redirect(w, r, d.up(r)+"desk?done=back", http.StatusSeeOther)
	case err == nil && a.Kind == channels.CaseClose:
		http.Redirect(w, r, d.up(r)+"desk?done=closed", http.StatusSeeOther)
	case err == nil && a.Kind == channels.CaseTake && strings.TrimSpace(r.PostFormValue("words")) != "":
		d.showWhole(w, r, s, "", r.PostFormValue("words"), http.StatusOK) // a draft
	case err == nil:
		http.Redirect(w, r, a.Case+"#words", http.StatusSeeOther)
	case errors.Is(err, channels.ErrNoCase):
		d.gone(w, r, s, r.PostFormValue("words"))
	default:
		status, words := problem(err)
		if status == http.StatusServiceUnavailable {
			w.Header().Set("Retry-After", "2")
			d.s.Log.Error("a clerk's act was not done", "error", err)
		}
		d.showWhole(w, r, s, words, r.PostFormValue("words"), status)
	}
}

// problem says what went wrong, in words for clerks.
func problem(err error) (status int, words string) {
	switch {
	case errors.Is(err, channels.ErrCaseTaken):
		return http.StatusConflict, "A colleague has this talk. Nothing was sent."
	case errors.Is(err, channels.ErrUnwanted):
		return http.StatusConflict, "They sent STOP: nothing may be sent to them. Nothing was sent."
	case errors.Is(err, channels.ErrNotRead):
		return http.StatusConflict, "They can't be written to. Nothing was sent."
	case errors.Is(err, channels.ErrSaidLong):
		return http.StatusUnprocessableEntity, fmt.Sprintf("That is too long: %d characters are the most. Nothing was sent.", channels.MostSaid)
	case errors.Is(err, channels.ErrSaidEmpty):
		return http.StatusUnprocessableEntity, "Write something first."
	case errors.Is(err, channels.ErrNoCase):
		return http.StatusNotFound, noTalk
	}
	return http.StatusServiceUnavailable, "That could not be done now. Please try once more: nothing is sent twice."
}

func (d *Desk) gone(w http.ResponseWriter, r *http.Request, s *shift, words string) {
	if r.URL.Query().Get("part") != "" {
		http.Error(w, "over", http.StatusGone)
		return
	}
	if strings.TrimSpace(words) != "" {
		d.list(w, r, s, "gone", words, http.StatusNotFound)
		return
	}
	http.Redirect(w, r, d.up(r)+"desk?done=gone", http.StatusSeeOther)
}

func (d *Desk) broken(w http.ResponseWriter, r *http.Request, s *shift, err error) {
	d.s.Log.Error("the desk can't read what is kept", "error", err)
	p := listPage{page: d.page(r, s, "Who waits")}
	p.Problem = "The town's store doesn't answer just now. Please load this page again in a minute."
	w.Header().Set("Retry-After", "2")
	d.show(w, http.StatusServiceUnavailable, "list.html", p)
}

// showMedia gives a recording or a picture, and nothing that a browser would run.
func (d *Desk) showMedia(w http.ResponseWriter, r *http.Request, _ *shift) {
	if d.s.Media == nil {
		http.NotFound(w, r)
		return
	}
	m, err := d.s.Media.CaseMedia(r.Context(), r.PathValue("id"), r.URL.Query().Get("ref"))
	kind, _, _ := strings.Cut(m.Type, ";")
	family, _, _ := strings.Cut(kind, "/")
	if err != nil || family != "audio" && family != "image" || strings.Contains(kind, "svg") {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", "inline")
	_, _ = w.Write(m.Bytes)
}
