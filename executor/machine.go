package executor

import (
	"context"

	"lockstep/steps"
)

// Machine is one host behind one connection: what executor/remote offers for a
// host over SSH and executor/local for the control machine. All methods may be
// called by many goroutines; Commit and Run are called by one at a time.
//
// Its reads always tell what is on the host now: buffering, caching and
// foreseeing are the overlay's work, on top of it.
type Machine interface {
	steps.Reader
	// Run executes a command that may change the host. An exit code other
	// than zero is an answer. An error that wraps steps.ErrUnreachable leaves
	// open whether the command ran; a Command with Long is looked up again
	// after reconnecting before that is given up.
	Run(ctx context.Context, c steps.Command) (steps.Output, error)
	// Commit makes the writes of a batch: all payloads are first put beside
	// their targets under private names, then each target is checked against
	// Was, and then they are moved into place in order. If anything fails
	// before the first move, no target has changed; in any case each target is
	// wholly old or wholly new. The error is a *CommitError.
	Commit(ctx context.Context, batch []Write) error
	// Close ends the connection and every process it still has on the host,
	// except what a Long command started.
	Close() error
}

// Preparer is implemented by a Machine that has to start something before it
// can Run or Commit. Prepare returns at once, may be called often, and changes
// nothing on the host; what fails is met again when the machine is used.
type Preparer interface{ Prepare() }

// Remarker is implemented by a Machine that may have something to tell people of
// how it works on its host. Remarks returns what is new since it was last asked.
type Remarker interface{ Remarks() []string }

// WriteOp says what a Write does.
type WriteOp int

// The operations of a Write.
const (
	PutFile  WriteOp = iota // replace the content and set Attrs
	PutAttrs                // set Attrs only
	PutDir                  // make a directory, or set its Attrs when it is there
	PutGone                 // remove a file, a link or an empty directory
)

// Write is one change of one path that a batch makes.
type Write struct {
	Op   WriteOp
	Path string
	Data []byte // for PutFile
	// From is for PutFile in place of Data when the content is too big for
	// memory. The machine refuses content that is not what From describes. What
	// an interrupted batch has brought of it to the host is kept for the next.
	From *steps.Content
	// Sent is told how many bytes of From are on the host or on their way, by any
	// goroutine; it may be nil.
	Sent  func(bytes int64)
	Attrs steps.Attrs // a nil Mode keeps the mode, or is 0600 (0700) for what is new
	// Was is what the change was derived from. The machine refuses the batch
	// with steps.ErrDrifted when Was.Version is not what it finds.
	Was steps.Stat
}

// Size is how many bytes a PutFile writes.
func (w Write) Size() int64 {
	if w.From != nil {
		return w.From.Size
	}
	return int64(len(w.Data))
}

// CommitError says which write of a batch was refused or failed, and which
// paths have their new content all the same.
type CommitError struct {
	Path string
	Done []string // paths that were changed before the failure
	Err  error
}

// Error names the path and the cause.
func (e *CommitError) Error() string { return e.Path + ": " + e.Err.Error() }

// Unwrap gives the cause.
func (e *CommitError) Unwrap() error { return e.Err }
