package config

import (
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// SMPP is text messages and menus straight with phone companies.
type SMPP struct {
	Operators []Operator
	Dir       string // for what must outlive the process, sealed
}

// On says whether there is a phone company.
func (s SMPP) On() bool { return len(s.Operators) > 0 }

// Operator is one phone company, and what its form says.
type Operator struct {
	Name, Host            string // Host with its port
	TLS                   bool
	CA                    string // file with who signed its certificate; "": whom the machine trusts
	SystemID, SystemType  string
	Password              Secret
	Range                 string
	Separate              bool // a bind to send and one to receive
	Texts                 bool
	From                  string
	TON, NPI              int // -1: as From looks
	Service               string
	Long                  string // "udh8", "udh16", "sar"
	Alphabet              string // "gsm", "packed", "latin1"
	IDs                   string // "same", "hex-receipts", "hex-answers", "hex", "decimal"
	Receipts              bool
	Validity, Enquire     time.Duration
	Window                int
	PerSecond             float64
	USSD                  string // "", "standard", "6d", "mica"
	Code                  string
	Septets, UCS2         int
	Star                  bool
	Ops                   map[string][]byte // "dial", "answer", "abort", "done", "ask", "end": instead of what is usual
	Session               string            // "its", "its8", "whole", "reference", "number", "0x1401"; "": the usual
	CodingGSM, CodingUCS2 int               // data_coding of screens; -1: the usual
}

// operatorFields are what may be said of a phone company after its name.
var operatorFields = []string{
	"host", "tls", "ca", "system_id", "system_type", "range", "bind", "texts", "from", "ton", "npi", "service", "long", "alphabet", "ids",
	"receipts", "validity", "enquire", "window", "per_second", "ussd", "code", "septets", "ucs2", "star", "dial", "answer", "abort", "done",
	"ask", "end", "session", "dcs", "dcs_ucs2",
}

var operatorName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]*$`)

func (r *reading) setSMPP(c *SMPP, s Setting, text string) {
	switch s.Key {
	case "smpp.operators":
		c.Operators = r.operators(s.Key, text)
	case "smpp.passwords":
		r.operatorPasswords(s.Key, text, c)
	case "smpp.dir":
		c.Dir = text
	}
}

// operators reads "mtn host=smpp.example.net:2775 system_id=town from=15001".
func (r *reading) operators(key, text string) (all []Operator) {
	for _, entry := range strings.Split(text, ",") {
		words := strings.Fields(entry)
		if len(words) == 0 {
			continue
		}
		o := Operator{Name: words[0], Texts: true, TON: -1, NPI: -1, Receipts: true, Window: 10, CodingGSM: -1, CodingUCS2: -1, Ops: map[string][]byte{}}
		if !operatorName.MatchString(o.Name) {
			r.wrong(key, fmt.Sprintf("%q is no name for a phone company", o.Name), "begin with a name of letters, digits and hyphens: mtn host=smpp.example.net:2775")
			continue
		}
		if slices.ContainsFunc(all, func(other Operator) bool { return other.Name == o.Name }) {
			r.wrong(key, fmt.Sprintf("names %q twice", o.Name), "give each phone company a name of its own")
			continue
		}
		for _, word := range words[1:] {
			r.operatorField(key, &o, word)
		}
		all = append(all, o)
	}
	return all
}

func (r *reading) operatorField(key string, o *Operator, word string) {
	f := r.field(key, o.Name, word)
	switch f.name {
	case "host":
		o.Host = f.value
		if !strings.Contains(f.value, ":") {
			o.Host = net.JoinHostPort(f.value, "2775")
		}
		host, port, err := net.SplitHostPort(o.Host)
		if n, errPort := strconv.Atoi(port); err != nil || host == "" || errPort != nil || n < 1 || n > 65535 {
			f.bad("write it with its port, such as smpp.example.net:2775")
		}
	case "tls":
		o.TLS = f.yes()
	case "ca":
		o.CA, o.TLS = f.value, true
	case "system_id":
		o.SystemID = f.short(15)
	case "system_type":
		o.SystemType = f.short(12)
	case "range":
		o.Range = f.short(40)
	case "bind":
		o.Separate = f.oneOf("trx", "tx+rx") == "tx+rx"
	case "texts":
		o.Texts = f.yes()
	case "from":
		o.From = f.short(20)
	case "ton":
		o.TON = f.number(0, 6)
	case "npi":
		o.NPI = f.number(0, 18)
	case "service":
		o.Service = f.short(5)
	case "long":
		o.Long = f.oneOf("udh8", "udh16", "sar")
	case "alphabet":
		o.Alphabet = f.oneOf("gsm", "packed", "latin1")
	case "ids":
		o.IDs = f.oneOf("same", "hex-receipts", "hex-answers", "hex", "decimal")
	case "receipts":
		o.Receipts = f.yes()
	case "validity":
		o.Validity = f.span(time.Minute, 99*24*time.Hour)
	case "enquire":
		o.Enquire = f.span(5*time.Second, 10*time.Minute)
	case "window":
		o.Window = f.number(1, 1000)
	case "per_second":
		n, err := strconv.ParseFloat(f.value, 64)
		if o.PerSecond = n; err != nil || !(n > 0 && n <= 100000) {
			f.bad("write how many may be sent in a second, such as 50")
		}
	case "ussd":
		o.USSD = f.oneOf("standard", "6d", "mica")
	case "code":
		o.Code = f.code()
	case "septets":
		o.Septets = f.number(leastSeptets, 182)
	case "ucs2":
		o.UCS2 = f.number(leastUCS2, mostUCS2)
	case "star":
		o.Star = f.oneOf("*", "00") == "*"
	case "dial", "answer", "abort", "done", "ask", "end":
		for _, one := range strings.Split(f.value, "+") {
			n, err := strconv.ParseUint(one, 0, 8)
			if err != nil {
				f.bad("write a number from 0 to 255, such as 17 or 0x11; several with + between")
				return
			}
			o.Ops[f.name] = append(o.Ops[f.name], byte(n))
		}
		if (f.name == "ask" || f.name == "end") && len(o.Ops[f.name]) != 1 {
			f.bad("write one number from 0 to 255")
		}
	case "session":
		o.Session = f.value
		if n, err := strconv.ParseUint(f.value, 0, 16); strings.HasPrefix(f.value, "0x") && err == nil && n > 0 {
			return
		}
		f.oneOf("its", "its8", "whole", "reference", "number")
	case "dcs":
		o.CodingGSM = f.number(0, 255)
	case "dcs_ucs2":
		o.CodingUCS2 = f.number(1, 255)
	default:
		f.unknown(operatorFields)
	}
}

// operatorPasswords reads "mtn=SECRET". The phone companies were read before: settings come in the order of their list.
func (r *reading) operatorPasswords(key, text string, c *SMPP) {
	for _, entry := range Split(text) {
		name, secret, _ := strings.Cut(entry, "=")
		i := slices.IndexFunc(c.Operators, func(o Operator) bool { return o.Name == name })
		if i < 0 || secret == "" {
			r.wrong(key, "holds something that is not a phone company's name and its password", "write the name as in smpp.operators, = and the password, such as mtn=SECRET")
			continue
		}
		c.Operators[i].Password = NewSecret(secret)
	}
}

// smpp finds what is missing beside something else.
func (r *reading) smpp(c *Config, missing func(key, message string, there bool)) {
	for i := range c.SMPP.Operators {
		o := &c.SMPP.Operators[i]
		say := func(what, mend string) { r.wrong("smpp.operators", o.Name+": "+what, mend) }
		switch {
		case o.Host == "":
			say("nobody knows where it is", "add host=, such as host=smpp.example.net:2775")
		case o.SystemID == "":
			say("it asks who we are", "add system_id=, as its form says, and its password to smpp.passwords")
		case !o.Texts && o.USSD == "":
			say("it carries neither texts nor menus", "add ussd=standard, or leave texts=off out")
		case o.Texts && o.USSD != "" && o.Window < 2:
			say("texts and menus can't share a window of one", "write window=2 or more, or give menus a bind of their own")
		case o.Texts && o.From == "":
			say("texts must come from some number", "add from=, such as from=15001")
		case o.USSD == "" && (o.Code != "" || len(o.Ops) > 0 || o.Session != ""):
			say("there are settings for menus, and no menus", "add ussd=standard")
		}
		if !o.Password.IsSet() {
			missing("smpp.passwords", fmt.Sprintf("%s has a system_id and no password", o.Name), false)
		}
		if o.Code == "" && o.USSD != "" {
			o.Code = c.USSD.Code
		}
		if c.USSD.Code == "" {
			c.USSD.Code = o.Code // as it is printed
		}
	}
	if c.SMPP.On() && c.SMPP.Dir == "" {
		missing("smpp.dir", "what phone companies hand over is kept there until it is whole", false)
	}
}
