package plan

import (
	"slices"

	"lockstep/internal/source"
)

// delegate finds the host that each host's work is done on.
func (c *compiler) delegate(t *Task, a attributes, at spot) {
	if a.delegate.Shape == source.Null {
		return
	}
	t.delegates = make([]string, len(c.scopes))
	found := map[string]string{}
	for i, base := range c.scopes {
		v, err := at.layer.scope(base).resolve(a.delegate)
		if err != nil {
			c.failOn(base.host, untimely(a.delegate, err, "the host of delegate_to"))
			continue
		}
		name, ok := found[v.Text]
		if !ok {
			name = c.helper(v)
			found[v.Text] = name
		}
		t.delegates[i] = name
	}
}

// helper finds the host that v names, which may stand outside of the plan's.
func (c *compiler) helper(v source.Value) string {
	if v.Text == ControlName {
		return v.Text
	}
	targets, err := c.inv.Match(v.Text)
	if err != nil || len(targets) != 1 || targets[0].Name != v.Text {
		c.fail(v.Errorf("name one host of the inventory, or `control`", "delegate_to is %q, which is not a host", v.Text))
		return v.Text
	}
	c.failOn(v.Text, targets[0].Err)
	known := func(h Host) bool { return h.Name == v.Text }
	if !slices.ContainsFunc(c.plan.Peers, known) && !slices.ContainsFunc(c.plan.Helpers, known) {
		c.plan.Helpers = append(c.plan.Helpers, targets[0].Host)
	}
	return v.Text
}

// identity reads become and become_user; without either, what stands around the
// step holds.
func (c *compiler) identity(become, user source.Value, at spot) *Identity {
	if become.Shape == source.Null && user.Shape == source.Null {
		return at.as
	}
	who := Identity{Become: true}
	if become.Shape != source.Null {
		yes, ok := become.Any.(bool)
		if !ok {
			c.fail(become.Errorf("write true or false", "become must be true or false, but this is %q", become.Text))
		}
		who.Become = yes
	}
	if user.Shape != source.Null {
		name, ok := c.constant(user, at, "become_user")
		if ok && !who.Become {
			c.fail(user.Errorf("leave one of them out", "become_user is %q, but become is false", name))
		}
		who.User = name
	}
	return &who
}
