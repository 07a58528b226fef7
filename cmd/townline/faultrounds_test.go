package main

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"
)

// rounds does all faults in random order, as often as asked, with kills between them. After each the town must answer again.
func (w *wreck) rounds(all []fault) {
	all = slices.DeleteFunc(all, func(f fault) bool { return !strings.Contains(f.name, *faultOnly) })
	if *beside {
		w.roundsBeside(all)
		return
	}
	for range max(*faults, 1) {
		round := slices.Clone(all)
		if *faults == 0 && len(all) > mostShort { // the first three, and some of the rest
			w.chance.Shuffle(len(round)-3, func(i, j int) { round[3+i], round[3+j] = round[3+j], round[3+i] })
			round = round[:mostShort]
		}
		for range *faultKill {
			round = append(round, w.killing())
		}
		if !w.round(round, w.chance) {
			return
		}
	}
}

// roundsBeside does the faults of each part of the town in rounds of that part's own, beside those of the others.
func (w *wreck) roundsBeside(all []fault) {
	parts := map[string][]fault{}
	for _, f := range all {
		parts[f.part] = append(parts[f.part], f)
	}
	for range *faultKill {
		parts[killsPart] = append(parts[killsPart], w.killing())
	}
	var together sync.WaitGroup
	for i, part := range slices.Sorted(maps.Keys(parts)) {
		chance := rand.New(rand.NewPCG(*faultSeed, 1000+uint64(i)))
		together.Go(func() {
			for range max(*faults, 1) {
				if !w.round(parts[part], chance) {
					return
				}
			}
		})
	}
	together.Wait()
}

func (w *wreck) killing() fault { return fault{"killed", killsPart, w.kill} }

// round does some faults in random order; false: it is over.
func (w *wreck) round(round []fault, chance *rand.Rand) bool {
	chance.Shuffle(len(round), func(i, j int) { round[i], round[j] = round[j], round[i] })
	for _, f := range round {
		if w.broken.Load() || *faultFor > 0 && time.Since(w.begun) > *faultFor {
			return false
		}
		if err := w.does(f, chance); err != nil {
			w.say("%s: %v", f.name, err)
			return false
		}
		w.waits(time.Duration(chance.IntN(200)) * time.Millisecond)
	}
	return true
}

// does does a fault, and waits until the town answers again.
func (w *wreck) does(f fault, chance *rand.Rand) error {
	mended, silence := w.chats.breaks(), w.quiet.watch()
	w.tally.Lock()
	for len(w.with) <= w.now {
		w.with = append(w.with, 0)
	}
	w.with[w.now]++
	w.now++
	w.tally.Unlock()
	err := f.do(chance)
	if err == nil {
		err = w.comesBack(f.part)
	}
	mended()
	silent := silence(time.Now())
	w.tally.Lock()
	defer w.tally.Unlock()
	w.now--
	if err == nil {
		w.silent[f.name] = append(w.silent[f.name], silent)
		w.t.Logf("%-12s %s; %d pages came to chats", time.Since(w.begun).Round(time.Second/10), f.name, w.chats.shown())
	}
	return err
}

// comesBack sees to it that all nodes run, unless they are another part's, and waits until the town answers.
func (w *wreck) comesBack(part string) error {
	for _, n := range w.nodes {
		if *beside && part != nodesPart {
			break
		}
		if err := n.up(); err != nil {
			return err
		}
	}
	before := w.quiet.many()
	for end := time.Now().Add(time.Minute); w.quiet.many() < before+20; {
		if !w.waits(10 * time.Millisecond) {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("the town doesn't answer again: %s", w.errs())
		}
	}
	return nil
}

// tells what there was.
func (w *wreck) tells() {
	w.t.Helper()
	for _, text := range w.wrong {
		w.t.Error(text)
	}
	if w.t.Failed() {
		w.t.Log(w.errs())
	}
	w.t.Logf("seed %d: %d messages answered, %d tried again, %d repeated, %d sent twice at once, %d answers lost; %d conversations, %d of them calls and %d visits, %d votes, %d reports; %d pages to chats, %d twice, %d still held; %s, %s of CPU",
		*faultSeed, w.answers.Load(), w.retries.Load(), w.repeats.Load(), w.twice.Load(), w.door.lost.Load(), len(w.done), w.rang.Load(), w.visited.Load(), w.votes.Load(), len(w.reports),
		w.chats.shown(), w.chats.doubles, len(w.chats.held), time.Since(w.begun).Round(time.Second), (worked() - w.worked).Round(time.Second/10))
	for _, name := range slices.Sorted(maps.Keys(w.silent)) {
		middle, longest := spread(w.silent[name])
		w.t.Logf("%-44s %4d times; nobody was answered for %v (median), %v (longest)", name, len(w.silent[name]), middle, longest)
	}
	middle, longest := spread(w.starts)
	w.t.Logf("nodes took %v (median), %v (longest) to start after a kill; %d times PostgreSQL ended for want of room; %d times a node that was asked to end cut requests off; %s", middle, longest, w.full, w.cutShort, w.together())
	if !w.t.Failed() && (len(w.done) == 0 || len(w.reports) == 0 || w.votes.Load() == 0 || w.rang.Load() == 0 || w.visited.Load() == 0 || w.chats.shown() == 0 || w.retries.Load() == 0 || w.repeats.Load() == 0) {
		w.t.Error("there was too little traffic to tell")
	}
}

// together says how many faults there were at once.
func (w *wreck) together() string {
	var all []string
	for n, many := range w.with {
		all = append(all, fmt.Sprintf("%d began beside %d others", many, n))
	}
	return strings.Join(all, ", ")
}

func spread(all []time.Duration) (middle, longest time.Duration) {
	if len(all) == 0 {
		return 0, 0
	}
	slices.Sort(all)
	return all[len(all)/2].Round(time.Millisecond), all[len(all)-1].Round(time.Millisecond)
}
