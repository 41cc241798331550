package kernel

// The functions in this file are portable entries of a Set; its methods say what they compute.

// functionConstants are the constants of the functions, in the order in which the assembly knows
// them.
var functionConstants = [...]float32{
	2, 0.5, 20, 0.70710678,
	// The error function by 1/(1+p|x|), p and five coefficients from the fifth on
	// (Abramowitz and Stegun 1964, 7.1.26).
	0.3275911, 1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592,
	// The series of the inverse hyperbolic tangent, for up to 1/3.
	1.0 / 15, 1.0 / 13, 1.0 / 11, 1.0 / 9, 1.0 / 7, 1.0 / 5, 1.0 / 3, 1,
}

// expm1 returns e to the x less 1.
func expm1(x float32) float32 {
	q, scale := expParts(x)
	return float32(q*scale) + (scale - 1)
}

func expTo(out, x []float32) {
	for i, v := range x {
		out[i] = exp(v)
	}
}

func tanh(out, x []float32) {
	for i, v := range x {
		e := expm1(v + v)
		out[i] = e / (e + 2)
	}
}

func swish(out, x []float32) {
	for i, v := range x {
		out[i] = v / (1 + exp(0-v))
	}
}

func elu(out, x []float32, alpha, scale float32) {
	for i, v := range x {
		positive, negative := apart(v)
		out[i] = float32(positive*scale) + float32(expm1(negative)*alpha)
	}
}

// apart returns x and 0 if x is positive, else 0 and x.
func apart(x float32) (positive, negative float32) {
	if x > 0 {
		return x, 0
	}
	return 0, x
}

// away returns -|x|.
func away(x float32) float32 {
	if x > 0 {
		return 0 - x
	}
	return x
}

func softsign(out, x []float32) {
	for i, v := range x {
		positive, negative := apart(v)
		out[i] = (positive + negative) / (positive - negative + 1)
	}
}

func softplus(out, x []float32) {
	c := functionConstants[10:]
	for i, v := range x {
		positive, _ := apart(v)
		// log(1+e) is 2 artanh(e/(2+e)).
		e := exp(away(v))
		z := e / (2 + e)
		square := float32(z * z)
		p := c[0]
		for _, a := range c[1:] {
			p = float32(p*square) + a
		}
		p = float32(p * z)
		out[i] = positive + (p + p)
	}
}

func mish(out, x []float32) {
	for i, v := range x {
		bounded := v
		if functionConstants[2] < v {
			bounded = functionConstants[2]
		}
		// With e = exp(x), tanh(log(1+e)) is (e²+2e)/(e²+2e+2).
		e := exp(bounded)
		n := float32(e * (e + 2))
		out[i] = v * float32(n/(n+2))
	}
}

func gelu(out, x []float32) {
	c := &functionConstants
	for i, v := range x {
		positive, _ := apart(v)
		a := away(v)
		z := float32(a * c[3])
		t := 1 / (1 - float32(z*c[4]))
		p := c[5]
		for _, b := range c[6:10] {
			p = float32(p*t) + b
		}
		// The share of the normal distribution beyond |x|.
		beyond := float32(float32(p*t)*exp(0-float32(z*z))) * c[1]
		out[i] = positive + float32(a*beyond)
	}
}

func clip(out, x []float32, low, high float32) {
	for i, v := range x {
		if low > v {
			v = low
		}
		if high < v {
			v = high
		}
		out[i] = v
	}
}

func leak(out, x, slopes []float32) {
	for at := 0; at < len(x); at += len(slopes) {
		o := out[at:]
		for i, v := range x[at:min(at+len(slopes), len(x))] {
			positive, negative := apart(v)
			o[i] = positive + float32(negative*slopes[i])
		}
	}
}

func maxTo(out, x []float32) {
	for i, v := range x {
		if v > out[i] {
			out[i] = v
		}
	}
}

func mulTo(out, x []float32) {
	for i, v := range x {
		out[i] *= v
	}
}

func depthwise(out, x, w, bias []float32, p *Window) {
	clear(out)
	for at := 0; at < len(out); at += p.C {
		o, first := out[at:at+p.C], x[at/p.C*p.Pixel:]
		for e := range p.Rows * p.Cols {
			w, x := w[e*p.C:(e+1)*p.C], first[e/p.Cols*p.Line+e%p.Cols*p.Step:]
			for i, v := range x[:p.C] {
				o[i] += float32(v * w[i])
			}
		}
		for i, b := range bias {
			o[i] += b
		}
	}
}
