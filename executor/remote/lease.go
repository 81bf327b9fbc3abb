package remote

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"al.essio.dev/pkg/shellescape"

	"lockstep/executor"
	"lockstep/steps"
)

var _ executor.Locker = (*Conn)(nil)

// Codes of the lease scripts.
const (
	codeHeld     = 60
	codeNoPlace  = 61
	codeOccupied = 62
)

// leaseFunctions find the file that tells who holds the host, and let one script
// at a time look at it and write it. Its lines are the run, the second at which
// the hold ends, the boot in which that counts, the owner and the place. Seconds
// count from the boot where the host tells them, so that no clock that is set
// matters. A user who is not root holds the host among runs as the same user.
func leaseFunctions(base string) string {
	return `umask 077
trap '' HUP INT TERM PIPE
own() { mkdir "$1" 2>/dev/null || { [ -d "$1" ] && [ ! -L "$1" ] && [ -O "$1" ]; }; }
b=` + base + `; own "$b" || { b=/tmp/lockstep-$(id -u); own "$b"; } || exit ` + strconv.Itoa(codeNoPlace) + `
f=$b/lease
alone() {
n=0; until mkdir "$f.busy" 2>/dev/null || { own "$b" && mkdir "$f.busy" 2>/dev/null; }; do
n=$((n+1)); [ $n -lt 30 ] || { echo "$f.busy"; exit ` + strconv.Itoa(codeOccupied) + `; }
sleep 0.1 2>/dev/null || sleep 1; done
trap 'rmdir "$f.busy"' EXIT
}
now=
{ read -r now rest </proc/uptime; } 2>/dev/null; now=${now%%.*}; [ -n "$now" ] || now=$(date +%s)
boot=; { read -r boot </proc/sys/kernel/random/boot_id; } 2>/dev/null
held() {
run=; [ -f "$f" ] && { read -r run; read -r until; read -r in; read -r owner; read -r place; } <"$f"
[ -n "$run" ] && [ "$in" = "$boot" ] && [ "$until" -gt "$now" ] 2>/dev/null
}
tell() { printf '%s\n' "$run" $((until-now)) "$owner" "$place"; }
`
}

// Lock implements executor.Locker.
func (c *Conn) Lock(ctx context.Context, l executor.Lease, instead string) error {
	q := shellescape.Quote
	script := leaseFunctions(c.target.RunDir) + "alone\nif held && [ \"$run\" != " + q(l.Run) + " ] && [ \"$run\" != " + q(instead) + " ]; then tell; exit " + strconv.Itoa(codeHeld) + "; fi\n" +
		fmt.Sprintf("printf '%%s\\n' %s $((now+%d)) \"$boot\" %s %s >\"$f.new\" && mv -f \"$f.new\" \"$f\"\n", q(l.Run), int(executor.LeaseTime/time.Second), q(line(l.Owner)), q(line(l.Place)))
	a, err := c.ask(ctx, script)
	if err != nil {
		return err
	}
	if a.code == codeHeld {
		by, err := parseLease(a.out)
		if err != nil {
			return err
		}
		return &executor.HeldError{By: *by}
	}
	return leaseProblem(a)
}

// Unlock implements executor.Locker.
func (c *Conn) Unlock(ctx context.Context, run string) error {
	a, err := c.ask(ctx, leaseFunctions(c.target.RunDir)+"alone\nheld; [ \"$run\" != "+shellescape.Quote(run)+" ] || rm -f \"$f\"\n"+
		"trap - EXIT; rmdir \"$f.busy\" && rmdir \"$b\" 2>/dev/null; :\n")
	if err != nil {
		return err
	}
	return leaseProblem(a)
}

// Holder implements executor.Locker. It changes nothing on the host.
func (c *Conn) Holder(ctx context.Context) (*executor.Lease, error) {
	script := strings.Replace(leaseFunctions(c.target.RunDir), `mkdir "$1" 2>/dev/null ||`, `[ ! -e "$1" ] ||`, 1)
	a, err := c.ask(ctx, script+"held || exit 0\ntell\n")
	if err != nil {
		return nil, err
	}
	if err := leaseProblem(a); err != nil || len(a.out) == 0 {
		return nil, err
	}
	return parseLease(a.out)
}

func leaseProblem(a answer) error {
	said := strings.TrimSpace(string(a.err))
	switch a.code {
	case 0:
		return nil
	case codeNoPlace:
		return &steps.Problem{What: "no place to note that a run holds the host", Why: orElse(said, "neither %s nor /tmp/lockstep-UID is a directory of the user's own", runDir),
			Do: "make room under /run, or remove what has that name", Err: steps.ErrRefused}
	case codeOccupied:
		return &steps.Problem{What: "whoever looks at the hold on the host does not end", Why: "a process was killed in that moment, or the host hangs",
			Do: "remove the directory " + strings.TrimSpace(string(a.out)) + " there", Err: steps.ErrRefused}
	}
	return &steps.Problem{What: "the hold on the host could not be noted", Why: orElse(said, "code %d", a.code), Do: "make room under /run, then run again", Err: steps.ErrRefused}
}

// parseLease reads what tell prints.
func parseLease(out []byte) (*executor.Lease, error) {
	f := strings.SplitN(strings.TrimSuffix(string(out), "\n"), "\n", 4)
	if len(f) != 4 {
		return nil, fmt.Errorf("the host says of its holder %q", out)
	}
	left, err := strconv.Atoi(f[1])
	if err != nil {
		return nil, fmt.Errorf("the host says of its holder %q", out)
	}
	return &executor.Lease{Run: f[0], Owner: f[2], Place: f[3], Left: time.Duration(left) * time.Second}, nil
}

// line is text on one line.
func line(text string) string { return strings.Join(strings.Fields(text), " ") }
