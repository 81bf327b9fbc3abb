// Package steps is the contract between a kind of step and the executor: what
// a step may read, what it may change, and how it says what it would change.
// It knows no kind, no transport and no order of things.
package steps

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"time"

	"lockstep/internal/source"
	"lockstep/steps/param"
)

// Reader is all that a probe may do to a host. A probe reads through it and
// never learns whether it looks at the live host or at what a dry run foresees.
//
// Every method may be called by many goroutines, returns soon after ctx ends,
// and returns an *Unforeseen error where a dry run cannot know the answer.
type Reader interface {
	// Name is the host's name in the inventory.
	Name() string
	// Address is the name or IP address at which the host is reached; its
	// neighbours reach it there too unless the inventory says otherwise.
	Address() string
	// Stat describes path and does not follow a final symbolic link. A path
	// that does not exist is no error: its Kind is Absent.
	Stat(ctx context.Context, path string) (Stat, error)
	// ReadFile returns a regular file's content, following links. A missing
	// file gives fs.ErrNotExist; one over MaxRead gives ErrTooBig. Others read
	// the same bytes: they must not be changed.
	ReadFile(ctx context.Context, path string) ([]byte, error)
	// Describe tells a regular file's size and SHA-256, following links, without
	// taking it into memory: for files over MaxRead. On the control machine the
	// Content can be opened. A missing file gives fs.ErrNotExist.
	Describe(ctx context.Context, path string) (*Content, error)
	// ReadDir returns the names in a directory in byte order, without "." and
	// "..". A missing directory gives fs.ErrNotExist.
	ReadDir(ctx context.Context, path string) ([]string, error)
	// Query runs a command that promises not to change the host. An exit code
	// other than zero is an answer, not an error.
	Query(ctx context.Context, c Command) (Output, error)
	// Dial opens a TCP connection to address (host:port) as the host itself
	// sees it. Deadlines may not be supported: close the connection instead.
	Dial(ctx context.Context, address string) (net.Conn, error)
}

// Host is what an apply may do to a host. File changes may be collected and
// written together later; they are on disk before any later Exec runs.
type Host interface {
	Reader
	// WriteFile replaces path (or the file that a link at path leads to) in
	// one act: readers see the old content or the new, never a mixture. The
	// directory must exist. Attributes that a leaves open keep their value. data
	// is kept and must not be changed any more.
	WriteFile(ctx context.Context, path string, data []byte, a Attrs) error
	// WriteContent is WriteFile for content that is too big for memory. It is
	// opened when it is sent, which may be later, and must still be the same.
	WriteContent(ctx context.Context, path string, from *Content, a Attrs) error
	// SetAttrs changes owner, group and mode of what is at path.
	SetAttrs(ctx context.Context, path string, a Attrs) error
	// Mkdir makes one directory; its parent must exist. It is no error when
	// the directory is there already: its attributes are set all the same.
	Mkdir(ctx context.Context, path string, a Attrs) error
	// Remove deletes a file, a link or an empty directory. It is no error
	// when nothing is there.
	Remove(ctx context.Context, path string) error
	// Exec runs a command that changes the host. An exit code other than zero
	// is an answer, not an error; see Succeed.
	Exec(ctx context.Context, c Command) (Output, error)
}

// View is what a step sees of the world while it probes. Others gives the other
// hosts of its stage, nil none of them, and Control is the machine lockstep runs
// on; both are for reading only.
type View struct {
	Self    Reader
	Others  func() []Reader
	Control Reader
}

// Peers are the other hosts of the stage, in the inventory's order.
func (v View) Peers() []Reader {
	if v.Others == nil {
		return nil
	}
	return v.Others()
}

// Step is one wanted state on one host. A value serves one host and is used by
// one goroutine at a time.
type Step interface {
	// Params declares the parameters; it is called once on each new value.
	Params(p *param.Set)
	// Probe compares the wanted state with the found one. An empty Change
	// means that nothing is to be done.
	Probe(ctx context.Context, v View) (Change, error)
	// Apply makes the Change that Probe returned, and nothing else. A dry run
	// calls it too, on a host that only remembers.
	Apply(ctx context.Context, h Host, c Change) error
}

// Checker is implemented by a step whose parameters depend on each other.
// Check runs before any connection is opened and returns all problems.
type Checker interface{ Check() error }

// Local is implemented by a step that reads files of the control machine or
// makes some there. A needed file that neither exists nor is made by an
// earlier step is an error before any connection is opened.
type Local interface {
	Needs() []string
	Makes() []string
}

// Expecter is implemented by a step that can name, from its parameters alone,
// what its probe will ask for. All of it is asked ahead in one round trip, in
// whatever order the probe then comes to it. Such a step keeps nothing from its
// Probe for its Apply but the Change, and its Apply may be called again.
type Expecter interface{ Expects() Expectation }

// Expectation is what a step will look at: paths that it may change, paths that
// it only Reads, the users and groups that it names as owners, and what it asks.
type Expectation struct {
	Paths, Reads, Users, Groups []string
	Queries                     []Command
}

// Scoped is implemented by a step that evaluates a text against the variables
// of its host by itself, as a template does. The compiler leaves the {{ }} of
// the parameters that Verbatim names as they are. After decoding and Check, and
// before any connection is opened, it asks once for each host what the step
// Uses, refuses a name that the host lacks with the Use's own error unless it is
// Optional, and keeps the resolved values beside the parameters. Each step that
// is made from them later gets the values by SetVars, before anything else is
// asked of it. A step works without SetVars as if the host had no variables.
type Scoped interface {
	// Verbatim is asked of a new step, before it is decoded.
	Verbatim() []string
	// Uses returns each variable once. Its error has a place of its own.
	Uses() ([]Use, error)
	// SetVars hands in the variables of Uses that the host has.
	SetVars(vars map[string]source.Value)
}

// Use is a variable that a Scoped step takes from its host.
type Use struct {
	Name     string
	Optional bool // the step asks whether it is there
	// Missing is the error, with place and hint, that there is no such variable
	// among the known ones.
	Missing func(known []string) error
}

// Verifier is implemented by a step that can prove more than an empty probe.
// Verify runs after the step's changes are on the host, or when there were
// none. It returns a *NotYet while waiting may help; it does not wait itself.
type Verifier interface {
	Verify(ctx context.Context, v View) error
}

// Ranker is implemented by a step that knows which host of a stage must go
// first: the lowest rank does, and equal ranks keep the inventory's order.
type Ranker interface {
	Rank(ctx context.Context, v View) (int, error)
}

// Judge is implemented by a step that can serve as a gate. It returns nil when
// v.Self and what it sees of its peers are healthy, a *NotYet while waiting may
// help, and any other error when it will not.
type Judge interface {
	Judge(ctx context.Context, v View) error
}

// Kind describes a kind of step to the compiler and to people.
type Kind struct {
	// Name is the word in the plan file.
	Name string
	// Summary is one line; Doc is the Markdown of the kind's doc.md.
	Summary, Doc string
	// OnControl marks a kind whose host is the control machine: its steps run
	// there, once for all the hosts of their stage, which are its peers.
	OnControl bool
	New       func() Step
}

// FileKind says what is at a path.
type FileKind string

// What can be at a path.
const (
	Absent    FileKind = "absent"
	Regular   FileKind = "file"
	Directory FileKind = "directory"
	Link      FileKind = "link"
	Special   FileKind = "special"
)

// Stat describes what is at a path.
type Stat struct {
	Kind         FileKind
	Mode         fs.FileMode // permission bits with setuid, setgid and sticky, as chmod counts them: 0o7777
	Owner, Group string      // a name, or a decimal number where the host knows no name
	Size         int64       // bytes
	Changed      time.Time   // the later of mtime and ctime, by the host's clock
	Target       string      // where a link points

	// Version changes whenever the file does, and a directory's whenever its
	// attributes do. It is compared on the host in the moment of writing, so
	// that nobody else's change is overwritten. It is empty for what is absent.
	Version string
	// Pending: this run has written the file, or removed what was there, and
	// that is newer than anything that runs on the host, whatever Changed says.
	// A directory is pending when this run put an entry into it or removed one.
	Pending bool
	// Unsettled: a dry run wrote the file with content that only the real run
	// will make, such as a new key. What is read from it stands for that.
	Unsettled bool
}

// MaxRead is the most bytes that ReadFile returns.
const MaxRead = 4 << 20

// Attrs are the attributes of a file. An empty Owner or Group and a nil Mode
// leave what is there; for a new file they are the user's own and 0600, or
// 0700 for a directory.
type Attrs struct {
	Owner, Group string
	Mode         *fs.FileMode
	// Unsettled marks content that differs each time it is made. See Stat.
	Unsettled bool
}

// Command is a program to run: an argument vector, never a shell string.
type Command struct {
	Argv  []string
	Stdin []byte
	Env   []string // KEY=value, added to a small clean environment
	Dir   string   // working directory; "/" when empty

	// Reads names what a Query's answer rests on and Writes what an Exec may
	// change: absolute paths, which stand for all below them too, or words of
	// the kind's own such as "service:mariadb". The word "*" is everything.
	// An Exec with no Writes may change everything; a Query with no Reads
	// rests on nothing that a run can change.
	Reads, Writes []string
	// Foresees lists what the world will answer after a successful Exec, as
	// far as that is certain. A dry run believes it, and takes all else that
	// Writes covers for unknown.
	Foresees []Foreseen

	// Long marks an Exec that may outlast a connection. Its result is kept on
	// the host until it was read.
	Long bool
	// Said is told what a Long Exec writes while it runs: all that the Output
	// will have, each byte once and in order within its stream, by any goroutine
	// and only until the Exec returns. The executor sets it, no kind does. The
	// piece is valid during the call, which must not take long.
	Said func(stderr bool, piece []byte)
}

// Foreseen is one answer of the world after an Exec: of a query (equal Argv
// and Stdin), or of a file when Path is set. A nil Data means no such file.
type Foreseen struct {
	Query  Command
	Output Output

	Path string
	Data []byte
}

// Output is what a command answered.
type Output struct {
	Stdout, Stderr []byte
	Code           int // exit code; 128+n when signal n ended it
}

// Sentinels that callers decide by.
var (
	// ErrTooBig is returned by ReadFile for a file over MaxRead.
	ErrTooBig = errors.New("the file is too big to read at once")
	// ErrUnreachable is returned, wrapped, by every method of a Reader when
	// the host cannot be reached or was lost. It says nothing about whether
	// an Exec took place.
	ErrUnreachable = errors.New("host unreachable")
	// ErrRefused is returned, wrapped, when a host does not let the run do what
	// it needs before anything was changed, such as becoming root.
	ErrRefused = errors.New("refused before anything was changed")
	// ErrDrifted is returned, wrapped, when a file is not what the probe saw.
	ErrDrifted = errors.New("changed by somebody else since it was read")
)
