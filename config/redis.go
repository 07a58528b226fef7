package config

import (
	"net/url"
	"strings"
)

// redis reads where several nodes share what they may lose; store/redis says which addresses there are.
func (r *reading) redis(c *Config, s Setting, text string) {
	if text == "" {
		return
	}
	if !strings.HasPrefix(text, "redis://") && !strings.HasPrefix(text, "rediss://") {
		r.wrong(s.Key, "that is not the address of a Redis", "write redis://HOST:6379, or rediss://HOST:6379 where the way is encrypted")
		return
	}
	u, err := url.Parse(text)
	if err != nil {
		r.wrong(s.Key, "that is not the address of a Redis", "write redis://HOST:6379; what is in a password but letters and digits is written as in a web address, such as %40 for @")
		return
	}
	if far := farHost(u); far != "" && u.Scheme == "redis" && u.Query().Get("tls") != "off" {
		r.wrong(s.Key, "the way to "+far+" is not encrypted", "write rediss:// instead of redis://, or add ?tls=off where the way is safe by itself")
		return
	}
	c.Redis = NewSecret(text)
}
