package render

import (
	"math"
	"strconv"
	"time"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
)

// How long a caller is waited for, in seconds. Ten is what ISO/IEC 13714 allows at most, and what older callers need.
const (
	waitKey     = 10
	mostWords   = 120 // of own words
	mostPlace   = 30  // of a street and a number
	pauseVoice  = 4   // of silence that ends a recording
	mostPhone   = 15  // digits of a phone number, with the country's: ITU-T E.164
	mostRef     = 12  // digits of a reference
	mostCode    = 20  // digits of a code from a letter
	mostNumber  = 9   // digits of a number without a bound
	mostPart    = 3   // keys of its decimals: a star and two digits
	dayAndMonth = 4
	wholeDate   = 8
)

// listen is what a line waits for after a page; nil after last words.
func (w *Words) listen(q *engine.Prompt, t Traits) *Listen {
	if q == nil {
		return nil
	}
	l := &Listen{Keys: 1, Wait: waitKey}
	switch {
	case w.recorded(q, t):
		l.Record, l.Pause = mostWords, pauseVoice
		if q.Asks == dialogs.Place {
			l.Record = mostPlace
		}
	case ownDigits(q.Asks, q) && q.Asks != dialogs.Words && q.Asks != dialogs.Place:
		l.Keys = w.keys(q)
	}
	return l
}

// recorded says whether a question of a call is answered by the caller's own voice.
func (w *Words) recorded(q *engine.Prompt, t Traits) bool {
	return (q.Asks == dialogs.Words || q.Asks == dialogs.Place) && t.Form == engine.Speech && t.Voice && w.Dialog != nil && w.Dialog.Recordable()
}

// keys is how many digits the longest answer has.
func (w *Words) keys(q *engine.Prompt) int {
	switch q.Asks {
	case dialogs.Contact:
		return mostPhone
	case dialogs.Code:
		return mostCode
	case dialogs.Status:
		return mostRef
	case dialogs.Budget:
		return len(strconv.Itoa(max(q.Total, 0)))
	case dialogs.Date:
		if w.withinYear(q) {
			return dayAndMonth
		}
		return wholeDate
	}
	st := w.step(q.Step)
	keys := mostNumber
	if st != nil && st.HasMax {
		keys = len(strconv.Itoa(int(math.Abs(st.Max))))
	}
	if st != nil && !st.Whole {
		keys += mostPart
	}
	return keys
}

// withinYear says whether a day and a month are enough to tell the day that a question of a date asks for.
func (w *Words) withinYear(q *engine.Prompt) bool {
	st := w.step(q.Step)
	if st == nil || !st.Earliest.Set || !st.Latest.Set {
		return false
	}
	from, to := st.Earliest.On(w.Today), st.Latest.On(w.Today)
	return to.Before(from.AddDate(1, 0, 0)) && !from.Before(w.Today.Add(-24*time.Hour))
}

// pointed says whether a question asks for a number that may have decimals.
func (w *Words) pointed(q *engine.Prompt) bool {
	st := w.step(q.Step)
	return st != nil && st.Type == dialogs.Number && !st.Whole
}
