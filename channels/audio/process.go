package audio

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"time"
)

// run starts one of the voice's programs with in on its standard input and returns what it printed. What it says on its
// standard error is dropped: it may repeat the words.
func (v *Voice) run(ctx context.Context, program string, in []byte, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, v.programs[program], args...)
	cmd.Env = []string{"LC_ALL=C.UTF-8"}
	cmd.Stdin = bytes.NewReader(in)
	cmd.WaitDelay = time.Second // a child of it may hold the pipe
	out := &bounded{most: maxSound}
	cmd.Stdout = out
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%s: %w", program, ctx.Err())
	case out.over:
		return nil, fmt.Errorf("%s: %w", program, ErrTooLong)
	case errors.As(err, &exit):
		return nil, fmt.Errorf("%s: %s", program, exit.ProcessState)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", program, err)
	}
	return out.taken.Bytes(), nil
}

// bounded takes no more than most bytes.
type bounded struct {
	taken bytes.Buffer // not embedded: its ReadFrom would take all there is
	most  int
	over  bool
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.taken.Len()+len(p) > b.most {
		b.over = true
		return 0, ErrTooLong
	}
	return b.taken.Write(p)
}
