package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/channels/peers"
	"github.com/townline/townline/channels/smpp"
	"github.com/townline/townline/config"
)

// phoneCompany is an SMSC by npm's smpp, which channels/smpp is tested with too.
type phoneCompany struct {
	t      *testing.T
	in     io.Writer
	events chan map[string]any
	port   int
}

func newPhoneCompany(t *testing.T) *phoneCompany {
	t.Helper()
	c := exec.Command("node", filepath.Join("..", "..", "channels", "smpp", "testdata", "smsc.js"), peers.NPM(t, "smpp"))
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatalf("node is needed: install the package nodejs (%v)", err)
	}
	p := &phoneCompany{t: t, in: in, events: make(chan map[string]any, 1000)}
	read := make(chan struct{})
	go func() {
		defer close(read)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var e map[string]any
			if json.Unmarshal(lines.Bytes(), &e) == nil {
				p.events <- e
			}
		}
	}()
	t.Cleanup(func() { in.Close(); <-read; _ = c.Wait() })
	p.port = int(p.wait("listen")["port"].(float64))
	return p
}

func (p *phoneCompany) wait(name string) map[string]any {
	p.t.Helper()
	late := time.NewTimer(30 * time.Second)
	defer late.Stop()
	for {
		select {
		case e := <-p.events:
			if e["event"] == name {
				return e
			}
		case <-late.C:
			p.t.Fatalf("the phone company never told of %q", name)
		}
	}
}

// deliver has it hand over a message; it returns what was answered.
func (p *phoneCompany) deliver(fields string) int {
	p.t.Helper()
	fmt.Fprintf(p.in, `{"deliver":{"source_addr":"15550142","source_addr_ton":1,"source_addr_npi":1,"destination_addr":"384",%s}}`+"\n", fields)
	return int(p.wait("answer")["status"].(float64))
}

// The town as it is served, straight with a phone company: by text and by menu, and killed once it had said yes.
func TestServedBySMPP(t *testing.T) {
	p, company := newPlace(t), newPhoneCompany(t)
	p.write("townline.yaml", fmt.Sprintf(`listen: 127.0.0.1:0
town: {country: US}
smpp:
  operators: "mtn host=127.0.0.1:%d system_id=town from=384 ussd=standard code=*384#"
  passwords: mtn=secret
`, company.port))
	r := p.serve()
	if b := company.wait("bind"); b["system_id"] != "town" {
		t.Errorf("%v", b)
	}
	if s := company.deliver(`"short_message":"hello"`); s != 0 {
		t.Fatalf("a text was answered with %d", s)
	}
	if e := company.wait("submit"); e["to"] != "15550142" || e["from"] != "384" || !strings.Contains(fmt.Sprint(e["words"]), "1") {
		t.Errorf("%v", e)
	}
	if s := company.deliver(`"service_type":"USSD","ussd_service_op":1,"its_session_info":"0102","short_message":"*384#"`); s != 0 {
		t.Fatalf("a menu was answered with %d", s)
	}
	if e := company.wait("submit"); e["op"] != 2.0 || e["its"] != "0102" || e["reports"] != 0.0 {
		t.Errorf("%v", e)
	}
	company.deliver(`"service_type":"USSD","ussd_service_op":129,"its_session_info":"0102","short_message":""`)

	// What was said yes to is on disk: killed right then, it answers all the same.
	if s := company.deliver(`"short_message":"STOP"`); s != 0 {
		t.Fatalf("a text was answered with %d", s)
	}
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait()
	r = p.serve()
	company.wait("bind")
	if s := company.deliver(`"short_message":"hello"`); s != 0 {
		t.Fatalf("a text was answered with %d", s)
	}
	fmt.Fprintln(company.in, `{"raw":"0000001000000005000000000000232a"}`)
	fmt.Fprintln(company.in, `{"raw":"0000001000000999000000000000232b"}`)
	company.wait("nack")
	if err := r.stop(); err != nil {
		t.Errorf("%v\n%s", err, r.errs)
	}
	company.wait("unbind")
	if log := r.errs.String(); strings.Contains(log, "15550142") || strings.Contains(log, "secret") {
		t.Errorf("the log holds a number or a password:\n%s", log)
	}
	p.run("", "unread").must(t, 0, "mtn", "16 octets", "it ends too early")
	p.run("", "unread", "--show").must(t, 0, "00 00 23 2a")
}

// Every setting of a phone company reaches the adapter.
func TestOperatorsInTheAdaptersTerms(t *testing.T) {
	file := filepath.Join(t.TempDir(), "townline.yaml")
	if err := os.WriteFile(file, []byte(`smpp:
  operators: a host=h:1 system_id=s system_type=t range=r bind=tx+rx from=15001 ton=3 npi=4 service=CMT long=udh16 alphabet=packed ids=hex receipts=off
    validity=2h enquire=10s window=7 per_second=3 ussd=6d code=*1# septets=182 ucs2=80 star=* dial=1+2 answer=3 abort=4 done=5 ask=6 end=7 session=0x1501 dcs=15 dcs_ucs2=72
  passwords: a=p
`), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(config.Source{File: file})
	if err != nil {
		t.Fatal(err)
	}
	got, err := operator(c, &c.SMPP.Operators[0])
	if err != nil {
		t.Fatal(err)
	}
	menus := got.Menus
	got.Menus = nil
	want := smpp.Config{
		Operator: "a", Address: "h:1", SystemID: "s", Password: "p", SystemType: "t", Range: "r", Separate: true, From: "15001", TON: 3, NPI: 4, Service: "CMT",
		Long: smpp.UDH16, Alphabet: smpp.Packed, IDs: smpp.HexIDs, Validity: 2 * time.Hour, Enquire: 10 * time.Second, Window: 7, PerSecond: 3, Country: "US", Lang: "en",
	}
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	wantMenus := smpp.Menus{
		Code: "*1#", Service: "USSD", Dial: []byte{1, 2}, Answer: []byte{3}, Abort: []byte{4}, Done: []byte{5}, Ask: 6, End: 7, Session: smpp.ByTag, SessionTag: 0x1501,
		Septets: 182, UCS2: 80, CodingGSM: 15, CodingUCS2: 72, Star: true,
	}
	if fmt.Sprintf("%+v", *menus) != fmt.Sprintf("%+v", wantMenus) {
		t.Errorf("got  %+v\nwant %+v", *menus, wantMenus)
	}
	if sizes := operatorMenus(c); len(sizes) != 1 || sizes[0].Limit != 182 || sizes[0].Name != "ussd.smpp.a" {
		t.Errorf("%+v", sizes)
	}
}

// The examples in channels/smpp/README.md can be set as they stand there.
func TestExamplesOfSMPP(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "channels", "smpp", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, block := range regexp.MustCompile(`(?m)^(    .*\n)+`).FindAllString(string(text), -1) {
		example := strings.ReplaceAll("\n"+block, "\n    ", "\n")
		if !strings.Contains(example, "smpp:") {
			continue
		}
		found++
		file := filepath.Join(t.TempDir(), "townline.yaml")
		if err := os.WriteFile(file, []byte(example), 0o600); err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, m := range regexp.MustCompile(`(?m)^ *- "?([a-z]+) host=`).FindAllStringSubmatch(example, -1) {
			names = append(names, m[1]+"=x")
		}
		t.Setenv("TOWNLINE_SMPP_PASSWORDS", strings.Join(names, ","))
		c, err := config.Load(config.Source{File: file})
		if err != nil {
			t.Errorf("%s\n%v", example, err)
			continue
		}
		for i := range c.SMPP.Operators {
			o, err := operator(c, &c.SMPP.Operators[i])
			if err == nil {
				_, err = smpp.New(o)
			}
			if err != nil {
				t.Errorf("%s\n%v", example, err)
			}
		}
	}
	if found < 2 {
		t.Errorf("%d examples", found)
	}
}
