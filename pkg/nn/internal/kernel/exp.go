package kernel

import "math"

// expConstants are the constants of exp, in the order in which the assembly knows them.
var expConstants = [14]float32{
	-87, 88, // results beyond are not normal numbers or infinite
	math.Log2E,
	3 << 22, // adding it rounds to a whole number, which the lowest bits of the sum then hold
	// ln 2 in two parts. The first ends with zeros, so its products with whole numbers are exact.
	0.693145751953125, 1.4286067653e-06,
	// Taylor's series, for up to ln(2)/2.
	1.0 / 5040, 1.0 / 720, 1.0 / 120, 1.0 / 24, 1.0 / 6, 1.0 / 2, 1, 1,
}

// exp returns e to the x, to about 1 unit in the last place. For x beyond [-87,88] it returns the
// result for the nearer bound. math.Exp is computed differently on different processors.
func exp(x float32) float32 {
	q, scale := expParts(x)
	return float32((q + 1) * scale)
}

// expParts returns q and a power of 2: e to the x is (q+1)*scale. Near 0, scale is 1.
func expParts(x float32) (q, scale float32) {
	c := &expConstants
	if x < c[0] {
		x = c[0]
	}
	if x > c[1] {
		x = c[1]
	}
	shifted := float32(x*c[2]) + c[3]
	whole := shifted - c[3]
	r := x - float32(whole*c[4]) - float32(whole*c[5])
	p := c[6]
	for _, a := range c[7:13] {
		p = float32(p*r) + a
	}
	return float32(p * r), math.Float32frombits((math.Float32bits(shifted) + 127) << 23)
}

// Softmax sets out to exp(x)/sum(exp(x)). It returns the greatest x and the sum of
// exp(x-greatest).
func Softmax(out, x []float32) (greatest, sum float32) {
	greatest = x[0]
	for _, v := range x {
		greatest = max(greatest, v)
	}
	for j, v := range x {
		out[j] = exp(v - greatest)
		sum += out[j]
	}
	for j := range out {
		out[j] /= sum
	}
	return greatest, sum
}

// softmaxValues is how many values of short rows go together through Exp.
const softmaxValues = 1024

// Softmax sets each row of out, of width values, to exp(x)/sum(exp(x)), as the function Softmax
// does.
func (s *Set) Softmax(out, x []float32, width int) {
	block := max(1, softmaxValues/width) * width
	for at := 0; at < len(x); at += block {
		end := min(at+block, len(x))
		out, x := out[at:end], x[at:end]
		for r := 0; r < len(x); r += width {
			lessGreatest(out[r:r+width], x[r:r+width])
		}
		s.Exp(out, out)
		eachSum(out, width, func(r int, sum float32) {
			row := out[r : r+width]
			for j, v := range row {
				row[j] = v / sum
			}
		})
	}
}

// SoftmaxScratch returns the number of values that LogSoftmax needs besides.
func SoftmaxScratch(width int) int { return max(softmaxValues, width) }

// LogSoftmax sets each row of out, of width values, to the logarithm of the softmax of x.
func (s *Set) LogSoftmax(out, x, scratch []float32, width int) {
	block := max(1, softmaxValues/width) * width
	for at := 0; at < len(x); at += block {
		end := min(at+block, len(x))
		out, x, e := out[at:end], x[at:end], scratch[:end-at]
		for r := 0; r < len(x); r += width {
			lessGreatest(out[r:r+width], x[r:r+width])
		}
		s.Exp(e, out)
		eachSum(e, width, func(r int, sum float32) {
			rest := float32(Log(float64(sum)))
			row := out[r : r+width]
			for j, v := range row {
				row[j] = v - rest
			}
		})
	}
}

// lessGreatest sets out to x less the greatest of all x. Four maxima at a time and no branches: a
// branch on the values is guessed wrong too often.
func lessGreatest(out, x []float32) {
	a, b, c, d := x[0], x[0], x[0], x[0]
	j := 0
	for ; j+4 <= len(x); j += 4 {
		v := x[j : j+4 : j+4]
		a, b, c, d = max(a, v[0]), max(b, v[1]), max(c, v[2]), max(d, v[3])
	}
	greatest := max(a, b, c, d)
	for _, v := range x[j:] {
		greatest = max(greatest, v)
	}
	out = out[:len(x)]
	for j, v := range x {
		out[j] = v - greatest
	}
}

// eachSum calls f with the sum of each row of x, and with the place where the row begins. It adds
// in order, four rows at a time: one addition waits for the one before it.
func eachSum(x []float32, width int, f func(r int, sum float32)) {
	r := 0
	for ; r+4*width <= len(x); r += 4 * width {
		row := func(i int) []float32 { return x[r+i*width:][:width] }
		var a, b, c, d float32
		x0, x1, x2, x3 := row(0), row(1), row(2), row(3)
		for j, v := range x0 {
			a += v
			b += x1[j]
			c += x2[j]
			d += x3[j]
		}
		f(r, a)
		f(r+width, b)
		f(r+2*width, c)
		f(r+3*width, d)
	}
	for ; r < len(x); r += width {
		var sum float32
		for _, v := range x[r : r+width] {
			sum += v
		}
		f(r, sum)
	}
}

// Log returns the natural logarithm of a normal positive x. It is the same on every processor;
// math.Log is not.
func Log(x float64) float64 {
	fraction, exponent := math.Frexp(x)
	if fraction < math.Sqrt2/2 {
		fraction, exponent = 2*fraction, exponent-1
	}
	// log(f) = 2 artanh(z) = 2(z + z³/3 + z⁵/5 + …); |z| <= 0.172.
	z := (fraction - 1) / (fraction + 1)
	square := float64(z * z)
	var s float64
	for k := 21; k >= 1; k -= 2 {
		s = float64(s*square) + 1/float64(k)
	}
	return float64(float64(exponent)*math.Ln2) + float64(2*float64(z*s))
}
