//go:build unix

package outpost

import (
	"os/exec"
	"syscall"
)

// ownGroup lets a command and all that it starts be ended together.
func ownGroup(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func killGroup(c *exec.Cmd) {
	if c.Process != nil {
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL) // gone already: so much the better
	}
}
