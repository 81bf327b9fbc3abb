package plan_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"lockstep/internal/source"
	"lockstep/plan"
	"lockstep/steps"
)

// fleet is an inventory of many hosts, each with variables of its own.
func fleet(tb testing.TB, n int) hosts {
	tb.Helper()
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "db%d: {id: %d, rack: r%d, port: 3306, role: replica}\n", i, i, i%40)
	}
	v, err := source.ParseYAML("hosts.yml", []byte(b.String()))
	if err != nil {
		tb.Fatal(err)
	}
	return hosts{v}
}

// big is a plan of steps of which each fourth differs from host to host.
func big(steps int) []byte {
	var b strings.Builder
	b.WriteString("hosts: all\nvars: {base: /srv, sizes: [1, 2, 3]}\nsteps:\n")
	for i := range steps {
		switch i % 4 {
		case 0:
			fmt.Fprintf(&b, "  - name: step %d\n    put: {text: \"{{ base }}/{{ host }}/%d\", count: \"{{ id }}\", list: [a, \"{{ rack }}\"]}\n", i, i)
		case 1:
			fmt.Fprintf(&b, "  - put: {text: \"{{ base }}/%d\", list: [a, b, c], raw: {a: \"{{ sizes }}\", b: {c: d}}}\n", i)
		case 2:
			fmt.Fprintf(&b, "  - put: {text: plain %d, count: 3}\n    when: id %% 2 == %d\n", i, i%2)
		default:
			fmt.Fprintf(&b, "  - put: {text: plain %d, list: [a, b]}\n", i)
		}
	}
	return []byte(b.String())
}

// compileOnce tells how long a compilation takes and how much memory its plan
// holds afterwards.
func compileOnce(tb testing.TB, h hosts, kinds *steps.Registry, text []byte) (time.Duration, uint64) {
	tb.Helper()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	start := time.Now()
	p, err := plan.Compile("plan.yml", text, h, kinds, plan.Options{})
	took := time.Since(start)
	if err != nil {
		tb.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(p)
	return took, max(after.HeapAlloc, before.HeapAlloc) - before.HeapAlloc
}

// BenchmarkCompile compiles 200 steps for 500 and for 5,000 hosts. Its metrics
// tell the memory that a plan holds, and by how much ten times the hosts cost
// more: 10 is linear.
func BenchmarkCompile(b *testing.B) {
	kinds, text := registry(b), big(200)
	took, held := map[int]time.Duration{}, map[int]uint64{}
	for _, n := range []int{500, 5_000} {
		h := fleet(b, n)
		b.Run(fmt.Sprintf("hosts=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				t, m := compileOnce(b, h, kinds, text)
				took[n], held[n] = t, m
			}
			b.ReportMetric(float64(held[n])/1e6, "MB-held")
			if took[500] > 0 && n == 5_000 {
				b.ReportMetric(float64(took[n])/float64(took[500]), "x-time")
				b.ReportMetric(float64(held[n])/float64(max(held[500], 1)), "x-held")
			}
		})
	}
}

// A plan for many hosts must not take its memory in hosts times steps.
func TestPlansStaySmall(t *testing.T) {
	if testing.Short() {
		t.Skip("it compiles for thousands of hosts")
	}
	_, held := compileOnce(t, fleet(t, 2_000), registry(t), big(100))
	if held > 60e6 {
		t.Errorf("a plan of 100 steps on 2,000 hosts holds %d MB", held/1e6)
	}
}
