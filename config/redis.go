package config

import "strings"

// redis reads where several nodes share what they may lose; store/redis says which addresses there are.
func (r *reading) redis(c *Config, s Setting, text string) {
	if text == "" {
		return
	}
	if !strings.HasPrefix(text, "redis://") && !strings.HasPrefix(text, "rediss://") {
		r.wrong(s.Key, "that is not the address of a Redis", "write redis://HOST:6379, or rediss://HOST:6379 where the way is encrypted")
		return
	}
	c.Redis = NewSecret(text)
}
