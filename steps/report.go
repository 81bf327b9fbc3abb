package steps

import (
	"context"
	"time"
)

// Reporter is implemented by a step that tells more of its work than whether it
// changed something. A plan reads it under the name that `register` gives.
type Reporter interface {
	// Reports names the fields. It is called on steps without parameters too.
	Reports() []string
	// Report returns the fields' values: text, numbers, truths, lists of these.
	// It is called after Apply, also one that failed, or after a Probe that
	// found nothing to do.
	Report() map[string]any
}

// Waiter is implemented by a step whose wanted state comes about by itself. The
// step knows no time: the executor asks again until it holds.
type Waiter interface {
	// Wait looks once. It returns a *NotYet while waiting may help.
	Wait(ctx context.Context, v View) error
	// Patience is how long to wait at most, and how long before each look
	// after the first.
	Patience() (timeout, delay time.Duration)
}
