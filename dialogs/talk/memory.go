package talk

import (
	"fmt"

	"github.com/townline/townline/dialogs/engine"
)

// Version of the encoding of Memory.
const Version = 1

// Encode makes compact, deterministic bytes of m.
func Encode(m *Memory) ([]byte, error) {
	m.Version = Version
	return engine.Encode(m)
}

// Decode reads what Encode made; no bytes are a resident who was never here. A memory written by a newer townline is
// refused with engine.ErrNewer.
func Decode(b []byte) (Memory, error) {
	var m Memory
	if len(b) == 0 {
		return m, nil
	}
	if err := engine.Decode(b, &m); err != nil {
		return Memory{}, fmt.Errorf("talk: %w", err)
	}
	newer := m.Version > Version || m.Now != nil && m.Now.Version > engine.Version
	for i := range m.Aside {
		newer = newer || m.Aside[i].Version > engine.Version
	}
	if newer {
		return Memory{}, fmt.Errorf("talk: %w", engine.ErrNewer)
	}
	if m.Hall != nil && m.Hall.Kind == OfferHall && len(m.Hall.IDs) == 0 { // bytes from disk may be anything
		m.Hall = nil
	}
	return m, nil
}
