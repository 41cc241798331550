package imageset

import (
	"errors"
	"os"
	"runtime"
	"runtime/debug"
	"unsafe"

	"imagesimilarity/pkg/parallel"
)

// eachMapped is Each for a mapped set. It returns an error if the file changes before the visit of
// a block ends.
func (s *Set[P]) eachMapped(visit func(block *Images[P], first int) error) error {
	if err := s.mapped.Check(); err != nil {
		return err
	}
	next := s.look(0)
	for first := 0; first < s.N; first += s.block {
		<-next
		next = s.look(first + s.block)
		err := s.guard(func() error { return visit(s.mappedBlock(first), first) })
		if err == nil {
			err = s.mapped.Check()
		}
		if err != nil {
			<-next // nobody looks after the pass
			return err
		}
	}
	return nil
}

// mappedBlock returns the block that begins with image first.
func (s *Set[P]) mappedBlock(first int) *Images[P] {
	n, dim := min(s.block, s.N-first), s.Dim()
	pix := s.mapped.Values[first*dim : (first+n)*dim : (first+n)*dim]
	return &Images[P]{N: n, Rows: s.Rows, Cols: s.Cols, Pix: pix}
}

// look looks at each page of the block that begins with image first, if there is one, so that it is
// in memory when it is visited. It closes the channel that it returns when it is done.
func (s *Set[P]) look(first int) <-chan struct{} {
	done := make(chan struct{})
	if first >= s.N {
		close(done)
		return done
	}
	go func() {
		defer close(done)
		defer func() { recover() }() // who visits the block meets the fault again
		debug.SetPanicOnFault(true)
		var sum P
		pix := s.mappedBlock(first).Pix
		for i := 0; i < len(pix); i += os.Getpagesize() / int(unsafe.Sizeof(sum)) {
			sum ^= pix[i]
		}
		runtime.KeepAlive(sum)
	}()
	return done
}

// guard calls do. If do panics because a value of the mapping could not be filled, guard returns
// the reason as an error, whichever goroutine of package parallel looked at the value.
func (s *Set[P]) guard(do func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		value := recover()
		if value == nil {
			return
		}
		// Systems need not tell the address of a fault. If the file has changed, that is the reason.
		if err = s.mapped.Check(); err != nil {
			return
		}
		cause, _ := value.(error)
		if p := new(parallel.Panic); errors.As(cause, &p) {
			cause, _ = p.Value.(error)
		}
		var fault interface{ Addr() uintptr } // of a runtime.Error: see debug.SetPanicOnFault
		if !errors.As(cause, &fault) {
			panic(value)
		}
		values := s.mapped.Values
		at := fault.Addr() - uintptr(unsafe.Pointer(unsafe.SliceData(values)))
		if at >= uintptr(len(values))*unsafe.Sizeof(values[0]) {
			panic(value)
		}
		err = s.mapped.Fault(int(at / unsafe.Sizeof(values[0])))
	}()
	return do()
}
