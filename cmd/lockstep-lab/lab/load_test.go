package lab

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTally(t *testing.T) {
	t0 := time.Unix(1000, 0)
	at := func(s float64) time.Time { return t0.Add(time.Duration(s * float64(time.Second))) }
	boom := errors.New("boom")
	var y tally
	y.begin(t0, 2)
	y.attempt(at(0.5), 0, nil)
	y.attempt(at(0.6), 1, boom)
	y.attempt(at(3.0), 0, nil) // a gap of 2.5 s
	y.attempt(at(3.1), 0, boom)
	y.attempt(at(3.2), 1, nil)
	y.end(at(4.0))
	got := y.report(at(99))
	want := LoadReport{Acknowledged: 3, Unacknowledged: 1, Failed: 2, LastFailure: "boom", LongestGap: 2500 * time.Millisecond, Elapsed: 4 * time.Second}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := y.acknowledged(); !slices.Equal(got, []int{2, 1}) {
		t.Errorf("acknowledged: got %v, want [2 1]", got)
	}
}

func TestOpenGapCounts(t *testing.T) {
	var y tally
	y.begin(time.Unix(0, 0), 1)
	if got := y.report(time.Unix(7, 0)).LongestGap; got != 7*time.Second {
		t.Errorf("got %s without any row for 7 s", got)
	}
}

func TestMissingRows(t *testing.T) {
	have := map[rowID]bool{{0, 1}: true, {0, 3}: true, {1, 1}: true, {1, 2}: true}
	if got := missingRows([]int{3, 1, 2}, have); got != 3 { // 0/2, and both of writer 2
		t.Errorf("got %d, want 3", got)
	}
}

func TestLoadReportText(t *testing.T) {
	r := LoadReport{Acknowledged: 5, Failed: 1, LastFailure: "gone", LongestGap: time.Second, Elapsed: 2 * time.Second, Lost: map[string]int{"node1": 0, "node2": 1}}
	want := "rows acknowledged      5 in 2.0 s\nrows never acknowledged 0\nattempts failed        1 (last: gone)\nlongest gap            1.00 s\nrows lost              1 (all rows read back on 2 nodes)\n"
	if diff := cmp.Diff(want, r.String()); diff != "" {
		t.Error(diff)
	}
}
