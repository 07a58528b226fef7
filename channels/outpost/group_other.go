//go:build !unix

package outpost

import "os/exec"

// ownGroup does nothing here: killGroup ends the one process, and Chromium's others follow it.
func ownGroup(*exec.Cmd) {}

func killGroup(c *exec.Cmd) {
	if c.Process != nil {
		_ = c.Process.Kill()
	}
}
