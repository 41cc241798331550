// Package parallel spreads independent jobs over all cores.
package parallel

import (
	"iter"
	"runtime"
	"sync"
	"sync/atomic"
)

// Do hands the jobs 0 to n-1 to workers, one worker a core, and returns when all are done.
// Each job goes to exactly one worker; which one, and when, is left to chance, so a job's result must not depend on it.
// A worker makes what it needs for itself (buffers, a solver), then ranges over its jobs.
func Do(n int, worker func(jobs iter.Seq[int])) {
	var next atomic.Int64
	jobs := func(yield func(int) bool) {
		for {
			i := int(next.Add(1)) - 1
			if i >= n || !yield(i) {
				return
			}
		}
	}
	var wg sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) - 1 {
		wg.Go(func() { worker(jobs) })
	}
	worker(jobs) // this goroutine is one of them: it is awake already
	wg.Wait()
}

// Blocks cuts 0 to n-1 into blocks of size (the last may be smaller) and hands them to workers as Do does.
func Blocks(n, size int, do func(from, to int)) {
	Do((n+size-1)/size, func(jobs iter.Seq[int]) {
		for b := range jobs {
			do(b*size, min(n, (b+1)*size))
		}
	})
}
