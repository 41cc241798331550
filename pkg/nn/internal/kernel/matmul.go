package kernel

// A Matmul describes a matrix product C = A·B + bias. The rows of A and C come in lines (of
// pixels, say), and the columns of A, which are the rows of B, in up to three nested loops:
//
//	for line in [0,Lines), m in [0,M), f in [0,N):
//		sum = 0
//		for o in [0,Outer), h in [0,Middle), i in [0,Inner):
//			sum += A[line,m,o,h,i] * B[o,h,i,f]
//		C[line,m,f] = sum + bias[f], if there is a bias; with ReLU set, 0 if that is negative
//
// Products are rounded to float32 before they are added, and each sum is added up in the order of
// the loops. A count of 0 for Lines, Outer or Middle stands for 1.
type Matmul struct {
	Lines, M, N          int
	Outer, Middle, Inner int

	A Left
	B Right
	C Result

	ReLU bool
}

// Left is how A lies in memory: its first value, and the distances between lines and rows and of
// the three loops over columns, in values.
type Left struct {
	At, Line, Row        int
	Outer, Middle, Inner int
}

// Right is how B lies in memory: its first value, and the distances of the three loops over rows,
// in values. The columns lie side by side.
type Right struct {
	At                   int
	Outer, Middle, Inner int
}

// Result is how C lies in memory: its first value, and the distances between lines and rows, in
// values. The columns lie side by side.
type Result struct{ At, Line, Row int }

// Rows is a matrix with the columns side by side and rows at the given distance, as A.
func Rows(distance int) Left { return Left{Row: distance, Inner: 1} }

// Transposed is a matrix whose columns lie at the given distance and whose rows lie side by side,
// as A.
func Transposed(distance int) Left { return Left{Row: 1, Inner: distance} }

// A Product is a Matmul with what the assembly needs to know.
type Product struct {
	Matmul
	strides strides
}

// strides are what the assembly knows of a Matmul, in this order; distances are in bytes.
type strides struct {
	outer, middle, inner    int
	aRow, aInner, bInner, c int
	aMiddle, bMiddle        int // from the end of the inner loop to the next round of the middle one
	aOuter, bOuter          int // and to the next round of the outer one
	relu                    bool
}

// Prepare returns the product, ready to run.
func (p Matmul) Prepare() *Product {
	p.Lines, p.Outer, p.Middle = max(p.Lines, 1), max(p.Outer, 1), max(p.Middle, 1)
	const size = 4 // bytes of a float32
	return &Product{p, strides{
		outer: p.Outer, middle: p.Middle, inner: p.Inner,
		aRow: size * p.A.Row, aInner: size * p.A.Inner, bInner: size * p.B.Inner,
		c:       size * p.C.Row,
		aMiddle: size * (p.A.Middle - p.Inner*p.A.Inner),
		bMiddle: size * (p.B.Middle - p.Inner*p.B.Inner),
		aOuter:  size * (p.A.Outer - p.Middle*p.A.Middle),
		bOuter:  size * (p.B.Outer - p.Middle*p.B.Middle),
		relu:    p.ReLU,
	}}
}

// Matmul computes c = a·b + bias; bias may be nil.
func (s *Set) Matmul(p *Product, a, b, c, bias []float32) {
	a, b, c = a[p.A.At:], b[p.B.At:], c[p.C.At:]
	a = a[:1+(p.Lines-1)*p.A.Line+(p.M-1)*p.A.Row+
		(p.Outer-1)*p.A.Outer+(p.Middle-1)*p.A.Middle+(p.Inner-1)*p.A.Inner]
	b = b[:(p.Outer-1)*p.B.Outer+(p.Middle-1)*p.B.Middle+(p.Inner-1)*p.B.Inner+p.N]
	c = c[:(p.Lines-1)*p.C.Line+(p.M-1)*p.C.Row+p.N]
	if bias != nil {
		bias = bias[:p.N]
	}
	s.narrow(p.N).matmul(p, a, b, c, bias)
}

// A tile is assembly that computes some rows of a Matmul and some vectors of columns, of which
// the last has lanes columns. The first half of the rows, rounded up, begins at a and c, the
// second at a2 and c2. bias may be nil. p points to the first of the strides.
type tile func(p *int, a, a2, b, c, c2, bias *float32, lanes int)

// tiles are the tiles of an instruction set.
type tiles struct {
	lanes int      // values in a vector
	rows  int      // the most rows of a tile
	tiles [][]tile // by vectors of columns and by rows, both less one
}

// matmul cuts the product into tiles: columns into as many vectors as a tile can have, rows into
// parts of two lines at a time, so that a tile is high even if lines are short.
func (t *tiles) matmul(p *Product, a, b, c, bias []float32) {
	parts, halves := (p.M-1)/(t.rows/2)+1, (p.M-1)/t.rows+1
	wide := len(t.tiles) * t.lanes
	for f := 0; f < p.N; f += wide {
		columns := min(wide, p.N-f)
		tiles := t.tiles[(columns-1)/t.lanes]
		lanes := (columns-1)%t.lanes + 1
		var biasAt *float32
		if bias != nil {
			biasAt = &bias[f]
		}
		line := 0
		for ; line+2 <= p.Lines; line += 2 {
			for part := range parts {
				m := part * p.M / parts
				rows := (part+1)*p.M/parts - m
				ia, ic := line*p.A.Line+m*p.A.Row, line*p.C.Line+m*p.C.Row+f
				tiles[2*rows-1](&p.strides.outer, &a[ia], &a[ia+p.A.Line], &b[f],
					&c[ic], &c[ic+p.C.Line], biasAt, lanes)
			}
		}
		if line < p.Lines {
			for part := range halves {
				m := part * p.M / halves
				rows := (part+1)*p.M/halves - m
				half := (rows + 1) / 2 % rows // 0 for a single row, which has no second half
				ia, ic := line*p.A.Line+m*p.A.Row, line*p.C.Line+m*p.C.Row+f
				tiles[rows-1](&p.strides.outer, &a[ia], &a[ia+half*p.A.Row], &b[f],
					&c[ic], &c[ic+half*p.C.Row], biasAt, lanes)
			}
		}
	}
}

// portable computes line by line, eight columns at a time. More columns, or more than one row, do
// not fit in the registers that Go's compiler uses.
func (p *Product) portable(a, b, c, bias []float32) {
	for line := range p.Lines {
		a, c := a[line*p.A.Line:], c[line*p.C.Line:]
		f := 0
		for ; f+8 <= p.N; f += 8 {
			for m := range p.M {
				p.tile1x8(a[m*p.A.Row:], b[f:], c[m*p.C.Row+f:])
			}
		}
		for ; f < p.N; f++ {
			for m := range p.M {
				p.tile1x1(a[m*p.A.Row:], b[f:], c[m*p.C.Row+f:])
			}
		}
		for m := range p.M {
			row := c[m*p.C.Row : m*p.C.Row+p.N]
			for f, v := range bias {
				row[f] += v
			}
			if p.ReLU {
				for f, v := range row {
					if v < 0 {
						row[f] = 0
					}
				}
			}
		}
	}
}

func (p *Matmul) tile1x8(a, b, c []float32) {
	s := c[:8]
	var s0, s1, s2, s3, s4, s5, s6, s7 float32
	// Read from p in the loop, inner alone makes it take 12% longer.
	inner, aInner, bInner := p.Inner, p.A.Inner, p.B.Inner
	for o := range p.Outer * p.Middle {
		o, h := o/p.Middle, o%p.Middle
		ia, ib := o*p.A.Outer+h*p.A.Middle, o*p.B.Outer+h*p.B.Middle
		for range inner {
			x := a[ia]
			w := b[ib : ib+4 : ib+4]
			s0 += float32(x * w[0])
			s1 += float32(x * w[1])
			s2 += float32(x * w[2])
			s3 += float32(x * w[3])
			w = b[ib+4 : ib+8 : ib+8]
			s4 += float32(x * w[0])
			s5 += float32(x * w[1])
			s6 += float32(x * w[2])
			s7 += float32(x * w[3])
			ia += aInner
			ib += bInner
		}
	}
	s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7] = s0, s1, s2, s3, s4, s5, s6, s7
}

func (p *Matmul) tile1x1(a, b, c []float32) {
	var s float32
	for o := range p.Outer * p.Middle {
		o, h := o/p.Middle, o%p.Middle
		ia, ib := o*p.A.Outer+h*p.A.Middle, o*p.B.Outer+h*p.B.Middle
		for range p.Inner {
			s += float32(a[ia] * b[ib])
			ia += p.A.Inner
			ib += p.B.Inner
		}
	}
	c[0] = s
}
