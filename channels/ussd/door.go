package ussd

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"net/netip"

	"github.com/townline/townline/channels"
)

// door says who may call as a gateway. Nothing of a request is read before that is known.
type door struct {
	allow   []netip.Prefix // nil: from anywhere
	proxies channels.Proxies
	secret  string // "": none
}

var (
	errFrom = errors.New("it comes from an address that may not call: see allow= in ussd.gateways")
	errKey  = errors.New("its key is wrong: see ussd.secrets")
)

// opens says why r is refused. key is what it shows.
func (d *door) opens(r *http.Request, key string) error {
	if d.allow != nil {
		from, err := d.proxies.Origin(r)
		if err != nil {
			return err
		}
		if !channels.Within(d.allow, from) {
			return errFrom
		}
	}
	if d.secret != "" {
		want, got := sha256.Sum256([]byte(d.secret)), sha256.Sum256([]byte(key))
		if subtle.ConstantTimeCompare(want[:], got[:]) != 1 {
			return errKey
		}
	}
	return nil
}
