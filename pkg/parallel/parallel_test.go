package parallel

import (
	"fmt"
	"iter"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// functions are the two that hand out jobs.
var functions = map[string]func(n int, worker func(jobs iter.Seq[int])){"Do": Do, "Near": Near}

// procs sets the number of cores that are used, until the test ends.
func procs(t testing.TB, n int) {
	before := runtime.GOMAXPROCS(n)
	t.Cleanup(func() { runtime.GOMAXPROCS(before) })
}

func TestEveryJobIsHandedOutOnce(t *testing.T) {
	for name, do := range functions {
		for _, n := range []int{0, 1, 2, 3, 100, 10007} {
			done := make([]atomic.Int32, n)
			do(n, func(jobs iter.Seq[int]) {
				for i := range jobs {
					done[i].Add(1)
				}
			})
			for i := range done {
				if got := done[i].Load(); got != 1 {
					t.Errorf("%s, n=%d: job %d was done %d times, want once", name, n, i, got)
				}
			}
		}
	}
}

// Many goroutines call at once, some from within jobs, while the number of cores changes.
func TestCallsAtOnce(t *testing.T) {
	procs(t, 4)
	var wg sync.WaitGroup
	for caller := range 8 {
		wg.Go(func() {
			for round := range 200 {
				n := 1 + (caller+round)%7
				done := make([]atomic.Int32, n*n)
				Near(n, func(jobs iter.Seq[int]) {
					for i := range jobs {
						Blocks(n, 2, func(from, to int) {
							for j := from; j < to; j++ {
								done[i*n+j].Add(1)
							}
						})
					}
				})
				for i := range done {
					if got := done[i].Load(); got != 1 {
						t.Errorf("caller %d, round %d: job %d was done %d times", caller, round, i, got)
					}
				}
				if caller == 0 {
					runtime.GOMAXPROCS(1 + round%5)
				}
			}
		})
	}
	wg.Wait()
}

// Each worker of Near begins with a part of the jobs of its own, and Do hands them out in order.
func TestWhereWorkersBegin(t *testing.T) {
	const workers, n = 4, 22
	procs(t, workers)
	for name, want := range map[string][]int{"Do": {0, 1, 2, 3}, "Near": {0, 5, 11, 16}} {
		for round := range 20 {
			var all sync.WaitGroup
			all.Add(workers)
			first := make(chan int, workers)
			functions[name](n, func(jobs iter.Seq[int]) {
				begun := false
				for i := range jobs {
					if !begun {
						begun = true
						first <- i
						all.Done()
						all.Wait()
					}
				}
			})
			var got []int
			for range workers {
				got = append(got, <-first)
			}
			if slices.Sort(got); !slices.Equal(got, want) {
				t.Errorf("%s, round %d: workers begin with %d, want %d", name, round, got, want)
			}
		}
	}
}

// After the last call no goroutine is left.
func TestHelpersGo(t *testing.T) {
	procs(t, 4)
	before := runtime.NumGoroutine()
	for range 10 {
		Do(100, func(jobs iter.Seq[int]) {
			for range jobs {
				runtime.Gosched()
			}
		})
	}
	for deadline := time.Now().Add(time.Minute); runtime.NumGoroutine() > before; {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines are left, there were %d", runtime.NumGoroutine(), before)
		}
		time.Sleep(time.Millisecond)
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

// Helpers rest for a while if many lose their cores, but not if one of nine does.
func TestHelpersRest(t *testing.T) {
	var l losses
	for i := range 1000 {
		if l.resting(i%9 == 0) {
			t.Fatalf("all rest after %d of %d lost their cores", i/9+1, i+1)
		}
	}
	began := time.Now()
	for range 9 {
		l.resting(true)
	}
	if !l.resting(false) && time.Since(began) < 50*time.Millisecond {
		t.Error("none rests after nine in a row lost their cores")
	}
	for deadline := time.Now().Add(time.Minute); l.resting(false); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("they rest for more than a minute")
		}
	}
}

// BenchmarkDo measures calls with a job of 100 us for each core, some time after the call before:
// begin-us is the time until the last worker began, return-us that from the end of the last job to
// the return, both the median. After a millisecond no helper lingers any more.
func BenchmarkDo(b *testing.B) {
	n := runtime.GOMAXPROCS(0)
	const us = time.Microsecond
	for _, gap := range []time.Duration{10 * us, 50 * us, 1000 * us} {
		b.Run(fmt.Sprintf("gap=%v", gap), func(b *testing.B) {
			var begin, back []time.Duration
			begun, ended := make([]time.Duration, n), make([]time.Duration, n)
			for b.Loop() {
				busy(gap)
				called := time.Now()
				Near(n, func(jobs iter.Seq[int]) {
					for i := range jobs {
						begun[i] = time.Since(called)
						busy(100 * us)
						ended[i] = time.Since(called)
					}
				})
				begin = append(begin, slices.Max(begun))
				back = append(back, time.Since(called)-slices.Max(ended))
			}
			for name, list := range map[string][]time.Duration{"begin-us": begin, "return-us": back} {
				slices.Sort(list)
				b.ReportMetric(float64(list[len(list)/2].Nanoseconds())/1000, name)
			}
		})
	}
}

// busy computes for a while.
func busy(d time.Duration) {
	for x, began := 1.0, time.Now(); x > 0 && time.Since(began) < d; {
		for range 20 {
			x = math.Sqrt(x + 1)
		}
	}
}
