package postgres

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/townline/townline/store"
)

// Suites of the exchange and of the channels keep a time of their own, and a real server all the same: while a store waits for its
// server, their time stands still. Nothing that one store leaves behind may come back in another's time.
func TestInATimeOfItsOwn(t *testing.T) {
	for n := range 2 {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := open(t, address(t))
				var all sync.WaitGroup
				for i := range 20 {
					all.Go(func() {
						r := store.Resident{byte(i), 1}
						for version := range uint64(3) {
							o, err := s.Commit(t.Context(), &store.Change{Resident: r, Read: version, At: time.Now(), State: []byte("one"), Inbound: store.Inbound{byte(version), 1}})
							if err != nil || o.Kind != store.Applied {
								t.Error(o, err)
							}
							if c, err := s.Load(t.Context(), r); err != nil || c.Version != version+1 {
								t.Error(c.Version, err)
							}
							time.Sleep(time.Hour)
						}
					})
				}
				began := time.Now()
				all.Wait()
				if passed := time.Since(began); passed < 3*time.Hour || passed > 3*time.Hour+time.Minute {
					t.Errorf("three hours were %v", passed)
				}
			})
		})
	}
}
