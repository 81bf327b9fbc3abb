package remote

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"al.essio.dev/pkg/shellescape"
)

// looksFunction is lookFunction for many paths at once, with one stat for all of
// them and one cat for the contents. It takes the size up to which a content is
// wanted, and the paths. A line says of each path what a test that needs no
// program finds: "y" it is there, "n" it is missing, "?" somebody has to look
// alone. After them comes what stat says of those that are there, three lines
// each; a line "data" with the places among them of those whose content follows;
// the contents; and what stat says of these now, so that a file which changed in
// between is noticed.
const looksFunction = `lockstep_missing() {
d=$1
while [ ! -e "$d" ] && [ ! -L "$d" ]; do
case $d in */?*) d=${d%/*}; [ -n "$d" ] || d=/ ;; *) return 1 ;; esac
done
[ -d "$d" ] && [ -x "$d" ]
}
lockstep_looks() {
limit=$1; shift
for p do
shift
if [ -L "$p" ]; then echo '?'
elif [ -e "$p" ]; then set -- "$@" "$p"; echo y
elif lockstep_missing "$p"; then echo n
else echo '?'; fi
done
[ $# -gt 0 ] || exit 0
TZ=UTC0; export TZ
m=$(stat -c '` + statFormat + `' -- "$@") || exit 1
printf '%s\n' "$m"
i=0 data=
while read -r f u g size rest && read -r file && read -r folder; do
p=$1; shift
case $f in 8???) [ "$size" -gt "$limit" ] || [ ! -r "$p" ] || { set -- "$@" "$p"; data="$data $i"; } ;; esac
i=$((i+1))
done <<END
$m
END
[ $# -gt 0 ] || exit 0
echo "data$data"
cat -- "$@" && stat -c '` + statFormat + `' -- "$@"
}
`

// looksTogether is how many paths one program is given at a time. Their contents
// stay far below outputLimit.
const looksTogether = 100

// lookup is a request that may be answered together with others.
type lookup struct {
	path  string
	limit int
}

func (l lookup) script() string {
	return "lockstep_look " + shellescape.Quote(l.path) + " " + strconv.Itoa(l.limit)
}

func (l lookup) request() *request { return &request{script: l.script(), look: &l} }

// together makes one request of those that wait and may be answered together,
// at the place of the first. s.mu is held.
func (s *shell) together() {
	groups := map[int]*request{} // by limit
	var queue []*request
	for _, r := range s.queue {
		if r.look == nil {
			queue = append(queue, r)
			continue
		}
		g := groups[r.look.limit]
		if g == nil || len(g.members) == looksTogether {
			s.last++
			g = &request{id: s.last, done: make(chan struct{})}
			groups[r.look.limit] = g
			queue = append(queue, g)
		}
		g.members = append(g.members, r)
	}
	for i, g := range queue {
		switch len(g.members) {
		case 0:
		case 1:
			queue[i] = g.members[0]
		default:
			s.unite(g)
		}
	}
	s.queue = queue
}

// unite puts the group into the place of its members. s.mu is held.
func (s *shell) unite(g *request) {
	var b strings.Builder
	b.WriteString("lockstep_looks " + strconv.Itoa(g.members[0].look.limit))
	for _, r := range g.members {
		b.WriteString(" " + shellescape.Quote(r.look.path))
		r.group = g
		delete(s.pending, r.id)
	}
	g.script = b.String()
	s.pending[g.id] = g
}

// part gives each member of a group its answer. Those that have none go out
// again, alone. s.mu is held.
func (s *shell) part(g *request) {
	found := splitLooks(g.out, g.code, len(g.members))
	for i, r := range g.members {
		r.group = nil
		switch a := found[i]; {
		case r.dropped:
		case a == nil:
			r.look = nil
			s.pending[r.id] = r
			s.queue = append(s.queue, r)
		default:
			r.out, r.err, r.code = a.out, a.err, a.code
			close(r.done)
		}
	}
	if len(s.queue) > 0 {
		s.stir()
	}
}

// splitLooks takes apart what looksFunction prints for n paths, into what
// lookFunction would have printed for each; nil where that is not certain.
func splitLooks(out []byte, code, n int) []*answer {
	found := make([]*answer, n)
	lines := bytes.SplitAfterN(out, []byte("\n"), n+1)
	if code != 0 || len(lines) != n+1 {
		return found
	}
	var there []int
	for i, line := range lines[:n] {
		switch string(line) {
		case "y\n":
			there = append(there, i)
		case "n\n":
			found[i] = &answer{err: []byte("No such file or directory"), code: 1}
		}
	}
	described, rest := cutDescriptions(lines[n], len(there))
	contents, ok := cutContents(rest, described)
	if described == nil || !ok {
		return found
	}
	for k, i := range there {
		found[i] = &answer{out: slices.Concat(described[k], contents[k])}
	}
	return found
}

// cutDescriptions cuts the three lines of each of n paths from the beginning.
func cutDescriptions(b []byte, n int) (described [][]byte, rest []byte) {
	lines := bytes.SplitAfterN(b, []byte("\n"), 3*n+1)
	if len(lines) != 3*n+1 {
		return nil, nil
	}
	for some := range slices.Chunk(lines[:3*n], 3) {
		described = append(described, slices.Concat(some...))
	}
	return described, lines[3*n]
}

// cutContents cuts the contents, each with the line before it that lookFunction
// prints. They are certain if what stat said is what it says after them.
func cutContents(b []byte, described [][]byte) (contents [][]byte, ok bool) {
	contents = make([][]byte, len(described))
	if len(b) == 0 {
		return contents, true
	}
	head, b, ended := bytes.Cut(b, []byte("\n"))
	places, ok := strings.CutPrefix(string(head), "data ")
	var after []byte
	for _, word := range strings.Fields(places) {
		k, err := strconv.Atoi(word)
		if err != nil || k < 0 || k >= len(described) || contents[k] != nil {
			return nil, false
		}
		st, err := parseStat(string(described[k][:bytes.IndexByte(described[k], '\n')]))
		if err != nil || st.Size > int64(len(b)) {
			return nil, false
		}
		contents[k] = slices.Concat([]byte("data\n"), b[:st.Size])
		b, after = b[st.Size:], append(after, described[k]...)
	}
	return contents, ok && ended && bytes.Equal(b, after)
}
