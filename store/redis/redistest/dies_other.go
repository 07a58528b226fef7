//go:build !linux

package redistest

import "syscall"

// dies has a server die with the tests that started it where the system can; elsewhere it outlives tests that are killed.
func dies(a *syscall.SysProcAttr) *syscall.SysProcAttr { return a }
