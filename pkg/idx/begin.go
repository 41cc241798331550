package idx

// Begin begins to read values that are kept in memory, and returns while they are read: several
// files are read at the same time. Read or Set, one of which has to be called, waits for the
// values. Begin makes room for them before it returns. It returns false if there is no memory for
// them, or if Read or Set will need more. A caller that begins no other file after that gets the
// errors that it would get without Begin.
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
