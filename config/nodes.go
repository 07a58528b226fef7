package config

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Nodes are several servers of one town.
type Nodes struct {
	Each  []string      // lines that each of them opens for itself
	Leave time.Duration // that a server says it is going before it takes nothing more
}

// mostLeave is the longest that a server goes on after it was told to end, before it lets what is under way finish.
const mostLeave = 5 * time.Minute

func (r *reading) setNodes(c *Nodes, s Setting, text string) {
	switch s.Key {
	case "nodes.each":
		c.Each = Split(text)
		for _, name := range c.Each {
			if name != "sip" && name != "telegram" && name != "smpp" && !strings.HasPrefix(name, "smpp.") {
				r.wrong(s.Key, fmt.Sprintf("%q is no line that one server has", name), "write sip, telegram, smpp, or smpp. and the name of a phone company")
			}
		}
	case "nodes.leave":
		d, err := time.ParseDuration(text)
		if err != nil || d < 0 || d > mostLeave {
			r.wrong(s.Key, fmt.Sprintf("%q is no time to leave in", text), "write seconds, such as 10s; 5m at most")
			return
		}
		c.Leave = d
	}
}

// Everywhere says whether each server opens a line for itself.
func (n *Nodes) Everywhere(channel string) bool {
	return slices.ContainsFunc(n.Each, func(name string) bool { return Covers(name, channel) })
}
