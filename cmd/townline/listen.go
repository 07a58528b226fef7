package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"syscall"
)

// cantListen says what stands in the way of an address, and the way on; key is the setting that names the address.
func cantListen(key, address string, err error) error {
	var host *net.DNSError
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("can't listen on %s: a program on this machine has that port already, perhaps another townline: end that one, or set %s to another port", address, key)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("can't listen on %s: this user may not have that port: set %s to one above 1023, and let a proxy pass on to it", address, key)
	case errors.Is(err, syscall.EADDRNOTAVAIL), errors.As(err, &host):
		return fmt.Errorf("can't listen on %s: this machine doesn't have that address: set %s to one that it has, or to :8080 for all of them", address, key)
	}
	return fmt.Errorf("can't listen on %s: %w", address, err)
}
