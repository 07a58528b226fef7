package media

import "math"

// tones hears the keys of a telephone that sends nothing but their sound: two sine waves each, found by Goertzel's
// filter in blocks of 12.75 ms. A key counts after three blocks that agree, and again only after two without it.
type tones struct {
	block   [toneBlock]float32
	filled  int
	last    byte
	run     int
	pressed byte
	away    int
}

const toneBlock = 102

const toneKeys = "123A456B789C*0#D" // rows by columns

// toneWeights are those of the four rows, the four columns and the columns' second harmonics, which speech has and keys haven't.
// (A row's second harmonic lies among the columns; a block as short as this can't tell them apart.)
var toneWeights = func() (w [12]float32) {
	for i, hz := range [8]float64{697, 770, 852, 941, 1209, 1336, 1477, 1633} {
		w[i] = float32(2 * math.Cos(2*math.Pi*hz/8000))
		if i >= 4 {
			w[i+4] = float32(2 * math.Cos(2*math.Pi*2*hz/8000))
		}
	}
	return w
}()

// hear takes samples at 8,000 a second. It returns a key that became certain, or 0; blocks are long enough that there is
// only one in a packet.
func (t *tones) hear(pcm []int16) (key byte) {
	for _, x := range pcm {
		t.block[t.filled] = float32(x)
		if t.filled++; t.filled < toneBlock {
			continue
		}
		t.filled = 0
		if k := t.count(t.keyIn()); k != 0 {
			key = k
		}
	}
	return key
}

func (t *tones) count(k byte) byte {
	if k != 0 && k == t.last {
		t.run++
	} else {
		t.run = 1
	}
	t.last = k
	if k == t.pressed {
		t.away = 0
	} else if t.away++; t.away >= 2 {
		t.pressed = 0
	}
	if k == 0 || t.run != 3 || k == t.pressed {
		return 0
	}
	t.pressed, t.away = k, 0
	return k
}

// keyIn is the key whose tones fill the block.
func (t *tones) keyIn() byte {
	all := float32(0)
	for _, x := range t.block {
		all += x * x
	}
	if all < 100*100*toneBlock { // about -50 dBFS
		return 0
	}
	var p [8]float32
	row, column := 0, 4
	for i := range p {
		p[i] = t.power(toneWeights[i])
		if i < 4 && p[i] > p[row] {
			row = i
		}
		if i >= 4 && p[i] > p[column] {
			column = i
		}
	}
	const apart = 6.3                                         // 8 dB
	if p[row] > apart*p[column] || p[column] > apart*p[row] { // one tone alone
		return 0
	}
	for i := range p {
		if i < 4 && i != row && apart*p[i] > p[row] || i >= 4 && i != column && apart*p[i] > p[column] {
			return 0
		}
	}
	if (p[row]+p[column])*2/toneBlock < 0.62*all || 10*t.power(toneWeights[column+4]) > p[column] { // or there is more than two tones
		return 0
	}
	return toneKeys[row*4+column-4]
}

func (t *tones) power(weight float32) float32 {
	var s1, s2 float32
	for _, x := range t.block {
		s1, s2 = x+weight*s1-s2, s1
	}
	return s1*s1 + s2*s2 - weight*s1*s2
}
