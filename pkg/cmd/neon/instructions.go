package main

import "fmt"

// Go's assembler lacks these instructions; they are written as numbers, with Arm's notation as a
// comment. Arguments are in the order of the Arm Architecture Reference Manual: the result, then
// the sources. All are in ARMv8.0.

// word writes an instruction with the registers m, n and d in their usual places.
func (a *asm) word(code uint32, d, n, m vec, format string, args ...any) {
	code |= uint32(m)<<16 | uint32(n)<<5 | uint32(d)
	fmt.Fprintf(&a.text, "\tWORD\t$0x%08x // %s\n", code, fmt.Sprintf(format, args...))
}

// three writes an instruction with two sources of the same shape as the result.
func (a *asm) three(name string, code uint32, shape string, d, n, m vec) {
	a.word(code, d, n, m, "%s v%d.%s, v%d.%s, v%d.%s", name, d, shape, n, shape, m, shape)
}

// pairs writes an instruction that adds neighbours, to lanes twice as wide.
func (a *asm) pairs(name string, code uint32, to, from string, d, n vec) {
	a.word(code, d, n, 0, "%s v%d.%s, v%d.%s", name, d, to, n, from)
}

// Absolute differences of unsigned integers.
func (a *asm) uabdB(d, n, m vec) { a.three("uabd", 0x6e207400, "16b", d, n, m) }
func (a *asm) uabdH(d, n, m vec) { a.three("uabd", 0x6e607400, "8h", d, n, m) }

// Sums of neighbours, added to what the result had (uadalp) or not (uaddlp).
func (a *asm) uadalpB(d, n vec) { a.pairs("uadalp", 0x6e206800, "8h", "16b", d, n) }
func (a *asm) uadalpH(d, n vec) { a.pairs("uadalp", 0x6e606800, "4s", "8h", d, n) }
func (a *asm) uadalpS(d, n vec) { a.pairs("uadalp", 0x6ea06800, "2d", "4s", d, n) }
func (a *asm) uaddlpH(d, n vec) { a.pairs("uaddlp", 0x6e602800, "4s", "8h", d, n) }

// cmhs sets the lanes of d to ones if n >= m, unsigned, else to zeros.
func (a *asm) cmhs(d, n, m vec) { a.three("cmhs", 0x6ea03c00, "4s", d, n, m) }

// Arithmetic of float32.
func (a *asm) fadd(d, n, m vec) { a.three("fadd", 0x4e20d400, "4s", d, n, m) }
func (a *asm) fsub(d, n, m vec) { a.three("fsub", 0x4ea0d400, "4s", d, n, m) }
func (a *asm) fmul(d, n, m vec) { a.three("fmul", 0x6e20dc00, "4s", d, n, m) }
func (a *asm) fdiv(d, n, m vec) { a.three("fdiv", 0x6e20fc00, "4s", d, n, m) }
func (a *asm) fsqrt(d, n vec) {
	a.word(0x6ea1f800, d, n, 0, "fsqrt v%d.4s, v%d.4s", d, n)
}

// fmulFirst multiplies by the first lane of m.
func (a *asm) fmulFirst(d, n, m vec) {
	a.word(0x4f809000, d, n, m, "fmul v%d.4s, v%d.4s, v%d.s[0]", d, n, m)
}

// Comparisons set the lanes of d to ones or zeros.
func (a *asm) fcmgt(d, n, m vec) { a.three("fcmgt", 0x6ea0e400, "4s", d, n, m) }
func (a *asm) fcmeq(d, n, m vec) { a.three("fcmeq", 0x4e20e400, "4s", d, n, m) }
func (a *asm) fcmltZero(d, n vec) {
	a.word(0x4ea0e800, d, n, 0, "fcmlt v%d.4s, v%d.4s, #0.0", d, n)
}

// bic sets d to the bits of n that m does not have.
func (a *asm) bic(d, n, m vec) { a.three("bic", 0x4e601c00, "16b", d, n, m) }

// Instructions that Go's assembler has, with the result first, too.

func (a *asm) and(d, n, m vec) { a.ins("VAND", "%s, %s, %s", m.b16(), n.b16(), d.b16()) }
func (a *asm) xor(d, n, m vec) { a.ins("VEOR", "%s, %s, %s", m.b16(), n.b16(), d.b16()) }

// bit sets the bits of d that the mask has to those of n.
func (a *asm) bit(d, n, mask vec) { a.ins("VBIT", "%s, %s, %s", mask.b16(), n.b16(), d.b16()) }

func (a *asm) zero(vs ...vec) {
	for _, v := range vs {
		a.xor(v, v, v)
	}
}

// add, sub and mul return n+m, n-m and n*m in a new register.
func (a *asm) add(n, m vec) vec { v := a.vec(); a.fadd(v, n, m); return v }
func (a *asm) sub(n, m vec) vec { v := a.vec(); a.fsub(v, n, m); return v }
func (a *asm) mul(n, m vec) vec { v := a.vec(); a.fmul(v, n, m); return v }

// greater sets v to w in the lanes in which w > v, and less in those in which w < v. The
// instructions for the greater and the lesser of two numbers treat NaN and -0 in another way than
// the portable kernels.
func (a *asm) greater(v, w vec) { a.choose(w, v, v, w) }
func (a *asm) less(v, w vec)    { a.choose(v, w, v, w) }

// choose sets v to w in the lanes in which n > m.
func (a *asm) choose(n, m, v, w vec) {
	a.scope(func() {
		mask := a.vec()
		a.fcmgt(mask, n, m)
		a.bit(v, w, mask)
	})
}

// A part is the number of lanes of a vector that count, 1 to 3, in a register, with a register for
// addresses. nil stands for all four.
type part struct{ n, address reg }

// getTo reads the lanes at offset bytes from base; the others become zero.
func (a *asm) getTo(base reg, offset int, k *part, v vec) {
	if k == nil {
		a.ins("FMOVQ", "%d(%v), %s", offset, base, v.full())
		return
	}
	one, done := a.label("one"), a.label("loaded")
	a.ins("TBZ", "$1, %v, %s", k.n, one)
	a.ins("FMOVD", "%d(%v), %s", offset, base, v.full())
	a.ins("TBZ", "$0, %v, %s", k.n, done)
	a.ins("ADD", "$%d, %v, %v", offset+8, base, k.address)
	a.ins("VLD1", "(%v), %v.S[2]", k.address, v)
	a.ins("B", "%s", done)
	a.at(one)
	a.ins("FMOVS", "%d(%v), %s", offset, base, v.full())
	a.at(done)
}

// putTo writes the lanes to offset bytes from base.
func (a *asm) putTo(v vec, base reg, offset int, k *part) {
	if k == nil {
		a.ins("FMOVQ", "%s, %d(%v)", v.full(), offset, base)
		return
	}
	one, done := a.label("one"), a.label("stored")
	a.ins("TBZ", "$1, %v, %s", k.n, one)
	a.ins("FMOVD", "%s, %d(%v)", v.full(), offset, base)
	a.ins("TBZ", "$0, %v, %s", k.n, done)
	a.ins("ADD", "$%d, %v, %v", offset+8, base, k.address)
	a.ins("VST1", "%v.S[2], (%v)", v, k.address)
	a.ins("B", "%s", done)
	a.at(one)
	a.ins("FMOVS", "%s, %d(%v)", v.full(), offset, base)
	a.at(done)
}

func (a *asm) get(base reg, k *part) vec      { v := a.vec(); a.getTo(base, 0, k, v); return v }
func (a *asm) put(v vec, base reg, k *part)   { a.putTo(v, base, 0, k) }
func (a *asm) getAt(base, i reg, k *part) vec { return a.get(a.address(base, i), k) }

// address returns the address of value i of the float32s at base, in a new register.
func (a *asm) address(base, i reg) reg {
	r := a.reg()
	a.ins("ADD", "%v<<2, %v, %v", i, base, r)
	return r
}

// keep zeroes the lanes outside the part. What was loaded there is zero, but not what was computed
// from it.
func (a *asm) keep(v vec, k *part) {
	if k == nil {
		return
	}
	one, two, done := a.label("one"), a.label("two"), a.label("kept")
	a.ins("TBZ", "$1, %v, %s", k.n, one)
	a.ins("TBZ", "$0, %v, %s", k.n, two)
	a.ins("VMOV", "ZR, %v.S[3]", v)
	a.ins("B", "%s", done)
	a.at(one)
	a.ins("VMOV", "ZR, %v.S[1]", v)
	a.at(two)
	a.ins("VMOV", "ZR, %v.D[1]", v)
	a.at(done)
}
