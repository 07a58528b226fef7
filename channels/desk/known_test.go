package desk

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// strangers try passwords in a clerk's name, from many addresses, until nobody may try any more.
func (w *town) strangers(clerk string) {
	for i := range tryClerk {
		w.desk.gate.wrong = append(w.desk.gate.wrong, wrongTry{at: w.now, clerk: clerk, from: fmt.Sprintf("198.51.100.%d", i/tryHere)})
	}
}

func TestStrangersKeepNoClerkOut(t *testing.T) {
	w := open(t)
	b := w.browser().logIn("Anna")
	b.get("/desk")
	b.send("/desk/logout")
	w.strangers("Anna")
	w.now = w.now.Add(time.Minute)
	if n := w.browser(); n.send("/desk/login", "name", "Anna", "password", password) == "" || n.status != http.StatusTooManyRequests {
		t.Fatal("a stranger may go on trying:", n.status)
	}
	b.logIn("Anna")

	// Whoever has the browser may not try without end either.
	b.get("/desk")
	b.send("/desk/logout")
	for range tryHere {
		b.send("/desk/login", "name", "Anna", "password", "something else")
	}
	if b.send("/desk/login", "name", "Anna", "password", password); b.status != http.StatusTooManyRequests {
		t.Fatal(b.status)
	}
	if w.browser().logIn("Bert"); len(w.desk.gate.open) != 1 {
		t.Fatal("a known browser's mistakes keep a colleague out")
	}
}

func TestAKnownBrowserIsTheClerksOwn(t *testing.T) {
	w := open(t)
	g := w.desk.gate
	good := g.meet("Anna")
	known := func(clerk, value string) bool {
		r, _ := http.NewRequest(http.MethodPost, "/desk/login", nil)
		r.AddCookie(&http.Cookie{Name: knownName(clerk), Value: value})
		return g.browser(r, clerk) != ""
	}
	id, rest, _ := strings.Cut(good, ".")
	until, mark, _ := strings.Cut(rest, ".")
	for name, c := range map[string]struct {
		clerk, value string
		known        bool
	}{
		"the clerk's":  {"Anna", good, true},
		"a colleague":  {"Bert", good, false},
		"nobody":       {"Carl", good, false},
		"another id":   {"Anna", "X" + id + "." + until + "." + mark, false},
		"longer":       {"Anna", id + ".9" + until + "." + mark, false},
		"no mark":      {"Anna", id + "." + until + ".", false},
		"empty":        {"Anna", "", false},
		"without dots": {"Anna", "rubbish", false},
	} {
		if known(c.clerk, c.value) != c.known {
			t.Errorf("%s: known should be %v", name, c.known)
		}
	}
	h := g.clerks["Anna"]
	h.salt = []byte("another password's")
	g.clerks["Anna"] = h
	if known("Anna", good) {
		t.Error("a new password doesn't end it")
	}
	good = g.meet("Anna")
	if w.now = w.now.Add(knownTime); known("Anna", good) {
		t.Error("it never ends")
	}
}
