// Package parallel spreads independent jobs over all cores.
package parallel

import (
	"fmt"
	"iter"
	"math"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// Do hands the jobs 0 to n-1 to workers, one for each core, and returns when all are done. The
// calling goroutine is one of the workers. Each job goes to exactly one worker. Chance decides
// which one gets it and when, so a job's result must not depend on that. A worker makes what it
// needs for itself (buffers, a solver), then ranges over its jobs. A job may call Do too.
//
// If a worker panics, the others begin no further jobs, and Do panics with a *Panic when they are
// done.
func Do(n int, worker func(jobs iter.Seq[int])) {
	var next atomic.Int64
	var panicked atomic.Pointer[Panic]
	work := func(jobs iter.Seq[int]) {
		defer func() {
			if value := recover(); value != nil {
				next.Store(int64(n)) // no more jobs
				panicked.CompareAndSwap(nil, newPanic(value))
			}
		}()
		worker(jobs)
	}
	jobs := func(yield func(int) bool) {
		for {
			i := int(next.Add(1)) - 1
			if i >= n || !yield(i) {
				return
			}
		}
	}
	// Jobs may be done before the other workers have woken up, and Do does not wait for those. gate
	// counts the workers that began. It is far beyond their number as soon as no more may begin.
	others := min(n, runtime.GOMAXPROCS(0)) - 1
	var gate atomic.Int64
	var wg sync.WaitGroup
	wg.Add(max(others, 0))
	for range others {
		go func() {
			if gate.Add(1) <= int64(others) {
				defer wg.Done()
				work(jobs)
			}
		}()
	}
	work(jobs)
	if began := int(gate.Swap(math.MaxInt32)); began < others {
		wg.Add(began - others)
	}
	wg.Wait()
	if p := panicked.Load(); p != nil {
		panic(p)
	}
}

// A Panic is the panic of a worker. Without it the panic would end the program, since the caller of
// Do cannot recover from it in another goroutine.
type Panic struct {
	Value any    // with which the worker panicked
	Stack []byte // of the worker
}

// newPanic returns value itself if it is the *Panic of a job that called Do.
func newPanic(value any) *Panic {
	if p, ok := value.(*Panic); ok {
		return p
	}
	return &Panic{value, debug.Stack()}
}

// Error returns the value, and the stack on the lines after it.
func (p *Panic) Error() string { return fmt.Sprintf("%v\n\n%s", p.Value, p.Stack) }

// Blocks cuts 0 to n-1 into blocks of size, of which the last may be smaller, and hands them to
// workers as Do does.
func Blocks(n, size int, do func(from, to int)) {
	Do((n+size-1)/size, func(jobs iter.Seq[int]) {
		for b := range jobs {
			do(b*size, min(n, (b+1)*size))
		}
	})
}
