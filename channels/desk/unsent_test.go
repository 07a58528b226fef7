package desk

import (
	"fmt"
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

// What a clerk was writing when their time was over is there again once they have logged in; nobody else sends it.
func TestWordsOfAShiftThatIsOver(t *testing.T) {
	w := open(t)
	b := w.browser().logIn("Anna")
	b.get("/desk/case/c0ffee")
	w.now = w.now.Add(shiftTime)
	b.send("/desk/case/c0ffee", "do", "say", "words", "my long <answer>")
	if b.expect("are not lost", "my long &lt;answer&gt;"); b.status != http.StatusUnauthorized || strings.Contains(b.page, "Street problem") {
		t.Fatal(b.status, b.page)
	}
	b.send("/desk/login", "name", "Anna", "password", "a wrong one", "words", "my long <answer>")
	b.expect("go together. Please", "my long &lt;answer&gt;")
	b.send("/desk/login", "name", "Anna", "password", password, "words", "my long <answer>")
	b.expect("were not sent yet", "my long &lt;answer&gt;", "Street problem")
	if len(w.cases.did) != 0 {
		t.Fatal("it was sent", w.cases.did)
	}
	if b.send("/desk/case/c0ffee", "do", "say", "words", "my long <answer>"); len(w.cases.did) != 1 || w.cases.did[0].Words != "my long <answer>" {
		t.Fatal(w.cases.did)
	}
	b.send("/desk/case/c0ffee", "do", "say", "words", "another", "csrf", "of another window")
	if b.expect("too old", "another</textarea>"); b.status != http.StatusForbidden || len(w.cases.did) != 1 {
		t.Fatal(b.status, w.cases.did)
	}
}

// Who waits behind many others is found, too.
func TestMoreWaitThanAPageShows(t *testing.T) {
	w := open(t)
	for i := range 2 * rowsOfPage {
		c := w.cases.all[0]
		c.ID = fmt.Sprintf("case%d", i)
		w.cases.all = append(w.cases.all, c)
	}
	b := w.browser().logIn("Anna")
	b.expect("201 wait for an answer", "More who wait", "Page 1", "desk/case/c0ffee", `data-from="desk?part=rows&amp;page=1"`)
	for path, want := range map[string]string{"/desk?page=3": "case199", "/desk?page=2": "case99", "/desk?page=99": "case199", "/desk?page=-1": "c0ffee", "/desk?part=rows&page=2": "case100"} {
		if b.get(path); strings.Count(b.page, "<tr") > rowsOfPage+1 {
			t.Fatal("all stand on one page")
		}
		b.expect("desk/case/" + want + `"`)
	}
	b.get("/desk?page=3")
	b.expect("Those who wait longer", "?page=2")
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
