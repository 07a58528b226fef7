package config

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// SIP is a telephone line of the town's own, straight to a provider or a PBX.
type SIP struct {
	Listen    []string // "udp:0.0.0.0:5060", "tcp:…", "tls:…"
	Advertise string
	Ports     [2]int // of sound, both taken along; 0, 0: any
	MostCalls int
	Cert, Key string // of tls:
	Trunks    []Trunk

	set bool
}

// On says whether calls come by SIP.
func (s SIP) On() bool { return len(s.Listen) > 0 && len(s.Trunks) > 0 }

// Trunk is one way to the telephone network.
type Trunk struct {
	Name, Host, Registrar, Transport string
	Username                         string
	Password                         Secret // what we show
	From                             string
	Callers                          string // the name that calls to us must show; "": where they come from is enough
	CallersPassword                  Secret
	Strict                           bool // they must show it by SHA-256
	Allow                            []netip.Prefix
	SRTP                             string // "off", "offered", "required"
	Expires                          time.Duration
	Ring                             time.Duration
	Callback, Bridge                 bool
}

// trunkFields are what may be said of a trunk after its name.
var trunkFields = [...]string{"host", "registrar", "transport", "user", "from", "allow", "srtp", "expires", "ring", "callback", "bridge", "strict"}

func (r *reading) setSIP(c *SIP, s Setting, text string) {
	c.set = c.set || text != "" && text != s.Default
	switch s.Key {
	case "sip.listen":
		c.Listen = Split(text)
		for _, l := range c.Listen {
			kind, address, _ := strings.Cut(l, ":")
			_, port, err := net.SplitHostPort(address)
			n, errPort := strconv.Atoi(port)
			if kind != "udp" && kind != "tcp" && kind != "tls" || err != nil || errPort != nil || n < 0 || n > 65535 {
				r.wrong(s.Key, fmt.Sprintf("%q is no way to listen", l), "write udp:0.0.0.0:5060, tcp:0.0.0.0:5060 or tls:0.0.0.0:5061")
			}
		}
	case "sip.advertise":
		c.Advertise = text
		if strings.ContainsAny(text, "/: ") && net.ParseIP(text) == nil {
			r.wrong(s.Key, fmt.Sprintf("%q is not a host", text), "write an address or a name alone, such as 192.0.2.10")
		}
	case "sip.ports":
		first, last, _ := strings.Cut(text, "-")
		a, errA := strconv.Atoi(strings.TrimSpace(first))
		b, errB := strconv.Atoi(strings.TrimSpace(last))
		if text != "" && (errA != nil || errB != nil || a < 1024 || b > 65535 || b-a < 1) {
			r.wrong(s.Key, fmt.Sprintf("%q is no range of ports", text), "write two numbers from 1024 to 65535, such as 20000-20999: each call takes two")
			return
		}
		c.Ports = [2]int{a, b}
	case "sip.calls":
		c.MostCalls = r.count(s.Key, text, 1, 2000, "of calls at a time")
	case "sip.tls.cert":
		c.Cert = text
	case "sip.tls.key":
		c.Key = text
	case "sip.trunks":
		c.Trunks = r.trunks(s.Key, text)
	case "sip.passwords":
		r.logins(s.Key, text, c, func(t *Trunk, password string) { t.Password = NewSecret(password) })
	case "sip.callers":
		r.logins(s.Key, text, c, func(t *Trunk, login string) {
			name, password, _ := strings.Cut(login, ":")
			if name == "" || len(password) < 12 {
				r.wrong(s.Key, fmt.Sprintf("has no name and password of 12 characters or more for %q", t.Name), "write NAME=USER:PASSWORD")
				return
			}
			t.Callers, t.CallersPassword = name, NewSecret(password)
		})
	}
}

// logins reads "main=SECRET, desk=SECRET". The trunks were read before: settings come in the order of their list.
func (r *reading) logins(key, text string, c *SIP, put func(*Trunk, string)) {
next:
	for _, entry := range Split(text) {
		name, secret, _ := strings.Cut(entry, "=")
		for i := range c.Trunks {
			if c.Trunks[i].Name == name && secret != "" {
				put(&c.Trunks[i], secret)
				continue next
			}
		}
		r.wrong(key, "holds something that is not a trunk's name and its password", "write the name as in sip.trunks, = and the password, such as main=SECRET")
	}
}

// trunks reads "main host=sip.example.net user=town from=+15550100, pbx allow=192.0.2.10".
func (r *reading) trunks(key, text string) (all []Trunk) {
	for _, entry := range strings.Split(text, ",") {
		words := strings.Fields(entry)
		if len(words) == 0 {
			continue
		}
		t := Trunk{Name: words[0], SRTP: "off"}
		if strings.Contains(t.Name, "=") {
			r.wrong(key, fmt.Sprintf("%q has no name", strings.Join(words, " ")), "begin each trunk with a name: main host=sip.example.net")
			continue
		}
		for _, other := range all {
			if other.Name == t.Name {
				r.wrong(key, fmt.Sprintf("names %q twice", t.Name), "give each trunk a name of its own")
			}
		}
		for _, word := range words[1:] {
			r.trunkField(key, &t, word)
		}
		all = append(all, t)
	}
	return all
}

func (r *reading) trunkField(key string, t *Trunk, word string) {
	f := r.field(key, t.Name, word)
	switch f.name {
	case "host":
		t.Host = f.value
	case "registrar":
		t.Registrar = f.value
	case "transport":
		t.Transport = f.oneOf("udp", "tcp", "tls")
	case "user":
		t.Username = f.value
	case "from":
		if t.From = f.value; !isNumber(f.value) {
			f.bad("write it with + and the country, such as +15550100")
		}
	case "allow":
		if p, ok := f.network(); ok {
			t.Allow = append(t.Allow, p)
		}
	case "srtp":
		t.SRTP = f.oneOf("off", "offered", "required")
	case "expires":
		t.Expires = f.seconds(60, 86400)
	case "ring":
		t.Ring = f.seconds(0, 30)
	case "callback":
		t.Callback = f.yes()
	case "bridge":
		t.Bridge = f.yes()
	case "strict":
		t.Strict = f.yes()
	default:
		f.unknown(trunkFields[:])
	}
}

// sip finds what is missing beside something else.
func (r *reading) sip(c *Config, missing func(key, message string, there bool)) {
	s := &c.SIP
	secure := false
	for _, l := range s.Listen {
		secure = secure || strings.HasPrefix(l, "tls:")
	}
	if secure {
		missing("sip.tls.cert", "tls: shows it to those who call", s.Cert != "")
		missing("sip.tls.key", "it belongs to the certificate", s.Key != "")
	}
	for i := range s.Trunks {
		t := &s.Trunks[i]
		if len(t.Allow) == 0 && t.Callers == "" && t.Registrar == "" && t.Host == "" {
			r.wrong("sip.trunks", fmt.Sprintf("%s: anybody could call as it", t.Name), "say where it is (host=sip.example.net), where its calls come from (allow=192.0.2.0/24), or what they must show (sip.callers)")
		}
		if t.Username != "" && !t.Password.IsSet() {
			missing("sip.passwords", fmt.Sprintf("%s has a user and no password", t.Name), false)
		}
		if t.Registrar != "" && t.Username == "" {
			r.wrong("sip.trunks", fmt.Sprintf("%s: a registrar asks who we are", t.Name), "add user=, and its password to sip.passwords")
		}
	}
}
