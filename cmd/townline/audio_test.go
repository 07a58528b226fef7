package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A clerk makes the sound of a dialog, records a text, changes another.
func TestAudio(t *testing.T) {
	p := newPlace(t)
	p.run("", "init", "town").must(t, 0)
	p.dir = filepath.Join(p.dir, "town")
	p.run("", "audio", "oak-park").must(t, 2, "say where to keep the sound")
	p.run("", "audio", "oak-park", "--check").must(t, 0, "when asked for", "Everything can be heard.")
	p.run("", "audio", "oak-prak", "--dir", "sound").must(t, 1, `there is no dialog "oak-prak"`)
	p.run("", "audio", "--dir", "sound", "--lang", "xx").must(t, 2, `does not speak "xx"`)
	p.run("", "audio", "oak-park", "--dir", "sound", "--check").must(t, 1, "to make")
	if _, err := os.Stat(filepath.Join(p.dir, "sound")); err == nil {
		t.Error("--check made something")
	}
	p.run("", "audio", "oak-park", "--dir", "sound", "--lang", "en").must(t, 0, "English (en)", "Everything can be heard.", "clips made")
	if a := p.run("", "audio", "oak-park", "--dir", "sound", "--lang", "en"); strings.Contains(a.err, "made") {
		t.Errorf("the second run made something: %s", a.err)
	}
	p.run("", "audio", "oak-park", "--dir", "sound", "--check", "--lang", "en").must(t, 0, "Everything can be heard.")
	p.run("", "audio", "oak-park", "--dir", "sound", "--missing").must(t, 0, "to make  recordings/es/oak-park/title")

	// a recording: a clip will do for one
	clips, err := filepath.Glob(filepath.Join(p.dir, "sound", "made", "*.mp3"))
	if err != nil || len(clips) == 0 {
		t.Fatal(clips, err)
	}
	clip, err := os.ReadFile(clips[0])
	if err != nil {
		t.Fatal(err)
	}
	p.write("sound/recordings/en/oak-park/title.mp3", string(clip))
	p.write("sound/recordings/en/oak-park/titel.mp3", string(clip))
	p.run("", "audio", "oak-park", "--dir", "sound", "--lang", "en").must(t, 0, "New recording: recordings/en/oak-park/title.mp3", "recordings/en/oak-park/titel.mp3 is named after no text")
	p.run("", "audio", "oak-park", "--dir", "sound", "--lang", "en", "--list").must(t, 0, "recorded    recordings/en/oak-park/title")
	if err := os.Remove(filepath.Join(p.dir, "sound/recordings/en/oak-park/titel.mp3")); err != nil {
		t.Fatal(err)
	}
	p.run("", "audio", "oak-park", "--dir", "sound", "--lang", "en", "--check").must(t, 0)

	// the settings name the folder as well
	p.change("townline.yaml", "\nstore:", "\naudio:\n  dir: sound\nstore:")
	p.run("", "audio", "oak-park", "--lang", "en", "--check").must(t, 0)
}

// Words that have changed since they were recorded are said by the machine, until somebody says that the recording will do.
func TestAudioOfChangedWords(t *testing.T) {
	p := newPlace(t)
	p.write("dialogs/hours.yaml", `dialog: hours
version: 1
title: Library hours
purpose: information
language: en
steps:
  - id: hello
    type: say
    say: The library is open every day.
  - id: bye
    type: end
    say: Come and see us.
`)
	p.write("townline.yaml", "dialogs: dialogs\ntown: {name: Elmwood, timezone: America/New_York, languages: [en]}\naudio: {dir: sound}\n")
	p.run("", "audio", "hours").must(t, 0, "Everything can be heard.", "3 of 3 clips made")
	clips, _ := filepath.Glob(filepath.Join(p.dir, "sound", "made", "*.opus"))
	clip, err := os.ReadFile(clips[0])
	if err != nil {
		t.Fatal(err)
	}
	const name = "recordings/en/hours/hello.ogg"
	p.write("sound/"+name, string(clip))
	p.run("", "audio", "hours").must(t, 0, "New recording: "+name)
	p.change("dialogs/hours.yaml", "open every day", "open on weekdays")
	p.run("", "audio", "hours", "--check").must(t, 1, name+" was recorded for other words", "--accept "+name)
	p.run("", "audio", "hours").must(t, 0, "1 of 1 clip made", "was recorded for other words")
	p.run("", "audio", "hours", "--accept", name).must(t, 0, "Everything can be heard.")
	p.run("", "audio", "hours", "--prune").must(t, 0, "3 files removed that nothing says any more")
	p.run("", "audio", "hours", "--check").must(t, 0, "Everything can be heard.")
}
