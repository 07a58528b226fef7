package main

import (
	"fmt"
	"net"
	"strings"
	"testing"
)

// A port that is taken, and an address that another machine has: both are said in words, with a way on.
func TestAnAddressThatCantBeHad(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for address, want := range map[string]string{
		taken.Addr().String(): "has that port already, perhaps another townline: end that one, or set listen to another port",
		"192.0.2.1:8080":      "this machine doesn't have that address: set listen to one that it has",
	} {
		_, err := net.Listen("tcp", address)
		if got := fmt.Sprint(cantListen("listen", address, err)); err == nil || !strings.Contains(got, want) || strings.Contains(got, "bind:") {
			t.Errorf("%s: %s", address, got)
		}
	}
}
