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
	t.Setenv("TOWNLINE_REDIS_URL", "hush@a.example")
	if _, err := Load(Source{}); err == nil || strings.Contains(err.Error(), "hush") || !strings.Contains(err.Error(), "not the address of a Redis") {
		t.Errorf("%v", err)
	}
}
