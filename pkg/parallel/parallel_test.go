package parallel

import (
	"iter"
	"strings"
	"sync/atomic"
	"testing"
)

func TestDoHandsOutEveryJobOnce(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 100, 10007} {
		done := make([]atomic.Int32, n)
		Do(n, func(jobs iter.Seq[int]) {
			for i := range jobs {
				done[i].Add(1)
			}
		})
		for i := range done {
			if got := done[i].Load(); got != 1 {
				t.Errorf("n=%d: job %d was done %d times, want once", n, i, got)
			}
		}
	}
}

func TestBlocksCoverTheRangeOnce(t *testing.T) {
	for _, n := range []int{0, 1, 7, 8, 9, 1000} {
		for _, size := range []int{1, 8, 2000} {
			done := make([]atomic.Int32, n)
			Blocks(n, size, func(from, to int) {
				if to-from > size || from >= to {
					t.Errorf("n=%d size=%d: block %d to %d", n, size, from, to)
				}
				for i := from; i < to; i++ {
					done[i].Add(1)
				}
			})
			for i := range done {
				if got := done[i].Load(); got != 1 {
					t.Errorf("n=%d size=%d: %d was in %d blocks, want one", n, size, i, got)
				}
			}
		}
	}
}

// The panic of a worker reaches the caller, with its stack, and once.
func TestPanicReachesTheCaller(t *testing.T) {
	for name, do := range map[string]func(){
		"Do": func() {
			Do(100, func(jobs iter.Seq[int]) {
				for i := range jobs {
					if i == 50 {
						panic("job 50")
					}
				}
			})
		},
		"Do within Do": func() {
			Blocks(3, 1, func(_, _ int) { Blocks(3, 1, func(from, _ int) { panic("job 50") }) })
		},
	} {
		func() {
			defer func() {
				p, ok := recover().(*Panic)
				if !ok || p.Value != "job 50" || !strings.Contains(string(p.Stack), "parallel_test.go") ||
					!strings.HasPrefix(p.Error(), "job 50\n") {
					t.Errorf("%s: recovered %v", name, p)
				}
			}()
			do()
			t.Errorf("%s: no panic", name)
		}()
	}
}
