package exchange

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/talk"
	"github.com/townline/townline/locales"
	"github.com/townline/townline/store"
)

const (
	// mostFound is how many requests are offered or told: more can't be kept in mind on a phone.
	mostFound = 3
	// searched is how many of the newest requests are compared.
	searched = 500
	// searchDays is how far back is looked where a step does not say.
	searchDays = 30
	// searchMetres is how near is near where a step does not say.
	searchMetres = 100
)

// similar finds open requests of the same dialog with the same answers, near the same place; the newest first.
func (x *Exchange) similar(ctx context.Context, e *talk.Effect, now time.Time) ([]engine.Found, error) {
	if e.Dialog == nil {
		return nil, nil
	}
	i := e.Dialog.Index(e.Step)
	if i < 0 {
		return nil, nil
	}
	st := &e.Dialog.Steps[i]
	days := st.Days
	if days <= 0 {
		days = searchDays
	}
	all, err := x.store.Requests(ctx, store.RequestQuery{Dialog: e.Dialog.ID, Since: now.AddDate(0, 0, -days), Limit: searched})
	if err != nil {
		return nil, fmt.Errorf("find requests: %w", err)
	}
	var out []engine.Found
	for i := range all {
		r := &all[i]
		if r.Status == statusClosed || r.Service == servicePerson || !alike(e.Dialog, st, e.Values, r) {
			continue
		}
		if out = append(out, found(r)); len(out) == mostFound {
			break
		}
	}
	return out, nil
}

// alike compares the answers that the step names with those of a request. Where both left a question out, they agree.
func alike(d *dialogs.Dialog, st *dialogs.Step, values []string, r *store.Request) bool {
	if len(values) != len(st.Compare) {
		return false
	}
	var theirs engine.Record
	if err := engine.Decode(r.Record, &theirs); err != nil {
		return false
	}
	for i, id := range st.Compare {
		at := d.Index(id)
		if at < 0 {
			return false
		}
		other := ""
		if a, ok := theirs.Answer(id); ok && len(a.Values) > 0 {
			other = a.Values[0]
		}
		if d.Steps[at].Type == dialogs.Place {
			if !near(values[i], other, st.Within) {
				return false
			}
		} else if values[i] != other {
			return false
		}
	}
	return true
}

const geoPrefix = "geo:"

// near says whether two places may be one: pins within so many metres, or words that fold to the same. Where one has all
// the words of the other and there are at least two ("Main and Elm", "corner of Main and Elm"), they may be one too; a
// resident is only asked, never joined unasked. A pin and words can't be compared.
func near(a, b string, within int) bool {
	pinA, pinB := strings.HasPrefix(a, geoPrefix), strings.HasPrefix(b, geoPrefix)
	if pinA != pinB {
		return false
	}
	if pinA {
		if within <= 0 {
			within = searchMetres
		}
		la, oa, okA := parseGeo(a)
		lb, ob, okB := parseGeo(b)
		return okA && okB && metres(la, oa, lb, ob) <= float64(within)
	}
	wa, wb := placeWords(a), placeWords(b)
	if len(wa) > len(wb) {
		wa, wb = wb, wa
	}
	if len(wa) == 0 || len(wa) < 2 && len(wb) > 1 {
		return false
	}
	for _, w := range wa {
		if !slices.Contains(wb, w) {
			return false
		}
	}
	return true
}

func placeWords(s string) []string {
	words := strings.Fields(locales.Fold(s))
	slices.Sort(words)
	return slices.Compact(words)
}

// parseGeo reads "geo:52.1,4.3" (RFC 5870).
func parseGeo(s string) (lat, long float64, ok bool) {
	s, _, _ = strings.Cut(strings.TrimPrefix(s, geoPrefix), ";")
	a, b, both := strings.Cut(s, ",")
	if !both {
		return 0, 0, false
	}
	b, _, _ = strings.Cut(b, ",") // altitude
	lat, err := strconv.ParseFloat(a, 64)
	if err != nil {
		return 0, 0, false
	}
	long, err = strconv.ParseFloat(b, 64)
	return lat, long, err == nil && math.Abs(lat) <= 90 && math.Abs(long) <= 180
}

// metres is the great-circle distance by the haversine formula, on a sphere of the earth's mean radius (IUGG: 6,371 km).
func metres(lat1, long1, lat2, long2 float64) float64 {
	const radius, degree = 6371008.8, math.Pi / 180
	dLat, dLong := (lat2-lat1)*degree, (long2-long1)*degree
	h := math.Pow(math.Sin(dLat/2), 2) + math.Cos(lat1*degree)*math.Cos(lat2*degree)*math.Pow(math.Sin(dLong/2), 2)
	return 2 * radius * math.Asin(math.Min(1, math.Sqrt(h)))
}
