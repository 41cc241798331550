package parallel

import (
	"math"
	"runtime"
	"sync"
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
	lost   bool // its core while it lingered last
	_      [32]byte
}

// lingering are the helpers that wait for a call, by number; nil for none.
var lingering struct {
	sync.Mutex
	helpers []*helper

	// Helpers who linger harm if there are fewer free cores than GOMAXPROCS. Then they lose their
	// cores to others. If that happens to more than every ninth one, all rest until a while later.
	lost int
	rest time.Time
}

// ask hands the call to as many helpers as it can have: to those that linger, those with the same
// numbers as the lanes first, and to new ones.
func (c *call) ask() {
	l := &lingering
	l.Lock()
	defer l.Unlock()
	take := func(number, lane int) bool {
		if number >= len(l.helpers) || l.helpers[number] == nil {
			return false
		}
		h := l.helpers[number]
		l.helpers[number] = nil
		h.lane = lane
		h.call.Store(c)
		return true
	}
	spare := c.others + 1
	for lane := 1; lane <= c.others; lane++ {
		asked := take(lane, lane)
		for ; !asked && spare < len(l.helpers); spare++ {
			asked = take(spare, lane)
		}
		if !asked {
			go help(c, lane)
		}
	}
}

// help joins a call, and those that come soon after it.
func help(c *call, lane int) {
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
	l := &lingering
	h.call.Store(nil)
	l.Lock()
	if h.lost {
		l.lost += 8
	} else if l.lost > 0 {
		l.lost--
	}
	now := time.Now()
	if l.lost > 64 {
		l.lost, l.rest = 0, now.Add(100*time.Millisecond)
	}
	for len(l.helpers) < runtime.GOMAXPROCS(0) {
		l.helpers = append(l.helpers, nil)
	}
	if h.number >= len(l.helpers) || l.helpers[h.number] != nil || now.Before(l.rest) {
		l.Unlock()
		return nil
	}
	l.helpers[h.number] = h
	l.Unlock()
	var came bool
	if came, h.lost = await(func() bool { return h.call.Load() != nil }); !came {
		l.Lock()
		defer l.Unlock()
		if l.helpers[h.number] == h {
			l.helpers[h.number] = nil
		}
	}
	return h.call.Load()
}

// await calls ready until it returns true, or for a moment, and returns what it returned. lost
// reports that the core did something else meanwhile.
func await(ready func() bool) (came, lost bool) {
	// The time between two calls of a training step is mostly below 50 us.
	const moment = 100 * time.Microsecond
	began := time.Now()
	for last := began; ; giveWay() {
		for range 32 { // about a microsecond
			if came = ready(); came {
				break
			}
			pause()
		}
		now := time.Now()
		lost = lost || now.Sub(last) > moment
		if came || now.Sub(began) > moment {
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
