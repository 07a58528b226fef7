package config

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

const operators = `ussd:
  code: "*384*123#"
smpp:
  operators:
    - mtn host=smpp.example.net system_id=town system_type=VMA from=15001 window=20 per_second=50 validity=24h ussd=standard
    - airtel host=192.0.2.7:3600 tls=on system_id=elmwood bind=tx+rx from=+15550100 ton=1 npi=1 long=sar ids=hex-receipts receipts=off alphabet=latin1
    - menus host=ussd.example.net:2775 system_id=town texts=off ussd=6d code=*711# abort=0x81+0x82 end=17 session=0x1501 septets=182 ucs2=80 star=* dcs=15 dcs_ucs2=72
  passwords: [mtn=s3cret, "airtel=a=b", menus=x]
`

func TestOperators(t *testing.T) {
	c, err := Load(Source{File: write(t, operators)})
	if err != nil {
		t.Fatal(err)
	}
	if !c.SMPP.On() || len(c.SMPP.Operators) != 3 || !strings.HasSuffix(c.SMPP.Dir, "smpp") {
		t.Fatalf("%+v", c.SMPP)
	}
	mtn, airtel, menus := c.SMPP.Operators[0], c.SMPP.Operators[1], c.SMPP.Operators[2]
	if mtn.Host != "smpp.example.net:2775" || mtn.Password.Reveal() != "s3cret" || mtn.Window != 20 || mtn.PerSecond != 50 || mtn.Validity != 24*time.Hour ||
		!mtn.Texts || !mtn.Receipts || mtn.TON != -1 || mtn.SystemType != "VMA" || mtn.USSD != "standard" || mtn.Code != "*384*123#" {
		t.Errorf("%+v", mtn)
	}
	if airtel.Host != "192.0.2.7:3600" || !airtel.TLS || !airtel.Separate || airtel.TON != 1 || airtel.NPI != 1 || airtel.Long != "sar" ||
		airtel.IDs != "hex-receipts" || airtel.Receipts || airtel.Alphabet != "latin1" || airtel.Password.Reveal() != "a=b" || airtel.USSD != "" {
		t.Errorf("%+v", airtel)
	}
	if c.USSD.Code != "*384*123#" {
		t.Errorf("%q is printed", c.USSD.Code)
	}
	if menus.Texts || menus.Code != "*711#" || fmt.Sprint(menus.Ops) != "map[abort:[129 130] end:[17]]" || menus.Session != "0x1501" ||
		menus.Septets != 182 || menus.UCS2 != 80 || !menus.Star || menus.CodingGSM != 15 || menus.CodingUCS2 != 72 {
		t.Errorf("%+v", menus)
	}
	for _, v := range c.Values {
		if strings.Contains(v.Text, "s3cret") {
			t.Errorf("%s shows a password", v.Key)
		}
	}
}

func TestMistakesOnOperators(t *testing.T) {
	const good = "mtn host=smpp.example.net system_id=town from=15001"
	for name, one := range map[string]struct{ entry, want string }{
		"no name":       {"host=smpp.example.net", "is no name for a phone company"},
		"twice":         {good + ", " + good, `names "mtn" twice`},
		"field":         {good + " windw=3", "did you mean window=?"},
		"no host":       {"mtn system_id=town from=15001", "mtn: nobody knows where it is"},
		"port":          {"mtn host=smpp.example.net:x system_id=town from=1", "write it with its port"},
		"no name of us": {"mtn host=smpp.example.net from=15001", "mtn: it asks who we are"},
		"no number":     {"mtn host=smpp.example.net system_id=town", "mtn: texts must come from some number"},
		"nothing":       {"mtn host=smpp.example.net system_id=town texts=off", "neither texts nor menus"},
		"window of one": {good + " ussd=standard window=1", "can't share a window of one"},
		"long":          {good + " long=udh", "write one of: udh8, udh16, sar"},
		"rate":          {good + " per_second=0", "write how many may be sent in a second"},
		"ton":           {good + " ton=9", "write a number from 0 to 6"},
		"switch":        {good + " tls=perhaps", "write on or off"},
		"time":          {good + " validity=5", "write a time from"},
		"ussd":          {good + " ussd=huawei", "write one of: standard, 6d, mica"},
		"no menus":      {good + " session=its", "there are settings for menus, and no menus"},
		"operation":     {good + " ussd=standard end=17+18", "write one number from 0 to 255"},
		"session":       {good + " ussd=standard session=umr", "write one of: its, its8, whole, reference, number"},
		"code":          {good + " ussd=standard code=384", "write it with its stars"},
		"no password":   {good, "smpp.passwords: is missing: mtn has a system_id and no password"},
	} {
		t.Run(name, func(t *testing.T) {
			text := "smpp:\n  operators: \"" + one.entry + "\"\n"
			if name != "no password" {
				text += "  passwords: mtn=x\n"
			}
			_, err := Load(Source{File: write(t, text)})
			if err == nil || !strings.Contains(err.Error(), one.want) {
				t.Errorf("got %v, want %q", err, one.want)
			}
			if err != nil && strings.Contains(err.Error(), "=x") {
				t.Errorf("%v shows a password", err)
			}
		})
	}
}

// Where menus come by a phone company alone, what is dialled there is what is printed.
func TestCodeOfAnOperator(t *testing.T) {
	c, err := Load(Source{File: write(t, "smpp:\n  operators: mtn host=h:1 system_id=s texts=off ussd=6d code=*711#\n  passwords: mtn=x\n")})
	if err != nil || c.USSD.Code != "*711#" {
		t.Errorf("%v, %+v", err, c)
	}
}
