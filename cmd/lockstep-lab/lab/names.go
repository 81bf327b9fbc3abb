package lab

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
)

// names derives everything a lab is called outside its directory from the
// directory alone, so that a later process finds it after a crash, and two
// labs never meet. Interface names may have 15 characters at most.
type names struct{ prefix string }

func namesFor(dir string) names {
	sum := sha256.Sum256([]byte(dir))
	return names{"ls" + hex.EncodeToString(sum[:3])}
}

func (n names) bridge() string      { return n.prefix + "br" }
func (n names) veth(i int) string   { return fmt.Sprintf("%sv%d", n.prefix, i) }
func (n names) netns(i int) string  { return fmt.Sprintf("%s-%s", n.prefix, nodeName(i)) }
func (n names) cgroup(i int) string { return n.prefix + "/" + nodeName(i) }
func (n names) owns(name string) bool {
	return len(name) > len(n.prefix) && name[:len(n.prefix)] == n.prefix
}
func nodeName(i int) string { return fmt.Sprintf("node%d", i) }

// address is host number i of the subnet; the machine itself is number 1 and
// nodes follow from 11.
func address(subnet string, host int) netip.Addr {
	p, err := netip.ParsePrefix(subnet)
	if err != nil {
		return netip.Addr{}
	}
	a := p.Addr().As4()
	a[3] = byte(host)
	return netip.AddrFrom4(a)
}

func nodeAddress(subnet string, i int) netip.Addr { return address(subnet, 10+i) }
func bridgeAddress(subnet string) netip.Addr      { return address(subnet, 1) }

// machineID is stable for a host of a lab, and different for every host.
func machineID(dir, name string) string {
	sum := sha256.Sum256([]byte(dir + "\x00" + name))
	return hex.EncodeToString(sum[:16])
}
