package audio

// Speech is made slower or faster by laying pieces of it over each other, farther apart or closer than they were, each where
// it goes on best from the one before (WSOLA): the pitch stays.
const (
	piece  = 480 // samples of 16 kHz: 30 ms
	step   = piece / 2
	search = 160 // 10 ms either way: any period of a voice of more than 50 Hz is found
)

// fade is the rise and fall of a piece. Two that overlap by half add up to one.
var fade = func() (w [piece]float32) {
	for i := range w {
		x := (float32(i) + 0.5) / piece
		if x < 0.5 {
			w[i] = 2 * x
		} else {
			w[i] = 2 - 2*x
		}
	}
	return w
}()

// stretch returns speech of 16 kHz at a pace in percent: at 80 it lasts a quarter longer.
func stretch(in []int16, pace int) []int16 {
	if pace == 100 || len(in) < 2*piece {
		return in
	}
	want := len(in) * 100 / pace
	src := make([]float32, len(in)+3*piece+2*search)
	const lead = search + step
	for i, x := range in {
		src[i+lead] = float32(x)
	}
	out := make([]float32, want+2*piece)
	at := lead - step // the first piece begins before the sound, so that its rise hides nothing
	for n, to := 0, 0; to < want+step; n, to = n+1, to+step {
		if n > 0 {
			ideal := lead - step + n*step*pace/100
			at = likest(src, at+step, min(ideal, len(src)-piece-search))
		}
		for i, x := range src[at : at+piece] {
			out[to+i] += x * fade[i]
		}
	}
	done := make([]int16, want)
	for i := range done {
		done[i] = int16(max(-32768, min(out[i+step], 32767)))
	}
	return done
}

// likest finds the place around ideal whose sound is most like that at next, which is what would come next at the
// usual pace: coarsely first, then to the sample.
func likest(src []float32, next, ideal int) int {
	if next+piece > len(src) {
		return ideal
	}
	best, found := float32(0), ideal
	look := func(from, to, every, thin int) {
		for at := max(from, 0); at <= min(to, len(src)-piece); at += every {
			var dot, energy float32 = 0, 1
			a, b := src[next:next+piece], src[at:at+piece]
			for i := 0; i < piece; i += thin {
				dot += a[i] * b[i]
				energy += b[i] * b[i]
			}
			if dot <= 0 {
				continue
			}
			if like := dot / energy * dot; like > best {
				best, found = like, at
			}
		}
	}
	look(ideal-search, ideal+search, 4, 4)
	best = 0
	look(found-3, found+3, 1, 1)
	return found
}
