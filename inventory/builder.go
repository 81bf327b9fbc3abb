package inventory

import (
	"context"
	"regexp"
	"strconv"

	"github.com/hashicorp/go-multierror"

	"lockstep/internal/secret"
	"lockstep/internal/source"
)

// builder collects what the files say. Every format feeds the same builder, and
// it collects the problems of all of them.
type builder struct {
	inv      *Inventory
	room     int                                               // how many more hosts ranges may unfold to
	open     func([]byte) ([]byte, error)                      // decrypts
	run      func(path string, args ...string) ([]byte, error) // calls executable inventories
	sealed   bool                                              // what is being read was encrypted
	folders  int                                               // entered so far, below one that was given
	truths   []truthWord
	values   int // of hosts, set so far
	inGroup  map[membership]bool
	edges    map[edge]source.Value // where a group was put below another
	problems *multierror.Error
}

type membership struct {
	group *Group
	host  *Host
}

type edge struct{ parent, child *Group }

func newBuilder(ctx context.Context, o Options) *builder {
	b := &builder{
		open:    opener(ctx, o.Vault),
		run:     runner(ctx),
		inv:     &Inventory{hostOf: map[string]*Host{}, groupOf: map[string]*Group{}},
		room:    maxHosts,
		inGroup: map[membership]bool{},
		edges:   map[edge]source.Value{},
	}
	b.addGroup(everyone, source.Value{})
	b.addGroup(ungrouped, source.Value{})
	return b
}

// fail records a problem or several. An excerpt that may show a password is
// left out.
func (b *builder) fail(err error) {
	if err == nil {
		return
	}
	for _, problem := range multierror.Append(nil, err).Errors {
		b.problems = multierror.Append(b.problems, discreet(problem, b.sealed))
	}
}

func (b *builder) warn(e *source.Error) { b.inv.warnings = append(b.inv.warnings, e) }

// keyOf returns the place of a field's key, to describe problems there.
func keyOf(f source.Field) source.Value {
	at := f.Value.WithScalar(nil)
	at.Pos = f.KeyPos
	return at
}

// group returns the group called name, and makes it when it is new. It is nil
// when the name cannot be one; the problem is then recorded.
func (b *builder) group(name string, at source.Value) *Group {
	if g, ok := b.inv.groupOf[name]; ok {
		return g
	}
	if err := checkName("group", name); err != nil {
		b.misnamed(at, name, "use letters, digits, underscores, dots and dashes", err)
		return nil
	}
	return b.addGroup(name, at)
}

func (b *builder) addGroup(name string, at source.Value) *Group {
	g := &Group{Name: name, at: at, priority: 1}
	b.inv.groups = append(b.inv.groups, g)
	b.inv.groupOf[name] = g
	return g
}

// hosts returns the hosts that a key such as db1, db[01:20] or db1:2222 names,
// and makes those that are new.
func (b *builder) hosts(key string, at source.Value) []*Host {
	pattern, port, err := splitPort(key)
	if err != nil {
		b.misnamed(at, key, "a port follows the name, or an IPv6 address in brackets: db1:2222, [fd00::1]:2222", err)
		return nil
	}
	names, err := unfold(pattern, b.room)
	if err != nil {
		b.misnamed(at, key, "a range is db[01:20], db[a:c] or db[1:9:2]", err)
		return nil
	}
	b.room -= len(names)
	var hosts []*Host
	for _, name := range names {
		if err := checkHostName(name); err != nil {
			b.misnamed(at, name, hostNameHint(name), err)
			return nil
		}
		h := b.host(name, at)
		if port != 0 {
			h.own = append(h.own, assignment{name: "ansible_port", value: at.WithScalar(port)})
		}
		hosts = append(hosts, h)
	}
	return hosts
}

// misnamed records that text can be no name. It is not repeated where it may be
// a password: a line below the wrong section, or of a file that was encrypted.
func (b *builder) misnamed(at source.Value, text, hint string, why error) {
	switch {
	case mayShowPassword.MatchString(text):
		b.fail(at.Errorf("is it a variable? Those stand behind a host, or below [GROUP:vars]", "this cannot be a name"))
	case at.Secret && userAtHost.MatchString(text):
		b.fail(at.Errorf(hostNameHint(""), "this cannot be a name"))
	case at.Secret:
		b.fail(at.Errorf(hint, "this cannot be a name"))
	default:
		b.fail(at.Errorf(hint, "%v", why))
	}
}

var userAtHost = regexp.MustCompile(`^(\w[\w.-]*)@(.+)$`)

func hostNameHint(name string) string {
	if m := userAtHost.FindStringSubmatch(name); m != nil {
		return "write " + m[2] + " here and ansible_user: " + m[1] + " among its variables"
	}
	return "use the host's DNS name or address, or any name together with ansible_host"
}

func (b *builder) host(name string, at source.Value) *Host {
	if h, ok := b.inv.hostOf[name]; ok {
		return h
	}
	h := &Host{Name: name, at: at}
	b.inv.hosts = append(b.inv.hosts, h)
	b.inv.hostOf[name] = h
	return h
}

func (b *builder) join(g *Group, h *Host) {
	if m := (membership{g, h}); !b.inGroup[m] {
		b.inGroup[m] = true
		g.hosts = append(g.hosts, h)
		h.groups = append(h.groups, g)
	}
}

// nest puts child below parent; at is where a file says so.
func (b *builder) nest(parent, child *Group, at source.Value) {
	e := edge{parent, child}
	if _, known := b.edges[e]; !known {
		b.edges[e] = at
		parent.children = append(parent.children, child)
		child.parents = append(child.parents, parent)
	}
}

// setGroup records a group's variables, those of a map that b checked.
func (b *builder) setGroup(g *Group, vars source.Value, in place) {
	b.refuseLookups(vars)
	for _, f := range vars.Fields {
		if f.Key == priorityVar {
			b.setPriority(g, f, in)
			continue // as in Ansible, it is a property of the group and no variable
		}
		b.noteTruthWords(f.Key, f.Value)
		g.vars = append(g.vars, assignment{f.Key, f.Value, in})
	}
}

// maxValues bounds how many variables the hosts may have in all: a range of
// hosts multiplies those of its line.
const maxValues = 2_000_000

func (b *builder) setHost(h *Host, vars source.Value, in place) {
	b.refuseLookups(vars)
	if b.values += len(vars.Fields); b.values > maxValues {
		if b.values-len(vars.Fields) <= maxValues {
			b.fail(vars.Errorf("give a variable that many hosts share to their group", "the hosts have more than %d variables in all", maxValues))
		}
		return
	}
	for _, f := range vars.Fields {
		b.noteTruthWords(f.Key, f.Value)
		h.own = append(h.own, assignment{f.Key, f.Value, in})
	}
}

const priorityVar = "ansible_group_priority"

func (b *builder) setPriority(g *Group, f source.Field, in place) {
	if in.rank != inFile {
		b.fail(keyOf(f).Errorf("move it to the group's vars in the inventory file",
			"%s of group %q has no effect here: Ansible needs it before it reads group_vars", priorityVar, g.Name))
		return
	}
	n, err := strconv.Atoi(f.Value.Text)
	if err != nil || f.Value.Shape != source.Scalar {
		b.fail(f.Value.Errorf("", "%s of group %q must be a whole number, but this is %s", priorityVar, g.Name, shown(f.Value)))
		return
	}
	g.priority = n
}

// shown tells a person what a value is: a scalar's text, or its shape.
func shown(v source.Value) string {
	if v.Secret {
		return secret.Mask
	}
	if v.Shape == source.Scalar {
		return strconv.Quote(v.Text)
	}
	return v.Shape.String()
}
