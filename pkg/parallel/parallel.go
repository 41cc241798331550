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
func Do(n int, worker func(jobs iter.Seq[int])) { do(n, false, worker) }

// Near is Do for jobs that work on the same data in one call after another. Each worker begins with
// jobs that lie side by side, in each call with the same ones if it can, so that it finds in its
// core's cache what it left there. Who is done with them takes those of others.
func Near(n int, worker func(jobs iter.Seq[int])) { do(n, true, worker) }

func do(n int, near bool, worker func(jobs iter.Seq[int])) {
	c := &call{n: n, worker: worker, others: max(min(n, runtime.GOMAXPROCS(0))-1, 0)}
	c.lanes = make([]lane, 1)
	if near {
		c.lanes = make([]lane, c.others+1)
	}
	if c.others > 0 {
		c.wg.Add(c.others)
		c.ask()
	}
	c.work(0)
	if c.others > 0 {
		c.wait()
	}
	if p := c.panicked.Load(); p != nil {
		panic(p)
	}
}

// A call is a call of Do or Near.
type call struct {
	n        int
	worker   func(jobs iter.Seq[int])
	lanes    []lane
	panicked atomic.Pointer[Panic]

	// Jobs may be done before the other workers have come, and Do does not wait for those. gate
	// counts the workers that began. It is far beyond their number as soon as no more may begin.
	others int
	gate   atomic.Int64
	wg     sync.WaitGroup
	ended  atomic.Int64 // workers that began and have told wg that they ended
}

// A lane is an equal part of the jobs, which lie side by side.
type lane struct {
	taken atomic.Int64 // its jobs that workers took, or more
	_     [56]byte     // so that the workers on two lanes do not wait for the same line of the cache
}

// work is a worker, which begins on a lane and goes on with the others.
func (c *call) work(first int) {
	defer func() {
		if value := recover(); value != nil {
			for i := range c.lanes {
				c.lanes[i].taken.Store(int64(c.n)) // no more jobs
			}
			c.panicked.CompareAndSwap(nil, newPanic(value))
		}
	}()
	c.worker(func(yield func(int) bool) {
		for i := range c.lanes {
			l := (first + i) % len(c.lanes)
			lane, from, to := &c.lanes[l], l*c.n/len(c.lanes), (l+1)*c.n/len(c.lanes)
			for int(lane.taken.Load()) < to-from {
				job := from + int(lane.taken.Add(1)) - 1
				if job >= to {
					break
				}
				if !yield(job) {
					return
				}
			}
		}
	})
}

// join works, beginning on a lane, unless it comes too late. It reports that.
func (c *call) join(first int) bool {
	if c.gate.Add(1) > int64(c.others) {
		return false
	}
	defer c.ended.Add(1)
	defer c.wg.Done()
	c.work(first)
	return true
}

// wait waits for the workers that began.
func (c *call) wait() {
	began := min(int(c.gate.Swap(math.MaxInt32)), c.others)
	c.wg.Add(began - c.others)
	await(func() bool { return c.ended.Load() == int64(began) })
	c.wg.Wait()
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
