package desk

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/townline/townline/channels"
)

func TestManyPasswordsAtOnce(t *testing.T) {
	w := open(t)
	var mu sync.Mutex
	var all sync.WaitGroup
	got := map[outcome]int{}
	for range 5 * tryHere {
		all.Go(func() {
			r := httptest.NewRequest(http.MethodPost, "/desk/login", nil)
			_, o := w.desk.gate.enter(r, "Anna", "something else")
			mu.Lock()
			defer mu.Unlock()
			got[o]++
		})
	}
	all.Wait()
	if n := got[refused]; n < tryHere || n >= tryHere+hashAtOnce || n+got[tooMany] != 5*tryHere {
		t.Fatal(got)
	}
}

func TestAFormThatMayHaveBeenSentIsTheSameAgain(t *testing.T) {
	w := open(t)
	b := w.browser().logIn("Anna")
	b.get("/desk/case/c0ffee")
	w.cases.fail = io.ErrUnexpectedEOF
	token := hidden.FindAllStringSubmatch(b.page, -1)
	b.send("/desk/case/c0ffee", "do", "say", "words", "Hello")
	again := hidden.FindAllStringSubmatch(b.page, -1)
	if len(token) < 3 || len(again) < 3 || token[len(token)-2][2] != again[len(again)-2][2] {
		t.Fatal("nothing is sent twice, it says:", token, again)
	}
}

// What a clerk wrote while something else became of the talk stays before their eyes.
func TestWordsForATalkThatChangedMeanwhile(t *testing.T) {
	for name, c := range map[string]struct {
		meanwhile func(*counter)
		do, to    string
		want      []string
	}{
		"taken by a colleague": {func(c *counter) { c.all[0].Clerk = "Bert" }, "say", "", []string{"Nothing was sent", "Take it over from Bert"}},
		"gone":                 {func(c *counter) { c.all = nil }, "say", "", []string{"no longer here", "Nobody waits"}},
		"stopped":              {func(c *counter) { c.all[0].Reach, c.fail = channels.Unwanted, channels.ErrUnwanted }, "say", "", []string{"They sent STOP"}},
		"a draft, and taken":   {func(*counter) {}, "take", "", []string{"You</dd>"}},
		"a draft, handed over": {func(*counter) {}, "hand", "Bert", []string{"not sent yet"}},
		"handed to nobody":     {func(*counter) {}, "hand", "", []string{"Choose a colleague"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := open(t)
			b := w.browser().logIn("Anna")
			b.get("/desk/case/c0ffee")
			c.meanwhile(w.cases)
			b.send("/desk/case/c0ffee", "do", c.do, "to", c.to, "words", "my long <answer>")
			b.expect(append(c.want, "my long &lt;answer&gt;")...)
			if len(w.cases.all) > 0 && len(w.cases.all[0].Letters) != 1 || c.do == "hand" && len(w.cases.did) > 0 {
				t.Fatal("something was done")
			}
			if strings.Count(b.page, "my long") != 1 {
				t.Fatal(b.page)
			}
		})
	}
}

func TestATalkIsHandedToColleaguesAlone(t *testing.T) {
	w := open(t)
	for to, want := range map[string]int{"Anne": http.StatusUnprocessableEntity, "Anna": http.StatusUnprocessableEntity, "Bert": http.StatusOK} {
		w.cases.did = nil
		r := httptest.NewRequest(http.MethodPost, "/act", strings.NewReader(`{"Case":"c0ffee","Kind":3,"Clerk":"Anna","To":"`+to+`"}`))
		got := httptest.NewRecorder()
		w.desk.Local().ServeHTTP(got, r)
		if got.Code != want || (len(w.cases.did) == 1) != (want == http.StatusOK) {
			t.Fatal(to, got.Code, w.cases.did, "nobody would ever look after it")
		}
	}
}
