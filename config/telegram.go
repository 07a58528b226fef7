package config

import (
	"fmt"
	"regexp"
	"strings"
)

// Telegram is the town's bot there.
type Telegram struct {
	Token   Secret
	Name    string // as in t.me/Name; "": nobody is led there
	Webhook bool   // Telegram calls the server; else the server asks Telegram
	Secret  Secret // that Telegram shows when it calls
	API     string // a Bot API server of the town's own; "": Telegram's
}

// On says whether any of it was set.
func (t Telegram) On() bool { return t.Token.IsSet() || t.Webhook || t.Secret.IsSet() || t.API != "" }

var (
	telegramToken  = regexp.MustCompile(`^[0-9]{1,20}:[A-Za-z0-9_-]{20,128}$`)
	telegramName   = regexp.MustCompile(`(?i)^[a-z][a-z0-9_]{1,28}bot$`)
	telegramSecret = regexp.MustCompile(`^[A-Za-z0-9_-]{16,256}$`)
)

func (r *reading) setTelegram(c *Telegram, s Setting, text string) {
	switch s.Key {
	case "telegram.token":
		c.Token = NewSecret(text)
		if text != "" && !telegramToken.MatchString(text) {
			r.wrong(s.Key, "is no token of a bot", "copy it from BotFather as it is: digits, a colon, and letters")
		}
	case "telegram.name":
		c.Name = strings.TrimPrefix(text, "@")
		if text != "" && !telegramName.MatchString(c.Name) {
			r.wrong(s.Key, "is no name of a bot", "write it as BotFather has it: 5 to 32 letters, digits and _, with \"bot\" at its end")
		}
	case "telegram.webhook":
		c.Webhook = r.onOff(s.Key, text) == On
	case "telegram.secret":
		c.Secret = NewSecret(text)
		if text != "" && !telegramSecret.MatchString(text) {
			r.wrong(s.Key, "is too short, or holds more than letters, digits, _ and -", "make one of 32 characters: openssl rand -hex 16")
		}
	case "telegram.api":
		c.API = text
		r.checkURL(s.Key, text)
	}
}

// telegram finds what is missing beside something else.
func (r *reading) telegram(c *Config, missing func(key, message string, there bool)) {
	t := c.Telegram
	if !t.On() {
		return
	}
	missing("telegram.token", "BotFather gives it to whoever makes the bot", t.Token.IsSet())
	if !t.Webhook {
		return
	}
	missing("telegram.secret", "without it nobody can tell Telegram's calls from forged ones", t.Secret.IsSet())
	missing("public_url", "Telegram must know where to call", c.PublicURL != "")
	if c.PublicURL != "" && !strings.HasPrefix(c.PublicURL, "https://") {
		r.wrong("telegram.webhook", fmt.Sprintf("Telegram does not call %q", c.PublicURL), "it calls https addresses only; with telegram.webhook off the server asks Telegram instead")
	}
}
