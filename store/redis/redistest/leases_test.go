package redistest

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestOneAtATime has two nodes lease a resident's turn in bubbles, one bubble after the other: never both at once.
func TestOneAtATime(t *testing.T) {
	s, err := Start()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Remove()
	nodes, err := s.Join(2)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 2 {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began, held, turns := time.Now(), sync.Mutex{}, 0
				var all sync.WaitGroup
				for i := range 8 {
					all.Go(func() {
						for range 10 {
							give, _ := nodes[i%2].Lease(t.Context(), [16]byte{7})
							if !held.TryLock() {
								t.Error("two have the turn")
							} else {
								turns++
								for range 100 { // time doesn't pass while others wait outside
									runtime.Gosched()
								}
								held.Unlock()
							}
							give()
						}
					})
				}
				all.Wait()
				if passed := time.Since(began); turns != 80 || passed != 0 {
					t.Errorf("%d turns, and %v passed", turns, passed)
				}
			})
		})
	}
	for _, n := range nodes {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	}
}
