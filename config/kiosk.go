package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Kiosk is a machine in a public place that holds conversations by itself, and at the centre, the machines that may.
type Kiosk struct {
	Outposts map[string]Secret // at the centre: the machines' secrets by their names

	Centre  string // address of the town's server, without a slash at the end
	Name    string
	Secret  Secret
	Dir     string
	Listen  string
	Browser string // path of Chromium; "": none
	Printer string // CUPS queue; "": none

	Scale      float64       // dots of the screen in one CSS pixel
	Idle       time.Duration // without a touch until the page asks whether somebody is there
	Warn       time.Duration // and then until the visit is over
	Scan       time.Duration // with one switch, until the mark moves on; 0: no such switch
	Move       string        // with two switches, the key that moves
	Choose     string        // and the one that chooses
	Headphones bool          // read aloud only while they are connected
	Sound      string        // read aloud only on the device whose name has this
}

// secretLength is how many characters a machine's secret has at least: 128 bits in hexadecimal.
const secretLength = 32

func (r *reading) setKiosk(k *Kiosk, s Setting, text string) {
	switch s.Key {
	case "kiosk.outposts":
		k.Outposts = r.outposts(s.Key, text)
	case "kiosk.centre":
		k.Centre = strings.TrimSuffix(text, "/")
		r.checkURL(s.Key, text)
	case "kiosk.name":
		k.Name = text
		if text != "" && !isOutpostName(text) {
			r.wrong(s.Key, fmt.Sprintf("%q is not a name for a machine", text), "write small letters, digits and dashes, such as library")
		}
	case "kiosk.secret":
		k.Secret = NewSecret(text)
		if text != "" {
			r.checkSecret(s.Key, "", text)
		}
	case "kiosk.dir":
		k.Dir = text
	case "kiosk.listen":
		k.Listen = text
		r.checkListen(s.Key, text)
	case "kiosk.browser":
		k.Browser = text
	case "kiosk.printer":
		k.Printer = text
		if strings.ContainsAny(text, " /#\t") || strings.HasPrefix(text, "-") {
			r.wrong(s.Key, fmt.Sprintf("%q is not a printer's queue", text), "\"lpstat -e\" lists the queues")
		}
	case "kiosk.scale":
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || !(n >= 0.5 && n <= 5) {
			r.wrong(s.Key, fmt.Sprintf("%q is not a scale", text), "write dots per inch of the screen divided by 96, from 0.5 to 5; the set-up page works it out")
		}
		k.Scale = n
	case "kiosk.idle":
		k.Idle = r.seconds(s.Key, text, 20, 3600)
	case "kiosk.warn":
		k.Warn = r.seconds(s.Key, text, 20, 600)
	case "kiosk.scan":
		k.Scan = r.seconds(s.Key, text, 0, 30)
	case "kiosk.move":
		k.Move = text
	case "kiosk.choose":
		k.Choose = text
	case "kiosk.headphones":
		k.Headphones = r.onOff(s.Key, text) == On
	case "kiosk.sound":
		k.Sound = text
	}
}

// outposts reads "library=SECRET, hall=SECRET".
func (r *reading) outposts(key, text string) map[string]Secret {
	var all map[string]Secret
	for _, entry := range Split(text) {
		name, secret, _ := strings.Cut(entry, "=")
		if !isOutpostName(name) {
			r.wrong(key, "holds something that is not a machine's name and its secret", "write library= and the secret; names have small letters, digits and dashes")
			continue
		}
		if _, twice := all[name]; twice {
			r.wrong(key, fmt.Sprintf("names %q twice", name), "give each machine a name of its own")
		}
		if !r.checkSecret(key, name, secret) {
			continue
		}
		if all == nil {
			all = map[string]Secret{}
		}
		all[name] = NewSecret(secret)
	}
	return all
}

func (r *reading) checkSecret(key, of, secret string) bool {
	if len(secret) >= secretLength {
		return true
	}
	what := "is too short to keep anyone out"
	if of != "" {
		what = fmt.Sprintf("has a secret for %q that is too short to keep anyone out", of)
	}
	r.wrong(key, what, "make one of 32 characters or more: openssl rand -hex 16")
	return false
}

func isOutpostName(s string) bool {
	return s != "" && len(s) <= 40 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == "" && s[0] != '-'
}

// seconds reads a stretch of time; least and most are in seconds.
func (r *reading) seconds(key, text string, least, most float64) time.Duration {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n >= least && n <= most) {
		r.wrong(key, fmt.Sprintf("%q is no number of seconds that will do", text), fmt.Sprintf("write a number from %g to %g", least, most))
		return 0
	}
	return time.Duration(n * float64(time.Second))
}
