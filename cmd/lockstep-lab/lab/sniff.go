package lab

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// The ports of a cluster.
const (
	PortSQL         = 3306
	PortReplication = 4567
	PortIST         = 4568
	PortSST         = 4444
)

// Sniffer reads along on the bridge, where everything between hosts and
// between a host and this machine passes, and says on which ports a marker
// could be read. It keeps counters and the last few bytes of each stream,
// never what it saw.
//
// Use: NewSniffer, Start, Stop.
type Sniffer struct {
	bridge string
	ports  []int
	fd     int
	cancel context.CancelFunc
	done   sync.WaitGroup
	wire   *wire
}

// PortReport is what was seen on one port, both directions.
type PortReport struct {
	Port    int
	Packets int // with payload
	Bytes   int64
	Streams int  // directions of connections that carried payload
	TLS     int  // of these, streams with TLS records in them
	Marker  bool // the marker was readable
}

// SniffReport has one entry a port, in the order they were asked for.
type SniffReport struct {
	Ports   []PortReport
	Dropped int // packets the kernel had no room for; above 0, "not seen" proves nothing
}

// Port is the report of one port; zero when it was not asked for.
func (r SniffReport) Port(port int) PortReport {
	for _, p := range r.Ports {
		if p.Port == port {
			return p
		}
	}
	return PortReport{Port: port}
}

// NewSniffer prepares to watch these ports; without any, the cluster's four.
func (l *Lab) NewSniffer(ports ...int) *Sniffer {
	if len(ports) == 0 {
		ports = []int{PortSQL, PortReplication, PortIST, PortSST}
	}
	return &Sniffer{bridge: l.names.bridge(), ports: ports}
}

// Start watches for marker until Stop is called or ctx ends. Everything that
// is sent after Start has returned is seen.
func (s *Sniffer) Start(ctx context.Context, marker string) error {
	if s.wire != nil {
		return errors.New("sniffer: started already; make a new one")
	}
	if marker == "" {
		return errors.New("sniffer: an empty marker is readable anywhere; give one that is found nowhere else")
	}
	fd, err := openPacketSocket(s.bridge)
	if err != nil {
		return fmt.Errorf("sniffer on %s: %w", s.bridge, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	s.fd, s.cancel, s.wire = fd, cancel, newWire(marker, s.ports)
	s.done.Go(func() { s.read(ctx) })
	return nil
}

// Stop reads what has already arrived and reports. It may be called again.
func (s *Sniffer) Stop() SniffReport {
	if s.wire == nil {
		return SniffReport{}
	}
	s.cancel()
	s.done.Wait()
	r := SniffReport{Dropped: s.wire.dropped}
	for _, p := range s.ports {
		r.Ports = append(r.Ports, *s.wire.ports[p])
	}
	return r
}

// read takes packets until ctx ends and the socket is drained.
func (s *Sniffer) read(ctx context.Context) {
	defer func() { _ = unix.Close(s.fd) }()
	buf := make([]byte, 1<<17) // a veth carries segments of up to 64 KiB
	for {
		n, _, err := unix.Recvfrom(s.fd, buf, 0)
		switch {
		case err == nil:
			s.wire.frame(buf[:n])
		case errors.Is(err, unix.EINTR):
		case !errors.Is(err, unix.EAGAIN), ctx.Err() != nil:
			if st, err := unix.GetsockoptTpacketStats(s.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil {
				s.wire.dropped = int(st.Drops)
			}
			return
		}
	}
}

// openPacketSocket listens to all frames of an interface. The bridge must be
// promiscuous to hand us what it forwards from port to port, and only a
// listener to every protocol is shown what this machine itself sends.
func openPacketSocket(name string) (fd int, err error) {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return -1, fmt.Errorf("%w; is the lab up?", err)
	}
	proto := binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, unix.ETH_P_ALL)) // as it stands on the wire
	fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	defer func() {
		if err != nil {
			_ = unix.Close(fd)
		}
	}()
	if err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20); err != nil {
		return -1, err
	}
	wait := unix.NsecToTimeval((50 * time.Millisecond).Nanoseconds())
	if err = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait); err != nil {
		return -1, err
	}
	promisc := unix.PacketMreq{Ifindex: int32(i.Index), Type: unix.PACKET_MR_PROMISC}
	if err = unix.SetsockoptPacketMreq(fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &promisc); err != nil {
		return -1, err
	}
	return fd, unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: proto, Ifindex: i.Index})
}

// Clear says whether the marker was readable anywhere.
func (r SniffReport) Clear() bool {
	return slices.ContainsFunc(r.Ports, func(p PortReport) bool { return p.Marker })
}
