package desk

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/townline/townline/channels"
)

// Local is the desk for the terminal: over a socket that only whoever runs the town can open, so that it asks for no password.
// Whoever can open it can read the town's keys as well.
func (d *Desk) Local() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /cases", func(w http.ResponseWriter, r *http.Request) {
		all, err := d.s.Cases.Cases(r.Context(), "")
		d.answer(w, all, err)
	})
	mux.HandleFunc("GET /case/{id}", func(w http.ResponseWriter, r *http.Request) {
		whole, err := d.s.Cases.Case(r.Context(), r.PathValue("id"))
		d.answer(w, whole, err)
	})
	mux.HandleFunc("POST /act", func(w http.ResponseWriter, r *http.Request) {
		var a channels.CaseAct
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, mostForm)).Decode(&a); err != nil || strings.TrimSpace(a.Clerk) == "" {
			http.Error(w, "that is no act of a clerk", http.StatusBadRequest)
			return
		}
		if a.Kind == channels.CaseHandOver && len(d.s.Clerks) > 0 && !slices.Contains(d.colleagues(a.Clerk), a.To) {
			w.WriteHeader(http.StatusUnprocessableEntity)
			_ = json.NewEncoder(w).Encode(Trouble{"There is no such colleague. Nothing was done."})
			return
		}
		d.answer(w, struct{}{}, d.s.Cases.Act(r.Context(), a))
	})
	return mux
}

// Trouble is why something was not done, in words for clerks.
type Trouble struct{ Problem string }

func (d *Desk) answer(w http.ResponseWriter, what any, err error) {
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		status, words := problem(err)
		if status == http.StatusServiceUnavailable && !errors.Is(err, channels.ErrNoCase) {
			d.s.Log.Error("the desk can't do what is asked at the terminal", "error", err)
		}
		w.WriteHeader(status)
		what = Trouble{words}
	}
	_ = json.NewEncoder(w).Encode(what)
}
