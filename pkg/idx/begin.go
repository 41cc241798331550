package idx

// Begin lets values that are kept in memory be read while the caller goes on. Read and Set wait for
// them. So several files are read at a time. Begin makes room for the values before it returns. It
// returns false if there is no memory for them, or if Read or Set will need more. If no file is
// begun after that, all errors are those of files that are read in turn.
func (f *File) Begin() bool {
	switch {
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
