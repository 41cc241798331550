package nn

// A matmul is the loop that nearly all of the time is spent in, a matrix product whose inner dimension is two nested loops:
//
//	for m in [0,M), f in [0,N):
//		s = 0, or c[m*CM+f] where Add is set
//		for o in [0,Outer), i in [0,Inner):
//			s += a[m*AM+o*AOuter+i*AInner] * b[o*BOuter+i*BInner+f]
//		c[m*CM+f] = s, after the epilogue
//
// All products are rounded to float32 before they are added, and each sum is added up in the order of the loops, whatever
// the instruction set: results are the same on every machine.
type matmul struct {
	M, N               int
	Outer, Inner       int
	AM, AOuter, AInner int
	BOuter, BInner     int
	CM                 int
	Add                bool
	Bias               []float32 // (N), added at the end; nil for none
	ReLU               bool      // negative results become zero, at the very end
}

// run computes c from a and b.
func (p *matmul) run(a, b, c []float32) {
	f := 0
	for ; f+4 <= p.N; f += 4 {
		m := 0
		for ; m+2 <= p.M; m += 2 {
			p.tile2x4(a[m*p.AM:], b[f:], c[m*p.CM+f:], f)
		}
		if m < p.M {
			p.tile1x4(a[m*p.AM:], b[f:], c[m*p.CM+f:], f)
		}
	}
	for ; f < p.N; f++ {
		for m := range p.M {
			p.tile1x1(a[m*p.AM:], b[f:], c[m*p.CM+f:], f)
		}
	}
}

func (p *matmul) tile2x4(a, b, c []float32, f int) {
	c0, c1 := c[:4], c[p.CM:p.CM+4]
	var s00, s01, s02, s03, s10, s11, s12, s13 float32
	if p.Add {
		s00, s01, s02, s03 = c0[0], c0[1], c0[2], c0[3]
		s10, s11, s12, s13 = c1[0], c1[1], c1[2], c1[3]
	}
	for o := range p.Outer {
		ia, ib := o*p.AOuter, o*p.BOuter
		for range p.Inner {
			x, y := a[ia], a[ia+p.AM]
			w := b[ib : ib+4 : ib+4]
			s00 += float32(x * w[0])
			s01 += float32(x * w[1])
			s02 += float32(x * w[2])
			s03 += float32(x * w[3])
			s10 += float32(y * w[0])
			s11 += float32(y * w[1])
			s12 += float32(y * w[2])
			s13 += float32(y * w[3])
			ia += p.AInner
			ib += p.BInner
		}
	}
	c0[0], c0[1], c0[2], c0[3] = s00, s01, s02, s03
	c1[0], c1[1], c1[2], c1[3] = s10, s11, s12, s13
	p.epilogue(c0, f)
	p.epilogue(c1, f)
}

func (p *matmul) tile1x4(a, b, c []float32, f int) {
	c0 := c[:4]
	var s0, s1, s2, s3 float32
	if p.Add {
		s0, s1, s2, s3 = c0[0], c0[1], c0[2], c0[3]
	}
	for o := range p.Outer {
		ia, ib := o*p.AOuter, o*p.BOuter
		for range p.Inner {
			x := a[ia]
			w := b[ib : ib+4 : ib+4]
			s0 += float32(x * w[0])
			s1 += float32(x * w[1])
			s2 += float32(x * w[2])
			s3 += float32(x * w[3])
			ia += p.AInner
			ib += p.BInner
		}
	}
	c0[0], c0[1], c0[2], c0[3] = s0, s1, s2, s3
	p.epilogue(c0, f)
}

func (p *matmul) tile1x1(a, b, c []float32, f int) {
	var s float32
	if p.Add {
		s = c[0]
	}
	for o := range p.Outer {
		ia, ib := o*p.AOuter, o*p.BOuter
		for range p.Inner {
			s += float32(a[ia] * b[ib])
			ia += p.AInner
			ib += p.BInner
		}
	}
	c[0] = s
	p.epilogue(c[:1], f)
}

// epilogue finishes the results of columns f, f+1, ….
func (p *matmul) epilogue(c []float32, f int) {
	if p.Bias != nil {
		for i, v := range p.Bias[f : f+len(c)] {
			c[i] += v
		}
	}
	if p.ReLU {
		for i, v := range c {
			if v < 0 {
				c[i] = 0
			}
		}
	}
}
