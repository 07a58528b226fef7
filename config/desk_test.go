package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestClerks(t *testing.T) {
	load := func(text string) (*Config, error) {
		file := filepath.Join(t.TempDir(), "town.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return Load(Source{File: file})
	}
	c, err := load("desk:\n  clerks: [Anna=argon2id:19456:2:1:c2FsdA:c3Vt, José M.=argon2id:1]\n  answer_within: 90m\n")
	if err != nil || len(c.Desk.Clerks) != 2 || c.Desk.Clerks["José M."].Reveal() != "argon2id:1" || c.Desk.AnswerWithin != 90*time.Minute {
		t.Fatal(c, err)
	}
	if c, err = load(""); err != nil || c.Desk.Clerks != nil || c.Desk.AnswerWithin != 4*time.Hour {
		t.Fatal(c, err)
	}
	for bad, says := range map[string]string{
		"clerks: Anna": "not a clerk's name", "clerks: Anna=": "not a clerk's name", "clerks: =hash": "not a clerk's name",
		"clerks: [Anna=x, Anna=y]": "twice", "clerks: \"An\\u202ena=x\"": "not a clerk's name", "answer_within: soon": "no time to answer", "answer_within: 1s": "no time",
	} {
		if _, err := load("desk:\n  " + bad + "\n"); err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "hash") {
			t.Fatal(bad, err)
		}
	}
}
