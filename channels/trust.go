package channels

import "net/http"

// Trust tells the server that a request is proved to come from whom it says: by a signature, a secret, an address that may call. Until
// then it counts against where it comes from, of which only so many are let in at once: call it before anything that takes time, and
// touch no store before it.
func Trust(w http.ResponseWriter) {
	for w != nil {
		if t, ok := w.(interface{ Trust() }); ok {
			t.Trust()
			return
		}
		u, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return
		}
		w = u.Unwrap()
	}
}
