package executor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"lockstep/plan"
)

// tooLong is the cause of a deadline.
type tooLong struct{ limit time.Duration }

func (t *tooLong) Error() string { return fmt.Sprintf("it took longer than %s", t.limit) }

// readLimit bounds a probe, a ranking and a proof unless the plan says
// otherwise: they only read, so one that takes longer hangs on something.
const readLimit = 10 * time.Minute

// reading does one of them in its time.
func reading(ctx context.Context, t *plan.Task, do func(context.Context) error) error {
	return limited(ctx, cmp.Or(t.Timeout, readLimit), do)
}

// within does one act of a step in the time that the plan gives it.
func within(ctx context.Context, t *plan.Task, do func(context.Context) error) error {
	return limited(ctx, cmp.Or(t.Timeout, DefaultTimeout), do)
}

func limited(ctx context.Context, limit time.Duration, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, &tooLong{limit})
	defer cancel()
	return because(ctx, do(ctx))
}

// because names the deadline as the cause of err where it was one.
func because(ctx context.Context, err error) error {
	var cause *tooLong
	if err != nil && errors.As(context.Cause(ctx), &cause) {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return err
}
