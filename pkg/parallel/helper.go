package parallel

import (
	"math"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// A helper is a worker beside the caller of Do. To wake up a core that sleeps takes as long as
// hundreds of thousands of products, and a training step calls Do dozens of times. So a helper
// lingers a moment when its jobs are done, and takes those of the next call at once. Then it goes:
// between calls that lie further apart no core is busy.
type helper struct {
	number int                  // from 1: the lane on which it begins if it can
	call   atomic.Pointer[call] // that it shall join, and the lane
	lane   int
	lost   bool     // its core while it lingered last
	_      [32]byte // so that two helpers do not wait for the same line of the cache
}

// lingering are the helpers that wait for a call, by number. There is no lock: many workers end in
// the same moment, and who waits for a lock goes to sleep. Helpers beyond them do not linger.
var lingering [256]atomic.Pointer[helper]

// take hands the call to the helper with that number, if it lingers, and reports that.
func (c *call) take(number, lane int) bool {
	if number >= len(lingering) || lingering[number].Load() == nil {
		return false
	}
	h := lingering[number].Swap(nil)
	if h == nil {
		return false
	}
	h.lane = lane
	h.call.Store(c)
	return true
}

// ask hands the call to as many helpers as it can have: to those that linger, those with the same
// numbers as the lanes first, and to new ones.
func (c *call) ask() {
	spare, all := c.others+1, min(runtime.GOMAXPROCS(0), len(lingering))
	for lane := 1; lane <= c.others; lane++ {
		asked := c.take(lane, lane)
		for ; !asked && spare < all; spare++ {
			asked = c.take(spare, lane)
		}
		if !asked {
			go help(c, lane)
		}
	}
}

// help joins a call, and those that come soon after it.
func help(c *call, lane int) {
	debug.SetPanicOnFault(true) // a fault in a mapped file is a panic, which do hands to its caller
	if !c.join(lane) {
		return
	}
	h := &helper{number: lane}
	for c = h.linger(); c != nil; c = h.linger() {
		c.join(h.lane)
	}
}

// linger waits a moment for a call. It returns nil if none came, if another helper with the same
// number waits, or if all rest.
func (h *helper) linger() *call {
	h.call.Store(nil)
	if h.number >= len(lingering) || losing.resting(h.lost) ||
		!lingering[h.number].CompareAndSwap(nil, h) {
		return nil
	}
	var came bool
	came, h.lost = await(func() bool { return h.call.Load() != nil })
	if !came && lingering[h.number].CompareAndSwap(h, nil) {
		return nil
	}
	for h.call.Load() == nil { // it was taken, and gets its call
		runtime.Gosched()
	}
	return h.call.Load()
}

// Helpers who linger harm if there are fewer free cores than GOMAXPROCS. Then they lose their cores
// to others. If that happens to more than every ninth one, all rest until a while later.
type losses struct {
	lost atomic.Int64 // eight for each that lost its core, one less for each that did not
	rest atomic.Int64 // until then, in nanoseconds since loaded
}

var losing losses

var loaded = time.Now()

// resting counts a helper that lingered and reports whether all rest.
func (l *losses) resting(lost bool) bool {
	now := int64(time.Since(loaded))
	switch {
	case !lost:
		if l.lost.Load() > 0 {
			l.lost.Add(-1)
		}
	case l.lost.Add(8) > 64:
		l.lost.Store(0)
		l.rest.Store(now + int64(100*time.Millisecond))
	}
	return now < l.rest.Load()
}

// await calls ready until it returns true, or for a moment, and returns what it returned. lost
// reports that the core did something else meanwhile.
func await(ready func() bool) (came, lost bool) {
	// The time between two calls of a training step is mostly below 50 us.
	const moment = 100 * time.Microsecond
	start := time.Now()
	for last := start; ; giveWay() {
		for range 32 { // about a microsecond
			if came = ready(); came {
				break
			}
			pause()
		}
		now := time.Now()
		lost = lost || now.Sub(last) > moment
		if came || now.Sub(start) > moment {
			return came, lost
		}
		last = now
	}
}

// pause does next to nothing. Each root waits for the one before it, which leaves the units of the
// core to another thread on it.
func pause() {
	x := float64(1)
	for range 4 {
		x = math.Sqrt(x + 1)
	}
	if x < 0 {
		panic("parallel: a root is negative")
	}
}
