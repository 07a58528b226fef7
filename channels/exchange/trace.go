package exchange

import "context"

// Tracing follows some of what the exchange does through its stages, for whoever looks for where the time goes. It is told the names of
// channels, stages and outcomes: never who, what was said, or a provider's id.
type Tracing interface {
	// Begin follows one more, as a part of what ctx is already followed for; kind is "turn", "timer" or "push". nil: not this one.
	Begin(ctx context.Context, kind, channel string) Trace
}

// Trace is one turn, or one message on its way out. One goroutine at a time.
type Trace interface {
	Stage(name string) // the one before ends
	End(outcome string)
}

// The stages of a turn, and of a message that is pushed.
const (
	stageWait   = "wait" // for other turns of the same resident
	stageLoad   = "load"
	stageRead   = "read"
	stageStep   = "step"
	stageAsk    = "ask" // the store, in between: a reference, what is similar
	stageRender = "render"
	stageWrite  = "write" // the change, before the store has it
	stageCommit = "commit"
	stageReply  = "reply"

	stageMay     = "may leave" // STOP, a PIN, a budget: looked up at the last moment
	stageDeliver = "deliver"
	stageLook    = "look" // the provider is asked what became of it
	stageSettle  = "settle"
)

// trail is where something has come to. The zero value follows nothing but the name of the stage.
type trail struct {
	trace Trace
	at    string
}

func (x *Exchange) follow(ctx context.Context, kind, channel string) trail {
	if x.tracing == nil {
		return trail{}
	}
	return trail{trace: x.tracing.Begin(ctx, kind, channel)}
}

func (t *trail) stage(name string) {
	if t.at == name {
		return
	}
	t.at = name
	if t.trace != nil {
		t.trace.Stage(name)
	}
}

func (t *trail) end(outcome string) {
	if t.trace != nil {
		t.trace.End(outcome)
	}
}

// mark is stage for talk, which knows no trails; nil: nobody looks.
func (t *trail) mark() func(string) {
	if t.trace == nil {
		return nil
	}
	return t.stage
}
