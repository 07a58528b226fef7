package config

import (
	"strings"
	"testing"
)

func TestRedisAddress(t *testing.T) {
	const address = "rediss://town:hush@a.example:6379,b.example:6379?cluster=1"
	t.Setenv("TOWNLINE_REDIS_URL", address)
	c, err := Load(Source{File: write(t, "town: {name: A, timezone: UTC}\n")})
	if err != nil || c.Redis.Reveal() != address {
		t.Fatalf("%v, %v", c, err)
	}
	for _, v := range c.Values {
		if strings.Contains(v.Text, "hush") {
			t.Errorf("%s shows a password: %s", v.Key, v.Text)
		}
	}
	for address, fault := range map[string]string{
		"redis://127.0.0.1:6379":                            "",
		"redis://:hush@localhost,127.0.0.1:6380?sentinel=a": "",
		"redis://10.0.0.7?tls=off":                          "",
		"rediss://a.example":                                "",
		"redis://town:hush@10.0.0.7:6379":                   "the way to 10.0.0.7 is not encrypted",
		"redis://localhost,a.example?cluster=1":             "the way to a.example is not encrypted",
		"redis://:hu%sh@localhost":                          "not the address of a Redis",
	} {
		t.Setenv("TOWNLINE_REDIS_URL", address)
		_, err := Load(Source{})
		if fault == "" && err != nil || fault != "" && (err == nil || !strings.Contains(err.Error(), fault) || strings.Contains(err.Error(), "hu")) {
			t.Errorf("%s: %v", address, err)
		}
	}
	t.Setenv("TOWNLINE_REDIS_URL", "hush@a.example")
	if _, err := Load(Source{}); err == nil || strings.Contains(err.Error(), "hush") || !strings.Contains(err.Error(), "not the address of a Redis") {
		t.Errorf("%v", err)
	}
}
