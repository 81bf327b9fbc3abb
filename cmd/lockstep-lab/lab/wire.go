package lab

import (
	"bytes"
	"encoding/binary"
	"net/netip"
)

// wire follows TCP streams packet by packet and looks for a marker in them,
// also where it is cut by the end of a packet.
type wire struct {
	marker  []byte
	ports   map[int]*PortReport
	streams map[stream]*seen
	dropped int
}

// stream is one direction of a connection.
type stream struct {
	from, to netip.AddrPort
}

// seen is what is remembered of a stream: less than a marker's length.
type seen struct {
	tail []byte
	next uint32 // the sequence number that continues tail
	tls  bool
}

func newWire(marker string, ports []int) *wire {
	w := &wire{marker: []byte(marker), ports: map[int]*PortReport{}, streams: map[stream]*seen{}}
	for _, p := range ports {
		w.ports[p] = &PortReport{Port: p}
	}
	return w
}

// frame takes one Ethernet frame; what is no TCP over IPv4 is passed over.
func (w *wire) frame(f []byte) {
	const ethernet = 14
	if len(f) < ethernet+20 || binary.BigEndian.Uint16(f[12:]) != 0x0800 {
		return
	}
	ip := f[ethernet:]
	header, total := int(ip[0]&0x0f)*4, int(binary.BigEndian.Uint16(ip[2:]))
	if ip[0]>>4 != 4 || ip[9] != 6 || header < 20 {
		return
	}
	if total > 0 && total < len(ip) { // short frames are padded; 0 is a segment larger than the field can say
		ip = ip[:total]
	}
	if len(ip) < header+20 {
		return
	}
	w.segment(netip.AddrFrom4([4]byte(ip[12:16])), netip.AddrFrom4([4]byte(ip[16:20])), ip[header:])
}

func (w *wire) segment(src, dst netip.Addr, tcp []byte) {
	offset := int(tcp[12]>>4) * 4
	if offset < 20 || len(tcp) <= offset {
		return
	}
	s := stream{netip.AddrPortFrom(src, binary.BigEndian.Uint16(tcp)), netip.AddrPortFrom(dst, binary.BigEndian.Uint16(tcp[2:]))}
	report := w.ports[int(s.to.Port())]
	if report == nil {
		report = w.ports[int(s.from.Port())]
	}
	if report == nil {
		return
	}
	w.payload(report, s, binary.BigEndian.Uint32(tcp[4:]), tcp[offset:])
}

// payload counts, and searches tail+data. A segment that does not continue
// the stream (lost or sent again) starts a new tail.
func (w *wire) payload(report *PortReport, s stream, seq uint32, data []byte) {
	report.Packets++
	report.Bytes += int64(len(data))
	st := w.streams[s]
	if st == nil {
		st = &seen{next: seq}
		w.streams[s] = st
		report.Streams++
	}
	if !st.tls && isTLSRecord(data) {
		st.tls = true
		report.TLS++
	}
	if seq != st.next {
		st.tail = st.tail[:0]
	}
	st.next = seq + uint32(len(data))
	keep := len(w.marker) - 1
	joint := append(st.tail, data[:min(len(data), keep)]...)
	if bytes.Contains(joint, w.marker) || bytes.Contains(data, w.marker) {
		report.Marker = true
	}
	if len(data) >= keep {
		joint = data
	}
	st.tail = append([]byte(nil), joint[max(0, len(joint)-keep):]...)
}

// isTLSRecord says whether data begins like a record of TLS 1.0 to 1.3. The
// first packets of port 3306 are plain even with TLS, so any packet of a
// stream may be the one that shows it.
func isTLSRecord(data []byte) bool {
	if len(data) < 5 || data[0] < 20 || data[0] > 23 || data[1] != 3 || data[2] > 4 {
		return false
	}
	n := int(data[3])<<8 | int(data[4])
	return n > 0 && n <= 1<<14+256
}
