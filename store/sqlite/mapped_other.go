//go:build !linux || !(amd64 || arm64)

package sqlite

import "modernc.org/libc"

// mappings are of Linux: elsewhere files are read by the system's own way.
type mappings struct{}

func (*mappings) share(*libc.TLS, uintptr) uintptr                  { return 0 }
func (*mappings) leave(*libc.TLS, uintptr)                          {}
func (*mappings) read(_, _, _ uintptr, _ int32, _ int64) (all bool) { return false }
func (*mappings) letGo()                                            {}
func (*mappings) called(uintptr, int32, int64)                      {}
func (*mappings) look()                                             {}
