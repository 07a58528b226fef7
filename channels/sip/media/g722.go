package media

// G.722 at 64 kbit/s: sound up to 7 kHz. Two filters part it into a low and a high band; each is foretold from what came
// before, and only the difference is sent, with 6 bits for the low band and 2 for the high one. The names of the steps are
// those of ITU-T G.722. Its clock in RTP is 8,000 although there are 16,000 samples a second (RFC 3551, 4.5.2).

var (
	g722Step = [32]int32{2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834,
		2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008}

	g722Low4 = [16]int32{0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200, 0}
	g722Low6 = [64]int32{-136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232, -9360, -8576, -7856,
		-7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688, -1360, -1040, -728,
		24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576, 7856, 7192, 6576, 6000, 5456,
		4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136, -432, -136}
	g722LowLevel  = [30]int32{0, 35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023, 1121, 1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919}
	g722LowMinus  = [31]byte{0, 63, 62, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4}
	g722LowPlus   = [31]byte{0, 61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45, 44, 43, 42, 41, 40, 39, 38, 37, 36, 35, 34, 33, 32}
	g722LowChange = [16]int32{-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60}

	g722High       = [4]int32{-7408, -1616, 7408, 1616}
	g722HighChange = [4]int32{798, -214, 798, -214}
)

// g722Band foretells one band.
type g722Band struct {
	guess  int32 // s: what is foretold
	zeros  int32 // sz: the part of it that comes from the differences
	scale  int32 // det
	level  int32 // nb: the logarithm of scale
	sum1   int32 // r, one sample ago
	part1  int32 // p, one and two samples ago
	part2  int32
	pole1  int32 // a
	pole2  int32
	twice  [6]int32 // d, doubled, from one sample ago to six
	weight [6]int32 // b
}

func saturate(x int32) int32 { return max(-32768, min(x, 32767)) }

// adapt learns from the difference that was sent (block 4), and foretells the next sample.
func (b *g722Band) adapt(d int32) {
	sum := saturate(b.guess + d)
	part := saturate(b.zeros + d)

	// UPPOL2. What has the same sign as another number is not below zero when both are combined by exclusive or.
	w := saturate(b.pole1 << 2)
	if part^b.part1 >= 0 {
		w = min(-w, 32767)
	}
	w >>= 7
	if part^b.part2 >= 0 {
		w += 128
	} else {
		w -= 128
	}
	pole2 := max(-12288, min(w+b.pole2*32512>>15, 12288))

	// UPPOL1
	w = -192
	if part^b.part1 >= 0 {
		w = 192
	}
	most := 15360 - pole2
	pole1 := max(-most, min(w+b.pole1*32640>>15, most))

	// UPZERO, DELAYA, FILTEZ. No weight can overflow.
	step := int32(128)
	if d == 0 {
		step = 0
	}
	zeros, newer := int32(0), saturate(2*d)
	for i := range b.weight {
		sign := (b.twice[i] ^ d) >> 31
		weight := b.weight[i]*32640>>15 + (step ^ sign) - sign
		b.weight[i], b.twice[i], newer = weight, newer, b.twice[i]
		zeros += weight * b.twice[i] >> 15
	}

	// FILTEP, PREDIC
	b.zeros = saturate(zeros)
	b.guess = saturate(saturate(pole1*saturate(2*sum)>>15+pole2*saturate(2*b.sum1)>>15) + b.zeros)
	b.sum1, b.part1, b.part2, b.pole1, b.pole2 = sum, part, b.part1, pole1, pole2
}

// rescale changes how large the next difference is thought to be (block 3).
func (b *g722Band) rescale(change, most, shift int32) {
	b.level = max(0, min(b.level*127>>7+change, most))
	w := g722Step[b.level>>6&31]
	if by := shift - b.level>>11; by < 0 {
		w <<= -by
	} else {
		w >>= by
	}
	b.scale = w << 2
}

func (b *g722Band) takeLow(code byte) {
	d := b.scale * g722Low4[code>>2] >> 15
	b.rescale(g722LowChange[code>>2], 18432, 8)
	b.adapt(d)
}

func (b *g722Band) takeHigh(code byte) (d int32) {
	d = b.scale * g722High[code] >> 15
	b.rescale(g722HighChange[code], 22528, 10)
	b.adapt(d)
	return d
}

// g722 is one direction of one call: it either encodes or decodes.
type g722 struct {
	low, high g722Band
	past      [24 + 2*g722Block]int32 // what the filter still needs, and the block at work
}

const g722Block = 160 // pairs of samples filtered at once: 20 ms

func newG722() *g722 {
	g := &g722{}
	g.low.scale, g.high.scale = 32, 8
	return g
}

// g722Filter weighs every other sample, and those between them in the opposite order.
func g722Filter(x *[24]int32) (odd, even int32) {
	odd = 3*x[0] - 11*x[2] + 12*x[4] + 32*x[6] - 210*x[8] + 951*x[10] + 3876*x[12] - 805*x[14] + 362*x[16] - 156*x[18] + 53*x[20] - 11*x[22]
	even = 3*x[23] - 11*x[21] + 12*x[19] + 32*x[17] - 210*x[15] + 951*x[13] + 3876*x[11] - 805*x[9] + 362*x[7] - 156*x[5] + 53*x[3] - 11*x[1]
	return odd, even
}

// encode makes one byte out of each two samples.
func (g *g722) encode(out []byte, pcm []int16) {
	for len(pcm) >= 2 {
		n := min(len(pcm)/2, g722Block)
		for i, x := range pcm[:2*n] {
			g.past[22+i] = int32(x)
		}
		for i := range n {
			odd, even := g722Filter((*[24]int32)(g.past[2*i:]))
			out[i] = g.encodePair((even+odd)>>14, (even-odd)>>14)
		}
		copy(g.past[:22], g.past[2*n:])
		out, pcm = out[n:], pcm[2*n:]
	}
}

func (g *g722) encodePair(low, high int32) byte {
	e := saturate(low - g.low.guess)
	size := e
	if e < 0 {
		size = ^e
	}
	i, end := 1, 30 // the first level that is above it, by halves
	for i < end {
		if middle := (i + end) / 2; size >= g722LowLevel[middle]*g.low.scale>>12 {
			i = middle + 1
		} else {
			end = middle
		}
	}
	code := g722LowPlus[i]
	if e < 0 {
		code = g722LowMinus[i]
	}
	g.low.takeLow(code)

	e = saturate(high - g.high.guess)
	size, top := e, byte(3)
	if e < 0 {
		size, top = ^e, 1
	}
	if size >= 564*g.high.scale>>12 {
		top--
	}
	g.high.takeHigh(top)
	return top<<6 | code
}

// decode makes two samples out of each byte.
func (g *g722) decode(pcm []int16, in []byte) {
	for len(in) > 0 {
		n := min(len(in), g722Block)
		for i, b := range in[:n] {
			low := g.low.guess + g.low.scale*g722Low6[b&63]>>15
			low = max(-16384, min(low, 16383))
			g.low.takeLow(b & 63)
			guess := g.high.guess
			high := max(-16384, min(guess+g.high.takeHigh(b>>6), 16383))
			g.past[22+2*i], g.past[23+2*i] = low+high, low-high
		}
		for i := range n {
			second, first := g722Filter((*[24]int32)(g.past[2*i:]))
			pcm[2*i], pcm[2*i+1] = int16(saturate(first>>11)), int16(saturate(second>>11))
		}
		copy(g.past[:22], g.past[2*n:2*n+22])
		in, pcm = in[n:], pcm[2*n:]
	}
}
