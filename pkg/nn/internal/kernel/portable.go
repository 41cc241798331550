package kernel

import "math"

// The functions in this file are the portable entries of a Set; its methods say what they compute.

func addTo(out, x []float32) {
	for i, v := range x {
		out[i] += v
	}
}

func sum(acc, x []float32) {
	for ; len(x) > 0; x = x[min(len(acc), len(x)):] {
		for i, v := range x[:min(len(acc), len(x))] {
			acc[i] += v
		}
	}
}

func squares(acc, x, mean []float32) {
	mean = mean[:len(acc)]
	for ; len(x) > 0; x = x[min(len(acc), len(x)):] {
		for i, v := range x[:min(len(acc), len(x))] {
			d := v - mean[i]
			acc[i] += float32(d * d)
		}
	}
}

func normalise(out, x, mean, scale, beta []float32) {
	for at := 0; at < len(x); at += len(mean) {
		o := out[at:]
		for i, v := range x[at:min(at+len(mean), len(x))] {
			o[i] = float32((v-mean[i])*scale[i]) + beta[i]
		}
	}
}

func gradSums(sums, dots, grad, x, mean []float32) {
	for at := 0; at < len(x); at += len(sums) {
		xs := x[at:]
		for i, v := range grad[at:min(at+len(sums), len(x))] {
			sums[i] += v
			dots[i] += float32(v * (xs[i] - mean[i]))
		}
	}
}

func backward(out, grad, x, mean, ofGrad, ofX, rest []float32, floor float32) {
	for at := 0; at < len(x); at += len(mean) {
		o, g := out[at:], grad[at:]
		for i, v := range x[at:min(at+len(mean), len(x))] {
			d := float32(g[i]*ofGrad[i]) + (float32((v-mean[i])*ofX[i]) + rest[i])
			if !(v > floor) {
				d = 0
			}
			o[i] = d
		}
	}
}

func pool2x2(out, best, x, mean, scale, beta []float32, line, c, windows int) {
	pool(out[:windows*c], best, x, mean, scale, beta, Pooling{line, [2]int{2, 2}, c})
}

func pool(out, best, x, mean, scale, beta []float32, g Pooling) {
	for at := 0; at < len(out); at += g.C {
		b := best[at : at+g.C]
		first := x[at*g.Window[1]:]
		copy(b, first)
		for r := range g.Window[0] {
			for q := range g.Window[1] {
				for i, v := range first[r*g.Line+q*g.C:][:g.C] {
					// A negative scale turns the order: the least value becomes the greatest.
					if math.Signbit(float64(scale[i])) {
						if v < b[i] {
							b[i] = v
						}
					} else if v > b[i] {
						b[i] = v
					}
				}
			}
		}
		for i, v := range b {
			out[at+i] = float32((v-mean[i])*scale[i]) + beta[i]
		}
	}
}

func unpool2x2(d, grad, best, x, mean, ofGrad, ofX, rest []float32, floor float32,
	dLine, line, c, windows int) {
	g := Pooling{line, [2]int{2, 2}, c}
	unpool(d, grad[:windows*c], best, x, mean, ofGrad, ofX, rest, floor, dLine, g)
}

func unpool(d, grad, best, x, mean, ofGrad, ofX, rest []float32, floor float32,
	dLine int, g Pooling) {
	for at := 0; at < len(grad); at += g.C {
		for i, v := range grad[at : at+g.C] {
			left := v * ofGrad[i]
			for r := range g.Window[0] {
				for q := range g.Window[1] {
					inside := at*g.Window[1] + q*g.C + i
					v := x[r*g.Line+inside]
					var taken float32
					if v == best[at+i] {
						taken, left = left, 0
					}
					dv := taken + (float32((v-mean[i])*ofX[i]) + rest[i])
					if !(v > floor) {
						dv = 0
					}
					d[r*dLine+inside] = dv
				}
			}
		}
	}
}

func sigmoid(out, x []float32) {
	for i, v := range x {
		out[i] = 1 / (1 + exp(0-v))
	}
}

func rmsprop(w, grad, second []float32, rate, keep, take, epsilon float32) {
	for i, g := range grad {
		v := float32(second[i]*keep) + float32(float32(g*g)*take)
		second[i] = v
		w[i] -= float32(g*rate) / float32(math.Sqrt(float64(v+epsilon)))
	}
}

func adam(w, grad, first, second []float32, rate, takeFirst, takeSecond, epsilon float32) {
	for i, g := range grad {
		m := first[i] + float32((g-first[i])*takeFirst)
		v := second[i] + float32((float32(g*g)-second[i])*takeSecond)
		first[i], second[i] = m, v
		w[i] -= float32(m*rate) / (float32(math.Sqrt(float64(v))) + epsilon)
	}
}
