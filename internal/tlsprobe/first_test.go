package tlsprobe

import (
	"net"
	"testing"
	"time"
)

func TestSpeaksFirst(t *testing.T) {
	gmcast := append([]byte{36, 0, 0, 2, 1, 2, 3, 4, 0, 1, 0, 0}, make([]byte, 32)...)
	tests := []struct {
		name  string
		play  func(net.Conn)
		kind  Kind
		bytes int
		wait  time.Duration
	}{
		{"galera", say(gmcast), KindGalera, 44, time.Minute},
		{"galera in pieces", func(c net.Conn) { c.Write(gmcast[:3]); say(gmcast[3:12])(c) }, KindGalera, 12, time.Minute},
		{"mysql", say(helloPacket("8.0.36", 0)[:60]), KindMySQL, 60, time.Minute},
		{"mysql refusal", say(packet(0, []byte("\xff\x10\x04Too many connections"))), KindMySQL, 27, time.Minute},
		{"ssh", say([]byte("SSH-2.0-OpenSSH_9.2\r\n")), KindOther, 21, time.Minute},
		{"few bytes, then closed", func(c net.Conn) { c.Write([]byte("hi")) }, KindOther, 2, time.Minute},
		{"silent", say(nil), KindSilent, 0, 10 * time.Millisecond},
		{"closed", func(net.Conn) {}, KindClosed, 0, time.Minute},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := SpeaksFirst(within(t), bare{serve(t, tt.play)}, tt.wait)
			if err != nil {
				t.Fatal(err)
			}
			if got.Kind != tt.kind || got.Kind != KindGalera && got.Bytes != tt.bytes || got.Plaintext() != (tt.bytes > 0) {
				t.Errorf("got %+v, want %s with %d bytes", got, tt.kind, tt.bytes)
			}
		})
	}
}
