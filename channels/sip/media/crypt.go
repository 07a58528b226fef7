package media

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

// suite is how SRTP is done, as RFC 4568 names it.
type suite struct {
	name    string
	profile srtp.ProtectionProfile
}

// suites are those we can do, the best first.
func suites() []suite {
	return []suite{
		{"AES_CM_128_HMAC_SHA1_80", srtp.ProtectionProfileAes128CmHmacSha1_80},
		{"AES_CM_128_HMAC_SHA1_32", srtp.ProtectionProfileAes128CmHmacSha1_32},
	}
}

// keyLine is an a=crypto line: which suite, and the key that its sender encrypts with.
type keyLine struct {
	tag   string
	suite suite
	key   [30]byte // 16 bytes of key, 14 of salt
}

// readKeyLine understands the lines that we can do. Parameters that change what is encrypted, and keys with an index (MKI),
// aren't among them.
func readKeyLine(line string) (keyLine, bool) {
	f := strings.Fields(line)
	if len(f) < 3 {
		return keyLine{}, false
	}
	for _, p := range f[3:] {
		if !strings.HasPrefix(p, "WSH=") { // how large a window to use is for us to know
			return keyLine{}, false
		}
	}
	text, ok := strings.CutPrefix(f[2], "inline:")
	if !ok || strings.Contains(text, ";") {
		return keyLine{}, false
	}
	text, rest, _ := strings.Cut(text, "|")
	if strings.Contains(rest, ":") {
		return keyLine{}, false
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		key, err = base64.RawStdEncoding.DecodeString(text)
	}
	if err != nil || len(key) != 30 {
		return keyLine{}, false
	}
	for _, s := range suites() {
		if s.name == f[1] {
			return keyLine{tag: f[0], suite: s, key: [30]byte(key)}, true
		}
	}
	return keyLine{}, false
}

// newKeyLine is a line with a key of our own.
func newKeyLine(tag string, s suite) keyLine {
	k := keyLine{tag: tag, suite: s}
	rand.Read(k.key[:])
	return k
}

func (k keyLine) String() string {
	return k.tag + " " + k.suite.name + " inline:" + base64.StdEncoding.EncodeToString(k.key[:])
}

// lock encrypts what one side sends, or opens it. It remembers how far the other side counted, so that nothing can be
// played to us again.
type lock struct {
	context *srtp.Context
	header  rtp.Header // used again for each packet
}

func newLock(k keyLine) (*lock, error) {
	c, err := srtp.CreateContext(k.key[:16], k.key[16:], k.suite.profile, srtp.SRTPReplayProtection(64), srtp.SRTCPReplayProtection(64))
	if err != nil {
		return nil, fmt.Errorf("media: %w", err)
	}
	return &lock{context: c}, nil
}

func (l *lock) sealRTP(into, packet []byte) ([]byte, error) {
	return l.context.EncryptRTP(into, packet, &l.header)
}

func (l *lock) openRTP(into, packet []byte) ([]byte, error) {
	return l.context.DecryptRTP(into, packet, &l.header)
}

func (l *lock) sealRTCP(into, packet []byte) ([]byte, error) {
	return l.context.EncryptRTCP(into, packet, nil)
}

func (l *lock) openRTCP(into, packet []byte) ([]byte, error) {
	return l.context.DecryptRTCP(into, packet, nil)
}
