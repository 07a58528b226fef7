package sip

import (
	"encoding/binary"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// packet is one UDP packet as the kernel saw it go by on loopback.
type packet struct {
	at       time.Duration // since the capture began, by the kernel's clock
	from, to int           // ports
	payload  []byte
}

// rtp says what a packet of sound says of itself.
func (p *packet) rtp() (format byte, seq uint16, stamp, ssrc uint32, ok bool) {
	if len(p.payload) < 12 || p.payload[0]&0xc0 != 0x80 || p.payload[1]&0x7f >= 72 && p.payload[1]&0x7f <= 76 {
		return 0, 0, 0, 0, false
	}
	b := p.payload
	return b[1] & 0x7f, binary.BigEndian.Uint16(b[2:]), binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:]), true
}

// sniffer sees all that goes over loopback, in its order. Only root may.
type sniffer struct {
	fd   int
	keep func(packet)
	stop atomic.Bool
	done sync.WaitGroup
}

const (
	soReceiveForce  = 33 // SO_RCVBUFFORCE
	soTimestampNano = 35 // SO_TIMESTAMPNS
	outgoing        = 4  // PACKET_OUTGOING: loopback shows each packet twice
)

func sniff(t testing.TB, keep func(packet)) *sniffer {
	t.Helper()
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	proto := uint16(syscall.ETH_P_IP&0xff<<8 | syscall.ETH_P_IP>>8) // in network order
	fd, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_DGRAM, int(proto))
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range [][2]int{{soReceiveForce, 64 << 20}, {soTimestampNano, 1}} {
		if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, o[0], o[1]); err != nil {
			t.Fatal(err)
		}
	}
	wait := syscall.NsecToTimeval(int64(50 * time.Millisecond))
	if err := syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &wait); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Bind(fd, &syscall.SockaddrLinklayer{Protocol: proto, Ifindex: lo.Index}); err != nil {
		t.Fatal(err)
	}
	s := &sniffer{fd: fd, keep: keep}
	s.done.Go(s.run)
	t.Cleanup(s.close)
	return s
}

func (s *sniffer) close() {
	if !s.stop.Swap(true) {
		s.done.Wait()
		syscall.Close(s.fd)
	}
}

func (s *sniffer) run() {
	var began time.Duration
	b, oob := make([]byte, 65536), make([]byte, 128)
	for !s.stop.Load() {
		n, m, _, from, err := syscall.Recvmsg(s.fd, b, oob, 0)
		if err != nil || n < 28 || b[0]>>4 != 4 || b[9] != 17 {
			continue
		}
		if l, ok := from.(*syscall.SockaddrLinklayer); !ok || l.Pkttype == outgoing {
			continue
		}
		at := time.Duration(0)
		if all, err := syscall.ParseSocketControlMessage(oob[:m]); err == nil {
			for _, c := range all {
				if c.Header.Type == soTimestampNano && len(c.Data) >= 16 {
					at = time.Duration(binary.NativeEndian.Uint64(c.Data))*time.Second + time.Duration(binary.NativeEndian.Uint64(c.Data[8:]))
				}
			}
		}
		if began == 0 {
			began = at
		}
		head := int(b[0]&15) * 4
		if n < head+8 {
			continue
		}
		udp := b[head:n]
		s.keep(packet{at - began, int(binary.BigEndian.Uint16(udp)), int(binary.BigEndian.Uint16(udp[2:])), append([]byte(nil), udp[8:]...)})
	}
}
