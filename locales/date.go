package locales

type dates struct{}

func (d *dates) learn(f *file, l *Language) error { return nil }
