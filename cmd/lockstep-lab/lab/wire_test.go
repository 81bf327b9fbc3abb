package lab

import (
	"encoding/binary"
	"fmt"
	"testing"
)

// segmentFrame is an Ethernet frame with one TCP segment in it.
func segmentFrame(from, to uint16, seq uint32, payload string) []byte {
	f := make([]byte, 14+20+20, 14+20+20+len(payload))
	binary.BigEndian.PutUint16(f[12:], 0x0800)
	ip := f[14:]
	ip[0], ip[9] = 0x45, 6
	binary.BigEndian.PutUint16(ip[2:], uint16(40+len(payload)))
	copy(ip[12:], []byte{10, 0, 0, 1, 10, 0, 0, 2})
	tcp := ip[20:]
	binary.BigEndian.PutUint16(tcp, from)
	binary.BigEndian.PutUint16(tcp[2:], to)
	binary.BigEndian.PutUint32(tcp[4:], seq)
	tcp[12] = 5 << 4
	return append(f, payload...)
}

func TestMarkerOnTheWire(t *testing.T) {
	type seg struct {
		from, to uint16
		seq      uint32
		data     string
	}
	for _, row := range []struct {
		name string
		segs []seg
		want bool
	}{
		{"in one packet", []seg{{40000, 4567, 1, "xxMARKERxx"}}, true},
		{"towards the client", []seg{{4567, 40000, 1, "MARKER"}}, true},
		{"cut in two", []seg{{40000, 4567, 1, "xxMAR"}, {40000, 4567, 6, "KERxx"}}, true},
		{"cut in bytes", []seg{{40000, 4567, 1, "M"}, {40000, 4567, 2, "A"}, {40000, 4567, 3, "R"}, {40000, 4567, 4, "K"}, {40000, 4567, 5, "E"}, {40000, 4567, 6, "R"}}, true},
		{"cut around the wrap of sequence numbers", []seg{{40000, 4567, 0xfffffffe, "MAR"}, {40000, 4567, 1, "KER"}}, true},
		{"halves of two connections", []seg{{40000, 4567, 1, "MAR"}, {40001, 4567, 4, "KER"}}, false},
		{"halves of two directions", []seg{{40000, 4567, 1, "MAR"}, {4567, 40000, 4, "KER"}}, false},
		{"halves with a hole between", []seg{{40000, 4567, 1, "MAR"}, {40000, 4567, 9, "KER"}}, false},
		{"another port", []seg{{40000, 22, 1, "MARKER"}}, false},
		{"nearly", []seg{{40000, 4567, 1, "MARKE"}, {40000, 4567, 6, "xR"}}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWire("MARKER", []int{4567})
			for _, s := range row.segs {
				w.frame(segmentFrame(s.from, s.to, s.seq, s.data))
			}
			if got := w.ports[4567].Marker; got != row.want {
				t.Errorf("got %v, want %v", got, row.want)
			}
		})
	}
}

func TestMarkerAtEveryCut(t *testing.T) {
	const text = "before-MARKER-after"
	for i := 1; i < len(text); i++ {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			w := newWire("MARKER", []int{4444})
			w.frame(segmentFrame(9, 4444, 0, text[:i]))
			w.frame(segmentFrame(9, 4444, uint32(i), text[i:]))
			if r := w.ports[4444]; !r.Marker || r.Packets != 2 || r.Bytes != int64(len(text)) || r.Streams != 1 {
				t.Errorf("got %+v", *r)
			}
		})
	}
}

func TestTLSIsRecognised(t *testing.T) {
	w := newWire("MARKER", []int{3306})
	w.frame(segmentFrame(3306, 5, 0, "greeting"))
	w.frame(segmentFrame(5, 3306, 0, "\x16\x03\x01\x00\x10................"))
	w.frame(segmentFrame(5, 3306, 21, "\x17\x03\x03\x00\x10................"))
	if r := w.ports[3306]; r.Streams != 2 || r.TLS != 1 {
		t.Errorf("got %+v, want one of two streams with TLS", *r)
	}
}

func FuzzFrame(f *testing.F) {
	f.Add(segmentFrame(1, 4567, 1, "xMARKERx"))
	f.Add([]byte{})
	f.Fuzz(func(_ *testing.T, frame []byte) {
		newWire("MARKER", []int{4567}).frame(frame) // must not panic on anything
	})
}
