package redis

import (
	"slices"
	"testing"
)

// A turn is free where it is there at once: not where another node has it when it is asked for.
func TestWhatWasFree(t *testing.T) {
	t.Parallel()
	s := start(t)
	two, one := s.among(s.address()), s.join()
	counted(t, one, 3)
	give, free := one.Lease(t.Context(), ann)
	if !free {
		t.Error("nobody had it")
	}
	ear := listens(two)
	waited := make(chan bool)
	go func() {
		give, free := two.Lease(t.Context(), ann)
		give()
		waited <- free
	}()
	s.until("is looked at again", func() bool { _, said := ear.heard(); return slices.Contains(said, "look") })
	if _, free := two.Lease(t.Context(), ben); !free {
		t.Error("nobody had another's")
	}
	give()
	if <-waited {
		t.Error("another had it")
	}
	if _, free := two.Lease(t.Context(), ann); !free {
		t.Error("it was given back")
	}
}
