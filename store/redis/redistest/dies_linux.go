package redistest

import "syscall"

// dies has a server die with the tests that started it, however they end.
func dies(a *syscall.SysProcAttr) *syscall.SysProcAttr {
	a.Pdeathsig = syscall.SIGKILL
	return a
}
