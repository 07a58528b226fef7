package exchange

import (
	"testing"
)

func TestConversation(t *testing.T) {
	w := settle(t)
	for _, s := range []string{"PARK", "1", "12", "1", "yes", "OPENV", "2", "yes", "MEND", "2", "Main and Elm", "WHERE"} {
		t.Logf("> %s\n%s", s, w.says("+15550101", s))
	}
	t.Log(w.polled("survey"), w.polled("open-vote"))
}
