package media

import (
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/townline/townline/dialogs/golden"
)

// keyText is 30 bytes as a=crypto has them.
const keyText = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"

// TestAnswers shows what each kind of offer is answered with: testdata/answers.txt.
func TestAnswers(t *testing.T) {
	open := Config{Bind: netip.MustParseAddr("127.0.0.1"), Advertise: netip.MustParseAddr("192.0.2.7"), Wide: true, Text: true, SRTP: Offered}
	off, required, narrow := open, open, open
	off.SRTP, required.SRTP = Off, Required
	narrow.Wide, narrow.Text = false, false
	six := open
	six.Bind, six.Advertise = netip.MustParseAddr("::1"), netip.MustParseAddr("2001:db8::7")
	var b strings.Builder
	for _, c := range []struct {
		name  string
		c     Config
		offer []byte
	}{
		{"a trunk: both laws, keys as 101", narrow, sdp("m=audio 4000 RTP/AVP 8 0 101", events, "a=fmtp:101 0-16", "a=ptime:20")},
		{"keys as 96, one law, no rtpmap for it", narrow, sdp("m=audio 4000 RTP/AVP 0 96", "a=rtpmap:96 telephone-event/8000")},
		{"no keys: they are in the sound", narrow, sdp("m=audio 4000 RTP/AVP 0")},
		{"keys of another clock first", narrow, sdp("m=audio 4000 RTP/AVP 8 110 101", "a=rtpmap:110 telephone-event/48000", events)},
		{"a handset with wide sound first", open, sdp("m=audio 4000 RTP/AVP 9 8 0 101", "a=rtpmap:9 G722/8000", events)},
		{"wide sound where the line doesn't want it", narrow, sdp("m=audio 4000 RTP/AVP 9 8 0 101", "a=rtpmap:9 G722/8000", events)},
		{"codecs that we haven't, before one that we have", open, sdp("m=audio 4000 RTP/AVP 111 18 3 8", "a=rtpmap:111 opus/48000/2")},
		{"a payload type of its own for a law", open, sdp("m=audio 4000 RTP/AVP 97", "a=rtpmap:97 pcma/8000/1")},
		{"video beside sound", open, sdp("m=audio 4000 RTP/AVP 0 101", events, "m=video 4002 RTP/AVP 99", "a=rtpmap:99 H264/90000")},
		{"video that was refused already, without a format", open, sdp("m=audio 4000 RTP/AVP 0", "m=video 0 RTP/AVP")},
		{"video before sound, and an application", open, sdp("m=video 4002 RTP/AVP 99", "a=mid:v", "m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "m=audio 4000 RTP/AVP 8", "a=mid:a")},
		{"two for sound, the first without a codec of ours", open, sdp("m=audio 4000 RTP/AVP 111", "a=rtpmap:111 opus/48000/2", "m=audio 4002 RTP/AVP 0")},
		{"two for sound, the second encrypted", open, sdp("m=audio 4000 RTP/AVP 0", "m=audio 4000 RTP/SAVP 0", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"+keyText)},
		{"the same, never encrypted", off, sdp("m=audio 4000 RTP/AVP 0", "m=audio 4000 RTP/SAVP 0", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"+keyText)},
		{"several keys, the long tag is taken", required, sdp("m=audio 4000 RTP/SAVP 0", "a=crypto:1 AES_256_CM_HMAC_SHA1_80 inline:x", "a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:"+keyText, "a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:"+keyText+"|2^31")},
		{"the short tag where there is no other", required, sdp("m=audio 4000 RTP/SAVP 0", "a=crypto:7 AES_CM_128_HMAC_SHA1_32 inline:"+keyText)},
		{"a key beside the plain transport (RFC 8643)", open, sdp("m=audio 4000 RTP/AVP 0", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"+keyText)},
		{"a key with an index", required, sdp("m=audio 4000 RTP/SAVP 0", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"+keyText+"|2^20|1:4")},
		{"a key that leaves something out", required, sdp("m=audio 4000 RTP/SAVP 0", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"+keyText+" UNENCRYPTED_SRTP")},
		{"plain where encryption is required", required, sdp("m=audio 4000 RTP/AVP 0")},
		{"encrypted where it is never", off, sdp("m=audio 4000 RTP/SAVP 0", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"+keyText)},
		{"keys by DTLS", open, sdp("m=audio 4000 UDP/TLS/RTP/SAVPF 0", "a=fingerprint:sha-256 00")},
		{"real-time text with redundancy", open, sdp("m=audio 4000 RTP/AVP 0 101", events, "m=text 4002 RTP/AVP 100 98", "a=rtpmap:98 t140/1000", "a=rtpmap:100 red/1000", "a=fmtp:100 98/98/98")},
		{"real-time text without", open, sdp("m=audio 4000 RTP/AVP 0", "m=text 4002 RTP/AVP 98", "a=rtpmap:98 T140/1000", "a=fmtp:98 cps=10")},
		{"real-time text where the line takes none", narrow, sdp("m=audio 4000 RTP/AVP 0", "m=text 4002 RTP/AVP 98", "a=rtpmap:98 t140/1000")},
		{"text alone", open, sdp("m=text 4002 RTP/AVP 98", "a=rtpmap:98 t140/1000")},
		{"RTCP at the same port", open, sdp("m=audio 4000 RTP/AVP 0", "a=rtcp-mux", "a=rtcp:4000")},
		{"on hold", open, sdp("m=audio 4000 RTP/AVP 0", "a=sendonly")},
		{"on hold for the whole session", open, []byte(strings.Replace(string(sdp("m=audio 4000 RTP/AVP 0")), "t=0 0", "t=0 0\r\na=inactive", 1))},
		{"on hold as it was said before", open, []byte(strings.Replace(string(sdp("m=audio 4000 RTP/AVP 0")), "c=IN IP4 127.0.0.1", "c=IN IP4 0.0.0.0", 1))},
		{"listens only", open, sdp("m=audio 4000 RTP/AVP 0", "a=recvonly")},
		{"the sixth version of addresses", six, []byte(strings.ReplaceAll(string(sdp("m=audio 4000 RTP/AVP 0")), "IP4 127.0.0.1", "IP6 ::1"))},
		{"an address of the other version", open, []byte(strings.ReplaceAll(string(sdp("m=audio 4000 RTP/AVP 0")), "IP4 127.0.0.1", "IP6 ::1"))},
		{"an address by name", open, sdp("m=audio 4000 RTP/AVP 0", "c=IN IP4 phone.example")},
		{"an address of many", open, sdp("m=audio 4000 RTP/AVP 0", "c=IN IP4 233.252.0.1/127")},
		{"sound refused beforehand", open, sdp("m=audio 0 RTP/AVP 0")},
		{"no line ends but a new line", open, []byte(strings.ReplaceAll(string(sdp("m=audio 4000 RTP/AVP 0")), "\r", ""))},
		{"no sound", open, sdp("m=video 4000 RTP/AVP 99")},
		{"no port", open, sdp("m=audio RTP/AVP 0")},
		{"a port that isn't one", open, sdp("m=audio 70000 RTP/AVP 0")},
		{"nothing", open, nil},
		{"no SDP", open, []byte("hello")},
	} {
		c.c.Ports = config(t).Ports
		fmt.Fprintf(&b, "# %s\n", c.name)
		for line := range strings.Lines(string(c.offer)) {
			if !regexp.MustCompile(`^(v|o|s|t)=`).MatchString(line) && strings.TrimSpace(line) != "c=IN IP4 127.0.0.1" {
				fmt.Fprintf(&b, "  %s\n", strings.TrimSpace(line))
			}
		}
		s, answer, err := Answer(c.c, c.offer)
		if err != nil {
			if no := (*NoAudio)(nil); !errors.As(err, &no) {
				t.Errorf("%s: %v", c.name, err)
			}
			fmt.Fprintf(&b, "> %v\n\n", err)
			continue
		}
		s.Close()
		for line := range strings.Lines(string(answer)) {
			if !strings.HasSuffix(line, "\r\n") {
				t.Errorf("%s: a line ends with %q", c.name, line)
			}
			fmt.Fprintf(&b, "> %s\n", plainly(strings.TrimSpace(line)))
		}
		b.WriteString("\n")
	}
	golden.Compare(t, filepath.Join("testdata", "answers.txt"), b.String())
}

// plainly leaves out what is different each time.
func plainly(line string) string {
	line = regexp.MustCompile(`^o=- \d+ `).ReplaceAllString(line, "o=- ID ")
	line = regexp.MustCompile(`^(m=\w+) [1-9]\d*`).ReplaceAllString(line, "$1 PORT")
	return regexp.MustCompile(`inline:\S{40}`).ReplaceAllString(line, "inline:KEY")
}

// TestOffers: what we offer is what the other side may answer with, and nothing else.
func TestOffers(t *testing.T) {
	for _, c := range []struct {
		name   string
		srtp   Encryption
		answer []string
		want   string // codec, payload types, encryption; or the error
	}{
		{"A-law", Off, []string{"m=audio 4000 RTP/AVP 8 101", events}, "PCMA 8/8 keys 101/101 plain"},
		{"µ-law, keys by another number", Off, []string{"m=audio 4000 RTP/AVP 0 96", "a=rtpmap:96 telephone-event/8000"}, "PCMU 0/0 keys 96/101 plain"},
		{"no keys", Off, []string{"m=audio 4000 RTP/AVP 8"}, "PCMA 8/8 keys none plain"},
		{"wide", Off, []string{"m=audio 4000 RTP/AVP 9 101", events}, "G722 9/9 keys 101/101 plain"},
		{"encrypted", Required, []string{"m=audio 4000 RTP/SAVP 8", "a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:" + keyText}, "PCMA 8/8 keys none AES_CM_128_HMAC_SHA1_32"},
		{"encrypted by another key than was offered", Required, []string{"m=audio 4000 RTP/SAVP 8", "a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:" + keyText}, "media: no key for SRTP in the answer"},
		{"a key of one, the way of another", Required, []string{"m=audio 4000 RTP/SAVP 8", "a=crypto:1 AES_CM_128_HMAC_SHA1_32 inline:" + keyText}, "media: no key for SRTP in the answer"},
		{"plain where encryption is required", Required, []string{"m=audio 4000 RTP/AVP 8"}, "media: no key for SRTP in the answer"},
		{"plain where encryption was offered", Offered, []string{"m=audio 4000 RTP/AVP 8"}, "PCMA 8/8 keys none plain"},
		{"encrypted where it was offered", Offered, []string{"m=audio 4000 RTP/AVP 8", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + keyText}, "PCMA 8/8 keys none AES_CM_128_HMAC_SHA1_80"},
		{"refused", Off, []string{"m=audio 0 RTP/AVP 8"}, "media: sound was refused"},
		{"another codec", Off, []string{"m=audio 4000 RTP/AVP 18"}, "media: no codec of ours in the answer"},
		{"rubbish", Off, []string{"m=audio"}, "media: what came is not SDP"},
	} {
		t.Run(c.name, func(t *testing.T) {
			conf := config(t)
			conf.Wide, conf.SRTP = true, c.srtp
			s, _, err := Offer(conf)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if err := s.Accept(sdp(c.answer...)); err != nil {
				if err.Error() != c.want {
					t.Errorf("%v, want %s", err, c.want)
				}
				return
			}
			v, keys, how := s.terms, "none", "plain"
			if v.keys.is {
				keys = fmt.Sprintf("%d/%d", v.keys.sends, v.keys.takes)
			}
			if v.path.encrypted {
				how = v.path.seals.suite.name
			}
			if got := fmt.Sprintf("%s %d/%d keys %s %s", v.codec.name(), v.sound.sends, v.sound.takes, keys, how); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

// TestWeAnswerOurselves: each offer of ours is answered by us, and both sides mean the same.
func TestWeAnswerOurselves(t *testing.T) {
	for _, c := range []Config{{}, {Wide: true}, {SRTP: Offered}, {SRTP: Required, Text: true}, {Text: true, Wide: true}} {
		conf := config(t)
		conf.Wide, conf.SRTP, conf.Text = c.Wide, c.SRTP, c.Text
		a, offer, err := Offer(conf)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		b, answer := answered(t, conf, offer)
		if err := a.Accept([]byte(answer)); err != nil {
			t.Fatalf("%v\n%s%s", err, offer, answer)
		}
		for range 2 { // and once more, as a re-INVITE of ours that says the same
			x, y := a.terms, b.terms
			if x.codec != y.codec || x.sound != y.sound || x.keys != y.keys || x.path.seals.key != y.path.opens.key || x.path.opens.key != y.path.seals.key ||
				x.path.encrypted != (c.SRTP != Off) || (x.text != nil) != c.Text || (y.text != nil) != c.Text {
				t.Fatalf("%+v\n%+v", x, y)
			}
			again := a.Description()
			answer, err := b.Renew(again)
			if err != nil {
				t.Fatal(err)
			}
			if err := a.Accept(answer); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestVersionGoesUp: a description that says something new has another version, one that doesn't is the same, byte for byte.
func TestVersionGoesUp(t *testing.T) {
	s, first := answered(t, config(t), sdp("m=audio 4000 RTP/AVP 0"))
	same, err := s.Renew(sdp("m=audio 4000 RTP/AVP 0"))
	if err != nil || string(same) != first {
		t.Errorf("%v\n%s", err, same)
	}
	held, err := s.Renew(sdp("m=audio 4000 RTP/AVP 0", "a=sendonly"))
	if err != nil || !strings.Contains(string(held), "a=recvonly") || !regexp.MustCompile(`o=- \d+ 2 `).Match(held) || !s.Held() {
		t.Errorf("%v\n%s", err, held)
	}
	if _, err := s.Renew(sdp("m=audio 4000 RTP/AVP 18")); err == nil || !s.Held() || string(s.Description()) != string(held) {
		t.Error("a re-INVITE that can't be met changed something")
	}
}

// TestSeveralAnswers: a call that rings with its own sound, and is then answered elsewhere, by another codec.
func TestSeveralAnswers(t *testing.T) {
	s, offer, err := Offer(config(t))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, format := range []string{"8", "0"} {
		if err := s.Accept(sdp("m=audio 4000 RTP/AVP " + format)); err != nil || fmt.Sprint(s.terms.codec.payload()) != format {
			t.Errorf("%s: %v", format, err)
		}
	}
	if string(s.Description()) != string(offer) {
		t.Error("our description is another now")
	}
}

func FuzzSDP(f *testing.F) {
	f.Add(sdp("m=audio 4000 RTP/AVP 9 8 0 101", events, "a=rtcp-mux", "m=text 4002 RTP/AVP 100 98", "a=rtpmap:98 t140/1000", "a=rtpmap:100 red/1000", "a=fmtp:100 98/98/98"))
	f.Add(sdp("m=video 0 RTP/AVP 99", "m=audio 4000/2 RTP/SAVPF 0", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"+keyText+"|2^31", "a=rtcp:4001 IN IP4 10.0.0.1", "a=mid:x"))
	f.Add([]byte("v=0\nc=IN IP6 ::1\nm=audio 1 RTP/AVP 0"))
	c := Config{Bind: netip.MustParseAddr("127.0.0.1"), Wide: true, Text: true, SRTP: Offered}
	f.Fuzz(func(t *testing.T, b []byte) { checkSDP(t, c, b) })
}

// checkSDP: whatever was offered, the answer has a line for each of its m-lines, and can be read.
func checkSDP(t *testing.T, c Config, b []byte) {
	d, err := readSDP(b)
	if err != nil {
		return
	}
	terms, err := agree(c, d, nil)
	if err != nil {
		return
	}
	answer := terms.answer(netip.MustParseAddr("192.0.2.7"), 1, 1, 4000, 4002)
	back, err := readSDP(answer)
	if err != nil || len(back.parts) != len(d.parts) {
		t.Fatalf("%v: %q is answered by %q", err, b, answer)
	}
	for i, p := range back.parts {
		if p.kind != d.parts[i].kind || p.proto != d.parts[i].proto || d.parts[i].to.Port() == 0 && p.to.Port() != 0 {
			t.Fatalf("m-line %d of %q is answered by %q", i, b, answer)
		}
	}
	if _, err := agree(c, back, nil); err != nil {
		t.Fatalf("%v: our own answer %q", err, answer)
	}
}
