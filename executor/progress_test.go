package executor

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestProgressIsToldAFewTimesAndAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []int64
		r := &run{Executor: &Executor{Emit: func(e Event) {
			if e.Type != EventProgress || e.Host != "db1" || e.Name != "/image" || e.Size != 100 {
				t.Errorf("got %+v", e)
			}
			told = append(told, e.Bytes)
		}}}
		sent := r.progress("db1")
		for n := int64(1); n <= 100; n++ {
			sent("/image", n, 100)
			time.Sleep(20 * time.Millisecond)
		}
		if len(told) != 5 || told[0] != 1 || told[4] != 100 {
			t.Errorf("told %v", told)
		}
	})
}
