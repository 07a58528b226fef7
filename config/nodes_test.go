package config

import (
	"strings"
	"testing"
	"time"
)

func TestNodes(t *testing.T) {
	load := func(text string) (*Config, error) { return Load(Source{File: write(t, text)}) }
	c, err := load("nodes: {each: [sip, smpp.mtn], leave: 15s}\n")
	if err != nil || c.Nodes.Leave != 15*time.Second {
		t.Fatal(c, err)
	}
	for name, want := range map[string]bool{"sip": true, "smpp.mtn": true, "ussd.smpp.mtn": true, "smpp.orange": false, "telegram": false} {
		if c.Nodes.Everywhere(name) != want {
			t.Errorf("%s: everywhere is %v", name, !want)
		}
	}
	if c, err = load(""); err != nil || c.Nodes.Leave != 0 || c.Nodes.Everywhere("sip") {
		t.Error(c, err)
	}
	for text, fault := range map[string]string{"each: sms": "no line that one server has", "leave: soon": "no time to leave in", "leave: 1h": "no time to leave in"} {
		if _, err := load("nodes:\n  " + text + "\n"); err == nil || !strings.Contains(err.Error(), fault) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
