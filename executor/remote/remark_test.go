package remote

import (
	"slices"
	"testing"
)

// TestSlowWayIsRemarkedOnce on each connection, and no other way is.
func TestSlowWayIsRemarkedOnce(t *testing.T) {
	for name, way := range ways() {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, way)
			var got []string
			for range 2 {
				if err := r.conn.Commit(t.Context(), r.batch); err != nil {
					t.Fatal(err)
				}
				got = append(got, r.conn.Remarks()...)
				for i := range r.batch {
					r.batch[i].Was = was(t, r.conn, r.batch[i].Path)
				}
			}
			var want []string
			if name == "cat" {
				want = []string{"there is no sftp-server: files go through cat, one after the other"}
			}
			if !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}
