package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/townline/townline/channels"
)

const deskHelp = `list              who waits
open TALK         look at a talk, by its name or its place on the list (open 1)
take              the open talk is yours (say does so by itself)
say WORDS         say something to the resident
back [WORDS]      let the machine go on with its question
close [WORDS]     end the talk
hand COLLEAGUE    hand it to a colleague
over              take it over from a colleague who has it
quit              leave; talks stay as they are`

// deskLooks is how often news are looked for.
const deskLooks = 3 * time.Second

// talk is a clerk's work on a terminal: one line a command. What is said meanwhile in the open talk shows by itself.
func (t *terminal) talk(ctx context.Context, in io.Reader) error {
	if t.clerk == "" {
		return errNoName
	}
	if err := t.list(ctx); err != nil {
		return err
	}
	fmt.Fprintf(t.out, "You are %s. \"help\" says what can be done.\n> ", t.clerk)
	lines := make(chan string)
	go func() {
		defer close(lines)
		s := bufio.NewScanner(in)
		for s.Scan() {
			select {
			case lines <- s.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	look := time.NewTicker(deskLooks)
	defer look.Stop()
	at := openTalk{}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-look.C:
			if t.news(ctx, &at) {
				fmt.Fprint(t.out, "> ")
			}
		case line, ok := <-lines:
			if !ok {
				fmt.Fprintln(t.out)
				return nil
			}
			if quit, err := t.command(ctx, &at, line); quit {
				return nil
			} else if err != nil {
				fmt.Fprintln(t.out, err)
			}
			t.news(ctx, &at)
			fmt.Fprint(t.out, "> ")
		}
	}
}

// openTalk is the talk that a clerk is in; the zero value: none.
type openTalk struct {
	id   string
	seen int // letters
}

// news shows what the resident said since; it says whether that was anything.
func (t *terminal) news(ctx context.Context, at *openTalk) bool {
	if at.id == "" {
		return false
	}
	w, err := t.whole(ctx, at.id)
	if err != nil {
		return false
	}
	shown := false
	for _, l := range w.Letters[min(at.seen, len(w.Letters)):] {
		if l.By != t.clerk {
			if !shown {
				fmt.Fprintln(t.out)
			}
			t.letter(l)
			shown = true
		}
	}
	at.seen = len(w.Letters)
	return shown
}

func (t *terminal) command(ctx context.Context, at *openTalk, line string) (quit bool, err error) {
	word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	rest = strings.TrimSpace(rest)
	act := func(a channels.CaseAct, done string) error {
		if at.id == "" {
			return fmt.Errorf("open a talk first: open 1")
		}
		a.Case, a.Words = at.id, rest
		if err := t.act(ctx, a, done); err != nil {
			return err
		}
		if a.Kind == channels.CaseClose || a.Kind == channels.CaseHandBack {
			*at = openTalk{}
		}
		return nil
	}
	switch strings.ToLower(word) {
	case "":
	case "quit", "exit", "q":
		return true, nil
	case "help", "?":
		fmt.Fprintln(t.out, deskHelp)
	case "list", "l":
		return false, t.list(ctx)
	case "open", "o", "show":
		return false, t.open(ctx, at, rest)
	case "take":
		return false, act(channels.CaseAct{Kind: channels.CaseTake}, doneTake)
	case "over":
		if at.id == "" {
			return false, fmt.Errorf("open a talk first: open 1")
		}
		w, err := t.whole(ctx, at.id)
		if err != nil {
			return false, err
		}
		return false, act(channels.CaseAct{Kind: channels.CaseTake, From: w.Clerk}, doneTake)
	case "say", "s":
		return false, act(channels.CaseAct{Kind: channels.CaseSay}, doneSay)
	case "back":
		return false, act(channels.CaseAct{Kind: channels.CaseHandBack}, doneBack)
	case "close":
		return false, act(channels.CaseAct{Kind: channels.CaseClose}, doneClose)
	case "hand":
		to := rest
		rest = ""
		return false, act(channels.CaseAct{Kind: channels.CaseHandOver, To: to}, "It is "+to+"'s now.")
	default:
		return false, fmt.Errorf("there is no command %q; to say something, begin with: say", word)
	}
	return false, nil
}

// open goes into a talk, by its name or its place on the list.
func (t *terminal) open(ctx context.Context, at *openTalk, name string) error {
	if name == "" && at.id != "" {
		return t.show(ctx, at.id)
	}
	all, err := t.cases(ctx)
	if err != nil {
		return err
	}
	if n, err := strconv.Atoi(name); err == nil && n >= 1 && n <= len(all) && len(name) < shortID {
		name = all[n-1].ID
	}
	return t.on(ctx, name, func(ctx context.Context, id string) error {
		if err := t.show(ctx, id); err != nil {
			return err
		}
		w, err := t.whole(ctx, id)
		*at = openTalk{id: id, seen: len(w.Letters)}
		return err
	})
}
