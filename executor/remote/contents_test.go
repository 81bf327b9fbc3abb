package remote

import (
	"bytes"
	"io"
	"testing"
)

func TestHostsHoldTheSameContentOnce(t *testing.T) {
	var c contents
	answer := []byte("data of one host")
	first := c.of("/etc/a.pem", answer)
	clear(answer) // it belongs to a longer answer that is nobody's afterwards
	if string(first) != "data of one host" {
		t.Fatalf("the content is part of the answer: %q", first)
	}
	if again := c.of("/srv/other/a.pem", []byte("data of one host")); &again[0] != &first[0] {
		t.Error("a second host has bytes of its own")
	}
	if other := c.of("/etc/a.pem", []byte("other data")); string(other) != "other data" || string(first) != "data of one host" {
		t.Errorf("got %q, and the first host has now %q", other, first)
	}
	if c.of("/etc/a.pem", nil) != nil {
		t.Error("no content became a content")
	}
	if empty := c.of("/etc/a.pem", []byte{}); empty == nil {
		t.Error("an empty content became none")
	}
}

type packets struct {
	bytes.Buffer
	most int
	room int
}

func (p *packets) Write(b []byte) (int, error) {
	p.most = max(p.most, len(b))
	if p.Len()+len(b) > p.room {
		return 0, io.ErrShortWrite
	}
	return p.Buffer.Write(b)
}

func (*packets) Close() error { return nil }

func TestPiecesWritesAllInSmallPackets(t *testing.T) {
	text := bytes.Repeat([]byte("0123456789"), packetSize/4)
	p := &packets{room: len(text)}
	if n, err := (pieces{p}).Write(text); err != nil || n != len(text) || !bytes.Equal(p.Bytes(), text) || p.most > packetSize {
		t.Errorf("wrote %d of %d, in packets of up to %d: %v", n, len(text), p.most, err)
	}
	p = &packets{room: packetSize}
	if n, err := (pieces{p}).Write(text); err == nil || n != packetSize {
		t.Errorf("claims %d of %d: %v", n, packetSize, err)
	}
}
