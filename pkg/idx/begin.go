package idx

// Begin begins to read values that are kept in memory. It makes room for them and returns while
// they are read, so that several files are read at the same time. Read or Set, one of which has to
// be called, waits for the values. Begin returns false if there is no memory for them, or if Read
// or Set will ask for memory: because it grows while they are read, or because they are not kept. A
// caller that then begins no other file gets the errors that it would get without Begin.
func (f *File) Begin() bool {
	switch {
	case f.begun != nil:
		return true
	case !f.r.regular && f.unpacked == nil:
		return true // it has been read
	case !f.r.regular || !f.fit() || f.r.first(f.count) < f.count:
		return false
	}
	f.begun = make(chan filled, 1)
	room, err := f.r.room(f.count, f.what)
	if err != nil {
		f.begun <- filled{nil, err}
		return false
	}
	go func() {
		b, err := f.r.fill(room, f.count, f.what)
		f.begun <- filled{b, err}
	}()
	return true
}

// A filled is the bytes that a header promises, or why they could not be read.
type filled struct {
	values []byte
	err    error
}
