package config

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

const menus = `ussd:
  code: "*384*123#"
  gateways:
    - africastalking allow=192.0.2.0/24 allow=198.51.100.7 septets=182 ucs2=80 star=*
    - hubtel code=*711*2#
    - nalo allow=192.0.2.0/24
    - plain
  secrets: [hubtel=0123456789abcdef, "plain=a=b:c-and-sixteen"]
  proxies: [127.0.0.1, 10.1.0.0/16]
`

func TestMenus(t *testing.T) {
	c, err := Load(Source{File: write(t, menus)})
	if err != nil {
		t.Fatal(err)
	}
	if !c.USSD.On() || c.USSD.Code != "*384*123#" || fmt.Sprint(c.USSD.Proxies) != "[127.0.0.1/32 10.1.0.0/16]" {
		t.Errorf("%+v", c.USSD)
	}
	var got []string
	for _, g := range c.USSD.Gateways {
		got = append(got, fmt.Sprint(g.Dialect, " ", g.Code, " ", g.Allow, " ", g.Septets, " ", g.UCS2, " ", g.Star, " ", g.Secret.Reveal()))
	}
	want := "africastalking *384*123# [192.0.2.0/24 198.51.100.7/32] 182 80 true \nhubtel *711*2# [] 0 0 false 0123456789abcdef\n" +
		"nalo *384*123# [192.0.2.0/24] 0 0 false \nplain *384*123# [] 0 0 false a=b:c-and-sixteen"
	if strings.Join(got, "\n") != want {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
	for _, v := range c.Values {
		if strings.Contains(v.Text, "0123456789abcdef") || strings.Contains(v.Text, "sixteen") {
			t.Errorf("%s shows a secret", v.Key)
		}
	}
}

func TestMistakesOnMenus(t *testing.T) {
	for name, one := range map[string]struct{ text, want string }{
		"dialect":     {"gateways: africastaking", "did you mean africastalking?"},
		"twice":       {"gateways: [hubtel allow=192.0.2.1, hubtel allow=192.0.2.2]", `names "hubtel" twice`},
		"anybody":     {"gateways: hubtel", "hubtel: anybody could call as it"},
		"unsigned":    {"gateways: plain allow=192.0.2.1", "ussd.secrets: is missing: both sides of plain sign with one"},
		"field":       {"gateways: hubtel alow=192.0.2.1", "did you mean allow=?"},
		"network":     {"gateways: hubtel allow=192.0.2", `hubtel: "192.0.2" is no allow that will do`},
		"septets":     {"gateways: hollatags allow=192.0.2.1 septets=182", "write a number from 100 to 160"},
		"nalo":        {"gateways: nalo allow=192.0.2.1 septets=160", "write a number from 100 to 120"},
		"ucs2":        {"gateways: hubtel allow=192.0.2.1 ucs2=90", "write a number from 60 to 80"},
		"star":        {"gateways: hubtel allow=192.0.2.1 star=yes", "write star=*"},
		"code":        {"code: 384#", `"384#" is no code to dial`},
		"own code":    {"gateways: hubtel allow=192.0.2.1 code=*#", "is no code that will do"},
		"airtel":      {"gateways: airtel allow=192.0.2.1", "ussd.code: is missing: Airtel doesn't say when somebody dials"},
		"whose":       {"{gateways: [hubtel allow=192.0.2.1], secrets: hubtl=0123456789abcdef}", "ussd.secrets: holds something that is not a gateway's name"},
		"short":       {"{gateways: [hubtel allow=192.0.2.1], secrets: hubtel=0123}", "the one of hubtel is too short"},
		"in address":  {"{gateways: [hubtel allow=192.0.2.1], secrets: hubtel=0123456789/abcdef}", "holds more than letters and digits"},
		"all":         {"gateways: hubtel allow=0.0.0.0/0", "hubtel: \"0.0.0.0/0\" is no allow that will do"},
		"all of IPv6": {"gateways: hubtel allow=::/0", "that is everybody"},
		"any proxy":   {"proxies: 0.0.0.0/0", `"0.0.0.0/0" is everybody`},
		"proxy":       {"proxies: balancer", `"balancer" is not an address or a network`},
	} {
		t.Run(name, func(t *testing.T) {
			text := "ussd: " + one.text + "\n"
			if !strings.HasPrefix(one.text, "{") {
				text = "ussd: {" + one.text + "}\n"
			}
			_, err := Load(Source{File: write(t, text)})
			var all Mistakes
			if !errors.As(err, &all) || !strings.Contains(err.Error(), one.want) {
				t.Fatalf("want %q in: %v", one.want, err)
			}
			if strings.Contains(err.Error(), "0123") {
				t.Fatal("the message shows a secret")
			}
		})
	}
}

func TestNoMenusUnlessSet(t *testing.T) {
	t.Chdir(t.TempDir())
	c, err := Load(Source{})
	if err != nil || c.USSD.On() {
		t.Errorf("%+v %v", c.USSD, err)
	}
}
