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

// within does one act of a step in the time that the plan gives it.
func within(ctx context.Context, t *plan.Task, do func(context.Context) error) error {
	limit := cmp.Or(t.Timeout, DefaultTimeout)
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
