package nn

// A matmul is the loop in which most of the time is spent, a matrix product of which rows come in lines (of pixels, say) and
// the inner dimension is up to three nested loops:
//
//	for line in [0,Lines), m in [0,M), f in [0,N):
//		s = 0, or c[line*CLine+m*CM+f] where Add is set
//		for o in [0,Outer), h in [0,Middle), i in [0,Inner):
//			s += a[line*ALine+m*AM+o*AOuter+h*AMiddle+i*AInner] * b[o*BOuter+h*BMiddle+i*BInner+f]
//		c[line*CLine+m*CM+f] = s + bias[f], where there is a bias; with ReLU set, 0 if that is negative
//
// Products are rounded to float32 before they are added, and each sum is added up in the order of the loops.
// A count of 0 for Lines, Outer or Middle stands for 1.
type matmul struct {
	Lines, M, N             int
	Outer, Middle, Inner    int
	ALine, AM               int
	AOuter, AMiddle, AInner int
	BOuter, BMiddle, BInner int
	CLine, CM               int
	Add, ReLU               bool
}

// A readyMatmul is a matmul with what the assembly needs to know.
type readyMatmul struct {
	matmul
	strides strides
}

// strides are what the assembly knows of a matmul, in this order; distances are in bytes.
type strides struct {
	outer, middle, inner   int
	am, aInner, bInner, cm int
	aMiddle, bMiddle       int // from the end of the inner loop to the next round of the middle one
	aOuter, bOuter         int // and to the next round of the outer one
	add, relu              bool
}

// A tile is assembly that computes some rows of a matmul and one or two vectors of columns, of which the last has lanes columns.
// The first half of the rows (rounded up) begins at a and c, the second at a2 and c2; bias may be nil. p points to the first of the strides.
type tile func(p *int, a, a2, b, c, c2, bias *float32, lanes int)

// ready prepares a matmul to be run.
func (p matmul) ready() *readyMatmul {
	p.Lines, p.Outer, p.Middle = max(p.Lines, 1), max(p.Outer, 1), max(p.Middle, 1)
	const size = 4 // bytes of a float32
	return &readyMatmul{p, strides{
		outer: p.Outer, middle: p.Middle, inner: p.Inner,
		am: size * p.AM, aInner: size * p.AInner, bInner: size * p.BInner, cm: size * p.CM,
		aMiddle: size * (p.AMiddle - p.Inner*p.AInner), bMiddle: size * (p.BMiddle - p.Inner*p.BInner),
		aOuter: size * (p.AOuter - p.Middle*p.AMiddle), bOuter: size * (p.BOuter - p.Middle*p.BMiddle),
		add: p.Add, relu: p.ReLU,
	}}
}

// run computes c; bias may be nil.
func (p *readyMatmul) run(k *kernels, a, b, c, bias []float32) {
	// The last elements that are touched: an index out of range panics here.
	_ = a[(p.Lines-1)*p.ALine+(p.M-1)*p.AM+(p.Outer-1)*p.AOuter+(p.Middle-1)*p.AMiddle+(p.Inner-1)*p.AInner]
	_ = b[(p.Outer-1)*p.BOuter+(p.Middle-1)*p.BMiddle+(p.Inner-1)*p.BInner+p.N-1]
	_ = c[(p.Lines-1)*p.CLine+(p.M-1)*p.CM+p.N-1]
	if bias != nil {
		bias = bias[:p.N]
	}
	if k.asm != nil {
		p.vectors(k.asm.narrow(p.N), a, b, c, bias)
		return
	}
	for line := range p.Lines {
		p.portable(a[line*p.ALine:], b, c[line*p.CLine:], bias)
	}
}

// vectors cuts the product into tiles: columns into one or two vectors, rows into parts of two lines at a time, so that a
// tile is high even where lines are short.
func (p *readyMatmul) vectors(asm *assembly, a, b, c, bias []float32) {
	parts, halves := ceilDiv(p.M, asm.halfRows), ceilDiv(p.M, 2*asm.halfRows)
	for f := 0; f < p.N; f += 2 * asm.lanes {
		columns := min(2*asm.lanes, p.N-f)
		tiles := asm.tiles[(columns-1)/asm.lanes]
		lanes := (columns-1)%asm.lanes + 1
		var biasAt *float32
		if bias != nil {
			biasAt = &bias[f]
		}
		line := 0
		for ; line+2 <= p.Lines; line += 2 {
			for part := range parts {
				m := part * p.M / parts
				rows := (part+1)*p.M/parts - m
				ia, ic := line*p.ALine+m*p.AM, line*p.CLine+m*p.CM+f
				tiles[2*rows-1](&p.strides.outer, &a[ia], &a[ia+p.ALine], &b[f], &c[ic], &c[ic+p.CLine], biasAt, lanes)
			}
		}
		if line < p.Lines {
			for part := range halves {
				m := part * p.M / halves
				rows := (part+1)*p.M/halves - m
				half := (rows + 1) / 2 % rows // 0 for a single row, which has no second half
				ia, ic := line*p.ALine+m*p.AM, line*p.CLine+m*p.CM+f
				tiles[rows-1](&p.strides.outer, &a[ia], &a[ia+half*p.AM], &b[f], &c[ic], &c[ic+half*p.CM], biasAt, lanes)
			}
		}
	}
}

// portable computes one line, eight columns at a time; more, or more than one row, do not fit in the registers that Go's compiler uses.
func (p *matmul) portable(a, b, c, bias []float32) {
	f := 0
	for ; f+8 <= p.N; f += 8 {
		for m := range p.M {
			p.tile1x8(a[m*p.AM:], b[f:], c[m*p.CM+f:])
		}
	}
	for ; f < p.N; f++ {
		for m := range p.M {
			p.tile1x1(a[m*p.AM:], b[f:], c[m*p.CM+f:])
		}
	}
	for m := range p.M {
		row := c[m*p.CM : m*p.CM+p.N]
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

func (p *matmul) tile1x8(a, b, c []float32) {
	s := c[:8]
	var s0, s1, s2, s3, s4, s5, s6, s7 float32
	if p.Add {
		s0, s1, s2, s3, s4, s5, s6, s7 = s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]
	}
	aInner, bInner := p.AInner, p.BInner
	for o := range p.Outer * p.Middle {
		o, h := o/p.Middle, o%p.Middle
		ia, ib := o*p.AOuter+h*p.AMiddle, o*p.BOuter+h*p.BMiddle
		for range p.Inner {
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

func (p *matmul) tile1x1(a, b, c []float32) {
	var s float32
	if p.Add {
		s = c[0]
	}
	for o := range p.Outer * p.Middle {
		o, h := o/p.Middle, o%p.Middle
		ia, ib := o*p.AOuter+h*p.AMiddle, o*p.BOuter+h*p.BMiddle
		for range p.Inner {
			s += float32(a[ia] * b[ib])
			ia += p.AInner
			ib += p.BInner
		}
	}
	c[0] = s
}
