package media

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// terms is what both sides agreed on: all that follows from two descriptions.
type terms struct {
	flow  flow // the other side's
	codec codec
	sound agreed // payload types of sound
	keys  agreed // of keys pressed (telephone-event); none: they are in the sound
	path  path
	text  *textTerms // nil: none
	parts []part     // the other side's, for the answer

	version string // of the other side's description
}

// agreed is one payload type as the other side reads it, and as we do. RFC 3264 lets them differ.
type agreed struct {
	sends, takes uint8
	is           bool
}

// path is how the packets of one m-line go.
type path struct {
	place     int // which m-line
	to, rtcp  netip.AddrPort
	mux       bool
	encrypted bool
	opens     keyLine // the other side's key
	seals     keyLine // ours
}

// textTerms are those of real-time text.
type textTerms struct {
	path      path
	plain     agreed
	redundant agreed // with what was said before in each packet (RFC 4103)
	perSecond int    // characters that the other side can show
}

const usualPerSecond = 30 // RFC 4103, 6

// agree chooses out of an offer. Keys of old terms stay ours while nothing asks for others.
func agree(c Config, d *description, old *terms) (terms, error) {
	t := terms{parts: d.parts, version: d.version}
	best, why := -1, "no m=audio"
	for i, p := range d.parts {
		if p.kind != "audio" || p.to.Port() == 0 {
			continue
		}
		if reason := usable(c, p); reason != "" {
			why = reason
			continue
		}
		if _, _, ok := c.chooseCodec(p); !ok {
			why = "no codec of ours"
			continue
		}
		if best < 0 || len(p.keys) > 0 && len(d.parts[best].keys) == 0 && c.SRTP != Off {
			best = i
		}
	}
	if best < 0 {
		return terms{}, &NoAudio{why}
	}
	p := d.parts[best]
	t.flow = p.flow
	t.codec, t.sound, _ = c.chooseCodec(p)
	t.keys = chooseKeys(p)
	var before *path
	if old != nil {
		before = &old.path
	}
	t.path = choosePath(c, p, best, before)
	if !c.Text {
		return t, nil
	}
	for i, p := range d.parts {
		plain, redundant := chooseText(p)
		if p.kind != "text" || p.to.Port() == 0 || usable(c, p) != "" || !plain.is {
			continue
		}
		before = nil
		if old != nil && old.text != nil {
			before = &old.text.path
		}
		t.text = &textTerms{path: choosePath(c, p, i, before), plain: plain, redundant: redundant, perSecond: charactersPerSecond(p, plain)}
		break
	}
	return t, nil
}

// accept reads the answer to a proposal.
func accept(c Config, p proposal, d *description) (terms, error) {
	t := terms{parts: d.parts, version: d.version}
	if p.audio >= len(d.parts) || d.parts[p.audio].kind != "audio" || d.parts[p.audio].to.Port() == 0 {
		return terms{}, &NoAudio{"sound was refused"}
	}
	a := d.parts[p.audio]
	var ok bool
	if t.codec, t.sound, ok = c.chooseCodec(a); !ok || !slices.Contains(p.codecs, t.codec) {
		return terms{}, &NoAudio{"no codec of ours in the answer"}
	}
	t.flow = a.flow
	if t.sound.takes, ok = p.payloadOf(t.codec); !ok {
		return terms{}, &NoAudio{"no codec of ours in the answer"}
	}
	if t.keys = chooseKeys(a); t.keys.is {
		t.keys.takes, t.keys.is = p.keys.takes, p.keys.is
	}
	if t.path, ok = acceptPath(c, a, p.audio, p.seals, p.mux); !ok {
		return terms{}, &NoAudio{"no key for SRTP in the answer"}
	}
	if p.text >= 0 && p.text < len(d.parts) && d.parts[p.text].kind == "text" && d.parts[p.text].to.Port() != 0 {
		a := d.parts[p.text]
		plain, redundant := chooseText(a)
		if way, ok := acceptPath(c, a, p.text, p.textSeals, p.mux); ok && plain.is {
			plain.takes, redundant.takes = p.plain.takes, p.redundant.takes
			redundant.is = redundant.is && p.redundant.is
			t.text = &textTerms{path: way, plain: plain, redundant: redundant, perSecond: charactersPerSecond(a, plain)}
		}
	}
	return t, nil
}

// usable is "" for a part whose packets we can read and write, or why we can't.
func usable(c Config, p part) string {
	to := p.to.Addr()
	switch {
	case to.IsMulticast():
		return "an address of many"
	case !p.plain() && !p.secret():
		return "a transport that isn't ours"
	case p.secret() && c.SRTP == Off:
		return "only encrypted"
	case p.secret() && len(p.keys) == 0, c.SRTP == Required && len(p.keys) == 0:
		return "no key for SRTP"
	case to.IsValid() && !to.IsUnspecified() && c.Bind.IsValid() && c.Bind.Is4() && !to.Is4(),
		to.IsValid() && c.Bind.IsValid() && !c.Bind.Is4() && !c.Bind.IsUnspecified() && to.Is4():
		return "an address of the other family"
	}
	return ""
}

// chooseCodec is the first of ours, in the order of the other side.
func (c Config) chooseCodec(p part) (codec, agreed, bool) {
	for _, f := range p.formats {
		n, ok := payloadType(f)
		if !ok {
			continue
		}
		if k, ok := codecOf(p.encoding(f)); ok && (k != wide || c.Wide) {
			return k, agreed{n, n, true}, true
		}
	}
	return 0, agreed{}, false
}

// chooseKeys finds telephone-event with the clock of the sound, which is 8,000 for all of ours.
func chooseKeys(p part) agreed {
	for _, f := range p.formats {
		if n, ok := payloadType(f); ok && strings.TrimSuffix(p.encoding(f), "/1") == "telephone-event/8000" {
			return agreed{n, n, true}
		}
	}
	return agreed{}
}

func chooseText(p part) (plain, redundant agreed) {
	for _, f := range p.formats {
		n, ok := payloadType(f)
		if !ok {
			continue
		}
		switch p.encoding(f) {
		case "t140/1000":
			if !plain.is {
				plain = agreed{n, n, true}
			}
		case "red/1000":
			if !redundant.is {
				redundant = agreed{n, n, true}
			}
		}
	}
	return plain, redundant
}

func charactersPerSecond(p part, plain agreed) int {
	for field := range strings.FieldsFuncSeq(p.fmtp[strconv.Itoa(int(plain.sends))], func(r rune) bool { return r == ';' || r == ' ' }) {
		if text, ok := strings.CutPrefix(field, "cps="); ok {
			if n, err := strconv.Atoi(text); err == nil && n > 0 && n <= 1000 {
				return n
			}
		}
	}
	return usualPerSecond
}

// choosePath answers an offered part.
func choosePath(c Config, p part, place int, old *path) path {
	way := path{place: place, to: p.to, rtcp: p.rtcp, mux: p.mux}
	if c.SRTP == Off || len(p.keys) == 0 {
		return way
	}
	way.encrypted = true
	way.opens = p.keys[0]
	for _, s := range suites() { // the best that is offered
		if i := slices.IndexFunc(p.keys, func(k keyLine) bool { return k.suite == s }); i >= 0 {
			way.opens = p.keys[i]
			break
		}
	}
	way.seals = newKeyLine(way.opens.tag, way.opens.suite)
	if old != nil && old.encrypted && old.seals.suite == way.seals.suite {
		way.seals.key = old.seals.key
	}
	return way
}

// acceptPath reads an answered part. ours are the keys that we offered.
func acceptPath(c Config, p part, place int, ours []keyLine, mux bool) (path, bool) {
	way := path{place: place, to: p.to, rtcp: p.rtcp, mux: p.mux && mux}
	if reason := usable(c, p); reason != "" {
		return path{}, false
	}
	for _, theirs := range p.keys {
		for _, k := range ours {
			if k.tag == theirs.tag && k.suite == theirs.suite {
				way.encrypted, way.opens, way.seals = true, theirs, k
				return way, true
			}
		}
	}
	return way, c.SRTP != Required && !p.secret()
}
