//go:build !race

package sip

const slow = false
