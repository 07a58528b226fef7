package config

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

const phones = `public_url: https://talk.example.org
sms:
  twilio:
    account_sid: ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
    auth_token: the-token
    from: +15550100
voice:
  desk: +15550142
  desks: [works=42, hall=+15550143, parks=sip:parks@192.0.2.10]
  twilio:
    from: +15550100
    turn_away: on
  callback:
    on: yes
    per_number: 15m
    countries: [us, CA]
sip:
  listen: ["udp:0.0.0.0:5060", "tls:[::]:5061"]
  advertise: talk.example.org
  ports: 30000-30999
  tls:
    cert: cert.pem
    key: /etc/key.pem
  trunks:
    - main host=sip.example.net registrar=sip.example.net user=town from=+15550101 transport=tls srtp=required
    - pbx allow=192.0.2.10 allow=198.51.100.0/24 callback=on bridge=on ring=5
  passwords: main=a=b:c
  callers: pbx=them:longer-than-twelve
`

func TestTelephoneLines(t *testing.T) {
	c, err := Load(Source{File: write(t, phones)})
	if err != nil {
		t.Fatal(err)
	}
	v, s := c.Voice, c.SIP
	for what, pair := range map[string][2]any{
		"account":     {v.Twilio.AccountSID, "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
		"token":       {v.Twilio.AuthToken[0].Reveal(), "the-token"},
		"number":      {v.Number, "+15550100"},
		"desks":       {fmt.Sprint(v.Desks), "map[:+15550142 hall:+15550143 parks:sip:parks@192.0.2.10 works:42]"},
		"callback":    {fmt.Sprint(v.Callback), fmt.Sprint(Callback{true, 15 * time.Minute, 200, 36000, []string{"US", "CA"}})},
		"turned away": {v.Twilio.TurnAway && v.Twilio.On() && !v.Twilio.Speech, true},
		"listen":      {fmt.Sprint(s.Listen, s.Ports, s.MostCalls, s.Advertise, s.On()), "[udp:0.0.0.0:5060 tls:[::]:5061] [30000 30999] 60talk.example.orgtrue"},
		"key":         {s.Key, "/etc/key.pem"},
		"cert":        {strings.HasSuffix(s.Cert, "/cert.pem"), true},
		"main":        {s.Trunks[0].Password.Reveal() + " " + s.Trunks[0].Username + " " + s.Trunks[0].SRTP + " " + s.Trunks[0].Transport, "a=b:c town required tls"},
		"pbx":         {fmt.Sprint(s.Trunks[1].Allow, s.Trunks[1].Callback, s.Trunks[1].Bridge, s.Trunks[1].Ring), "[192.0.2.10/32 198.51.100.0/24] true true 5s"},
		"callers":     {s.Trunks[1].Callers + " " + s.Trunks[1].CallersPassword.Reveal(), "them longer-than-twelve"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: got %v, want %v", what, pair[0], pair[1])
		}
	}
	for _, value := range c.Values {
		for _, secret := range []string{"the-token", "a=b:c", "longer-than-twelve"} {
			if strings.Contains(value.Text, secret) {
				t.Errorf("%s shows a secret: %s", value.Key, value.Text)
			}
		}
	}
}

func TestNoTelephoneUnlessSet(t *testing.T) {
	t.Chdir(t.TempDir())
	c, err := Load(Source{})
	if err != nil {
		t.Fatal(err)
	}
	if c.Voice.Twilio.On() || c.SIP.On() || c.Voice.Callback.On || c.Voice.Callback.PerNumber != 10*time.Minute || fmt.Sprint(c.Voice.Callback.Countries) != "[US]" {
		t.Errorf("%+v %+v", c.Voice, c.SIP)
	}
}

func TestMistakesOnTelephoneLines(t *testing.T) {
	for name, one := range map[string]struct{ text, want string }{
		"number":        {"voice: {twilio: {from: 5550100}}", `townline.yaml:1: voice.twilio.from: "5550100" is not a number to call from`},
		"no account":    {"voice: {twilio: {from: +15550100}}", "voice.twilio.account_sid: is missing"},
		"no address":    {"voice: {twilio: {from: +15550100}}", "public_url: is missing"},
		"no number":     {"voice: {twilio: {speech: on}}", "voice.twilio.from: is missing"},
		"desk":          {"voice: {desk: reception}", "is not a number to pass calls to"},
		"short desk":    {"voice: {desk: 7}", "is not a number to pass calls to"},
		"desks":         {"voice: {desks: works}", `"works" is not a desk and its number`},
		"far desk":      {strings.Split(phones, "sip:\n")[0], `can't be reached through Twilio`},
		"pause":         {"voice: {callback: {per_number: 5}}", "is no pause between two calls"},
		"day":           {"voice: {callback: {per_day: 0}}", "write a number from 1 to 5000"},
		"country":       {"voice: {callback: {countries: [USA]}}", `"USA" is not a country`},
		"no line":       {"voice: {callback: {on: yes}}", "there is no telephone line to call back on"},
		"nobody calls":  {"sip: {listen: 'udp:127.0.0.1:5060', trunks: [pbx allow=192.0.2.1 callback=on]}", "nobody calls them back"},
		"listen":        {"sip: {listen: 0.0.0.0:5060, trunks: [pbx allow=192.0.2.1]}", `"0.0.0.0:5060" is no way to listen`},
		"no trunk":      {"sip: {listen: 'udp:0.0.0.0:5060'}", "sip.trunks: is missing"},
		"no listen":     {"sip: {trunks: [pbx allow=192.0.2.1]}", "sip.listen: is missing"},
		"anybody":       {"sip: {listen: 'udp:0.0.0.0:5060', trunks: [pbx from=+15550100]}", "pbx: anybody could call as it"},
		"field":         {"sip: {listen: 'udp:0.0.0.0:5060', trunks: [pbx alow=192.0.2.1]}", "did you mean allow=?"},
		"network":       {"sip: {listen: 'udp:0.0.0.0:5060', trunks: [pbx allow=192.0.2]}", `pbx: "192.0.2" is no allow that will do`},
		"twice":         {"sip: {listen: 'udp:0.0.0.0:5060', trunks: [pbx allow=192.0.2.1, pbx allow=192.0.2.2]}", `names "pbx" twice`},
		"no password":   {"sip: {listen: 'udp:0.0.0.0:5060', trunks: [pbx allow=192.0.2.1 user=town]}", "sip.passwords: is missing: pbx has a user and no password"},
		"whose":         {"sip: {listen: 'udp:0.0.0.0:5060', trunks: [pbx allow=192.0.2.1], passwords: px=secret}", "sip.passwords: holds something"},
		"short":         {"sip: {listen: 'udp:0.0.0.0:5060', trunks: [pbx], callers: 'pbx=me:short'}", "no name and password of 12 characters"},
		"ports":         {"sip: {listen: 'udp:0.0.0.0:5060', trunks: [pbx allow=192.0.2.1], ports: 80-90}", "is no range of ports"},
		"certificate":   {"sip: {listen: 'tls:0.0.0.0:5061', trunks: [pbx allow=192.0.2.1]}", "sip.tls.cert: is missing"},
		"where it goes": {"sip: {advertise: 'sip:talk'}", "is not a host"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(Source{File: write(t, one.text+"\n")})
			var all Mistakes
			if !errors.As(err, &all) || !strings.Contains(err.Error(), one.want) {
				t.Fatalf("want %q in: %v", one.want, err)
			}
			if strings.Contains(err.Error(), "short") && name == "short" && strings.Contains(err.Error(), "me:short") {
				t.Fatal("the message shows a secret")
			}
		})
	}
}
