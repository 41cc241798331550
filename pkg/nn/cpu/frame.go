package cpu

import "imagesimilarity/pkg/nn/internal/kernel"

// A frame is an image of h x w pixels with c channels within zeros: lines x line pixels, of which
// the image begins at (top,left).
type frame struct{ h, w, c, top, left, lines, line int }

// plain returns an image without zeros around it.
func plain(h, w, c int) frame { return frame{h: h, w: w, c: c, lines: h, line: w} }

// A layout is how some pixels of an image lie in memory: the first value, and the distances of
// lines and of pixels in a line, in values.
type layout struct{ at, line, pixel int }

// from returns the layout of the pixels from (y,x) on. Those outside the image are zeros.
func (f frame) from(y, x int) layout {
	return layout{((f.top+y)*f.line + f.left + x) * f.c, f.line * f.c, f.c}
}

// every returns the layout of every h-th line and of every w-th pixel in it.
func (l layout) every(h, w int) layout { return layout{l.at, l.line * h, l.pixel * w} }

// windows is the matrix whose row (line,pixel) is the window that begins at that pixel of l: lines
// of side by side values of f.
func (f frame) windows(l layout) kernel.Left {
	return kernel.Left{At: l.at, Line: l.line, Row: l.pixel, Outer: f.line * f.c, Inner: 1}
}

// shifts is the matrix whose row (i,j) has the pixels of l, i lines and j pixels further in f, of
// several images.
func (f frame) shifts(l layout) kernel.Left {
	return kernel.Left{
		At: l.at, Line: f.line * f.c, Row: f.c,
		Outer: f.size(), Middle: l.line, Inner: l.pixel,
	}
}

// channels is the matrix with a row for each channel and a column for each pixel of l, of several
// images.
func (f frame) channels(l layout) kernel.Left {
	return kernel.Left{At: l.at, Row: 1, Outer: f.size(), Middle: l.line, Inner: l.pixel}
}

// pixels is the matrix with a row for each pixel of l, of several images, and a column for each
// channel.
func (f frame) pixels(l layout) kernel.Right {
	return kernel.Right{At: l.at, Outer: f.size(), Middle: l.line, Inner: l.pixel}
}

// result is the matrix with a row for each pixel and a column for each channel.
func (l layout) result() kernel.Result {
	return kernel.Result{At: l.at, Line: l.line, Row: l.pixel}
}

// filterRows is the matrix of filters (lines,line,columns), which begin at a place, from line first
// on.
func filterRows(at, first, line, columns int) kernel.Right {
	return kernel.Right{At: at + first*line*columns, Outer: line * columns, Inner: columns}
}

// start returns the place of the image's first value.
func (f frame) start() int { return f.from(0, 0).at }

// size returns the number of values, zeros included.
func (f frame) size() int { return f.lines * f.line * f.c }

// fill copies an image into its frame.
func (f frame) fill(dst, x []float32) {
	f.zero(dst)
	for y := range f.h {
		copy(dst[f.start()+y*f.line*f.c:], x[y*f.w*f.c:(y+1)*f.w*f.c])
	}
}

// zero writes the zeros around the image.
func (f frame) zero(dst []float32) {
	line := f.line * f.c
	clear(dst[:f.top*line])
	for y := range f.h {
		d := dst[(f.top+y)*line : (f.top+y+1)*line]
		clear(d[:f.left*f.c])
		clear(d[(f.left+f.w)*f.c:])
	}
	clear(dst[(f.top+f.h)*line : f.lines*line])
}
