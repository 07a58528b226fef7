package config

import (
	"fmt"
	"net/netip"
	"strings"
)

// USSD is the town's menus on any handset.
type USSD struct {
	Code     string // that residents dial, as it is printed: the first gateway's where nothing is set
	Gateways []Menus
	Dir      string         // for what menus promised, until it is kept, sealed
	Proxies  []netip.Prefix // of the town's own: their word on where a request comes from is taken
}

// On says whether there is a gateway.
func (u USSD) On() bool { return len(u.Gateways) > 0 }

// Menus come by one gateway.
type Menus struct {
	Dialect string // how the gateway speaks, which is its name as well
	Code    string // that is dialled on it, if another than the town's
	Allow   []netip.Prefix
	Secret  Secret
	Septets int // 0: the usual
	UCS2    int
	Star    bool // it passes the star key on
}

// gatewayFields are what may be said of a gateway after its name.
var gatewayFields = [...]string{"code", "allow", "septets", "ucs2", "star"}

// ussdDialects are those that channels/ussd speaks, and how many septets a screen of each can hold at most.
var ussdDialects = []struct {
	name string
	most int
}{
	{"africastalking", 182}, {"hubtel", 182}, {"nalo", 120}, {"arkesel", 182}, {"beem", 182}, {"infobip", 182}, {"airtel", 182}, {"hollatags", 160}, {"plain", 182},
}

const (
	leastSeptets         = 100
	leastUCS2, mostUCS2  = 60, 80
	leastSecretOfGateway = 16
)

func (r *reading) setUSSD(c *USSD, s Setting, text string) {
	switch s.Key {
	case "ussd.code":
		c.Code = text
		if text != "" && !isDialCode(text) {
			r.wrong(s.Key, fmt.Sprintf("%q is no code to dial", text), "write it with its stars and its hash key, such as *384*123#")
		}
	case "ussd.gateways":
		c.Gateways = r.gateways(s.Key, text)
	case "ussd.secrets":
		r.gatewaySecrets(s.Key, text, c)
	case "ussd.dir":
		c.Dir = text
	case "ussd.proxies":
		c.Proxies = r.networks(s.Key, text, ownProxies)
	}
}

const ownProxies = "the town's own proxies"

// networks reads addresses and networks, which may not be everybody.
func (r *reading) networks(key, text, whose string) (all []netip.Prefix) {
	for _, one := range Split(text) {
		p, ok := network(one)
		if !ok {
			r.wrong(key, fmt.Sprintf("%q is not an address or a network", one), "write it like 127.0.0.1 or 10.1.0.0/16")
			continue
		}
		if p.Bits() == 0 {
			r.wrong(key, fmt.Sprintf("%q is everybody", one), "write the addresses of "+whose+", like 127.0.0.1 or 10.1.0.0/16")
			continue
		}
		all = append(all, p)
	}
	return all
}

// gateways reads "africastalking code=*384*123# allow=192.0.2.0/24, hubtel".
func (r *reading) gateways(key, text string) (all []Menus) {
	var names []string
	for _, d := range ussdDialects {
		names = append(names, d.name)
	}
next:
	for _, entry := range strings.Split(text, ",") {
		words := strings.Fields(entry)
		if len(words) == 0 {
			continue
		}
		g := Menus{Dialect: words[0]}
		for i, d := range ussdDialects {
			if d.name == g.Dialect {
				break
			}
			if i+1 == len(ussdDialects) {
				mend := "write one of: " + strings.Join(names, ", ")
				if near := Near(g.Dialect, names); near != "" {
					mend = "did you mean " + near + "?"
				}
				r.wrong(key, fmt.Sprintf("nobody here speaks %q", g.Dialect), mend)
				continue next
			}
		}
		for _, other := range all {
			if other.Dialect == g.Dialect {
				r.wrong(key, fmt.Sprintf("names %q twice", g.Dialect), "write all of it in one entry")
				continue next
			}
		}
		for _, word := range words[1:] {
			r.gatewayField(key, &g, word)
		}
		all = append(all, g)
	}
	return all
}

func (r *reading) gatewayField(key string, g *Menus, word string) {
	f := r.field(key, g.Dialect, word)
	switch f.name {
	case "code":
		g.Code = f.code()
	case "allow":
		p, ok := f.network()
		if !ok {
			return
		}
		if p.Bits() == 0 {
			f.bad("that is everybody: write the addresses that the gateway tells, or put a secret into the address that it calls (ussd.secrets)")
			return
		}
		g.Allow = append(g.Allow, p)
	case "septets":
		for _, d := range ussdDialects {
			if d.name == g.Dialect {
				g.Septets = f.number(leastSeptets, d.most)
			}
		}
	case "ucs2":
		g.UCS2 = f.number(leastUCS2, mostUCS2)
	case "star":
		switch f.value {
		case "*":
			g.Star = true
		case "00":
		default:
			f.bad("write star=* where the gateway passes the star key on, else star=00")
		}
	default:
		f.unknown(gatewayFields[:])
	}
}

// gatewaySecrets reads "hubtel=SECRET, plain=SECRET". The gateways were read before: settings come in the order of their list.
func (r *reading) gatewaySecrets(key, text string, c *USSD) {
next:
	for _, entry := range Split(text) {
		name, secret, _ := strings.Cut(entry, "=")
		for i := range c.Gateways {
			if c.Gateways[i].Dialect != name || secret == "" {
				continue
			}
			if len(secret) < leastSecretOfGateway || name != "plain" && strings.Trim(secret, plain) != "" {
				r.wrong(key, fmt.Sprintf("the one of %s is too short, or holds more than letters and digits", name), "make one of 32 characters: openssl rand -hex 16")
			}
			c.Gateways[i].Secret = NewSecret(secret)
			continue next
		}
		r.wrong(key, "holds something that is not a gateway's name and its secret", "write the name as in ussd.gateways, = and the secret, such as hubtel=SECRET")
	}
}

// ussd completes what is set of menus, once all was read.
func (r *reading) ussd(c *Config, missing func(key, message string, there bool)) {
	u := &c.USSD
	for i := range u.Gateways {
		g := &u.Gateways[i]
		if g.Code == "" {
			g.Code = u.Code
		}
		switch {
		case g.Dialect == "plain":
			missing("ussd.secrets", "both sides of plain sign with one", g.Secret.IsSet())
		case !g.Secret.IsSet() && len(g.Allow) == 0:
			r.wrong("ussd.gateways", g.Dialect+": anybody could call as it", "say where its calls come from (allow=192.0.2.0/24), or put a secret into the address that it calls (ussd.secrets)")
		}
		if g.Dialect == "airtel" && g.Code == "" {
			missing("ussd.code", "Airtel doesn't say when somebody dials: it is told by the code", false)
		}
		if u.Code == "" {
			u.Code = g.Code
		}
	}
}

// isDialCode says whether text can be dialled for a menu: *384*123#.
func isDialCode(text string) bool {
	return len(text) >= 3 && len(text) <= 40 && strings.HasPrefix(text, "*") && strings.HasSuffix(text, "#") && strings.Trim(text, "0123456789*#") == "" &&
		strings.Trim(text, "*#") != ""
}

// network reads an address, or several.
func network(text string) (netip.Prefix, bool) {
	if a, err := netip.ParseAddr(text); err == nil {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), true
	}
	p, err := netip.ParsePrefix(text)
	return p.Masked(), err == nil
}
