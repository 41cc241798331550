package kernel

import "math"

// The functions in this file compute in float64 and round their results to float32, which are right
// to about 1 unit in the last place. Products are rounded before they are added, so results are the
// same on every processor; those of package math are not.

// expDouble returns e to the x for |x| < 700, with a relative error below 1e-11.
func expDouble(x float64) float64 {
	whole := math.Floor(float64(x*math.Log2E) + 0.5)
	// ln 2 in two parts. The first ends with zeros, so its products with whole numbers are exact.
	const high, low = 6.93147180369123816490e-01, 1.90821492927058770002e-10
	r := x - float64(whole*high) - float64(whole*low)
	p := 1.0 / 3628800
	for _, a := range expSeries {
		p = float64(p*r) + a
	}
	return float64(p * math.Float64frombits(uint64(int64(whole)+1023)<<52))
}

// expSeries are the coefficients of Taylor's series after the tenth.
var expSeries = [...]float64{
	1.0 / 362880, 1.0 / 40320, 1.0 / 5040, 1.0 / 720, 1.0 / 120, 1.0 / 24, 1.0 / 6, 1.0 / 2, 1, 1,
}

// bounded returns x within [-bound,bound]. NaN stays.
func bounded(x float32, bound float64) float64 {
	v := float64(x)
	if v > bound {
		return bound
	}
	if v < -bound {
		return -bound
	}
	return v
}

// Exp sets out to e to the x. Results beyond float32 are infinite or 0.
func Exp(out, x []float32) {
	for i, v := range x {
		out[i] = float32(expDouble(bounded(v, 120)))
	}
}

// expm1 returns e to the x less 1 for |x| < 700.
func expm1(x float64) float64 {
	if x > -1e-3 && x < 1e-3 {
		square := float64(x * x)
		return x + float64(square/2) + float64(float64(square*x)/6)
	}
	return expDouble(x) - 1
}

// Tanh sets out to the hyperbolic tangent of x.
func Tanh(out, x []float32) {
	for i, v := range x {
		e := expm1(2 * bounded(v, 20))
		out[i] = float32(e / (e + 2))
	}
}

// ELU sets out to x, and to alpha*(exp(x)-1) below 0, times scale.
func ELU(out, x []float32, alpha, scale float64) {
	alpha = float64(alpha * scale)
	for i, v := range x {
		if v < 0 {
			out[i] = float32(alpha * expm1(bounded(v, 120)))
		} else {
			out[i] = float32(float64(v) * scale)
		}
	}
}

// Swish sets out to x/(1+exp(-x)).
func Swish(out, x []float32) {
	for i, v := range x {
		out[i] = float32(float64(v) / (1 + expDouble(-bounded(v, 120))))
	}
}

// Softplus sets out to log(1+exp(x)).
func Softplus(out, x []float32) {
	for i, v := range x {
		out[i] = float32(softplus(float64(v)))
	}
}

func softplus(x float64) float64 {
	if x != x {
		return x
	}
	// log(1+exp(x)) is max(x,0) + log(1+exp(-|x|)).
	e := expDouble(-min(math.Abs(x), 120))
	if e > 1e-8 {
		e = Log(1 + e)
	}
	return max(x, 0) + e
}

// Mish sets out to x*tanh(softplus(x)).
func Mish(out, x []float32) {
	for i, v := range x {
		// With e = exp(x), tanh(log(1+e)) is (e²+2e)/(e²+2e+2).
		e := expDouble(bounded(v, 100))
		n := float64(e*e) + 2*e
		out[i] = float32(float64(v) * float64(n/(n+2)))
	}
}

// GELU sets out to x/2*(1+erf(x/√2)) (Hendrycks and Gimpel 2016).
func GELU(out, x []float32) {
	for i, v := range x {
		w := float64(v)
		out[i] = float32(float64(w/2) * (1 + erf(float64(w*(math.Sqrt2/2)))))
	}
}

// The error function is known at whole multiples of 1/erfSteps up to erfLimit; beyond, float32 has
// no number between it and 1.
const erfSteps, erfLimit = 32, 6

var erfTable [erfSteps*erfLimit + 1]struct{ value, slope float64 }

func init() {
	for i := range erfTable {
		x := float64(i) / erfSteps
		slope := float64(2 / math.Sqrt(math.Pi) * expDouble(-float64(x*x)))
		// erf(x) is slope*Σ 2ⁿ x²ⁿ⁺¹/(1·3·…·(2n+1)); all terms are positive.
		term, sum := x, x
		for n := 1; term > sum*1e-17; n++ {
			term = float64(term * float64(2*float64(x*x)) / float64(2*n+1))
			sum += term
		}
		erfTable[i].value, erfTable[i].slope = float64(slope*sum), slope
	}
}

// erf returns the error function, by Taylor's series around the nearest place that is known.
func erf(x float64) float64 {
	a := math.Abs(x)
	switch {
	case a != a:
		return x
	case a >= erfLimit:
		return math.Copysign(1, x)
	}
	i := int(float64(a*erfSteps) + 0.5)
	known := float64(float64(i) / erfSteps)
	d := a - known
	square := float64(known * known)
	// The derivatives are slope times Hermite polynomials: 1, -2x, 4x²-2, -8x³+12x, 16x⁴-48x²+12.
	s := float64(float64(16*float64(square*square))-float64(48*square)+12) / 120
	s = float64(s*d) + float64(known*(12-float64(8*square)))/24
	s = float64(s*d) + (float64(4*square)-2)/6
	s = float64(s*d) - known
	s = float64(s*d) + 1
	return math.Copysign(erfTable[i].value+float64(float64(s*d)*erfTable[i].slope), x)
}
