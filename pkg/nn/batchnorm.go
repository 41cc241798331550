package nn

import (
	"math"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// batchNorm adds a BatchNormalization layer in training: every channel is brought to mean 0 and variance 1 over all pixels
// of the batch, then scaled by gamma and shifted by beta (Ioffe and Szegedy 2015). The moving statistics follow; as in Keras'
// fused kernel, the moving variance takes the unbiased variance of the batch while the batch is normalised by the biased one.
func (n *network) batchNorm(l *Layer, x signal) signal {
	gamma, _ := n.weight(l, 0)
	beta, _ := n.weight(l, 1)
	movingMean, movingVariance := l.Weights[2].Data(), l.Weights[3].Data()
	size, c := product(x.shape), x.shape[2]
	b := &batchStatistics{
		moments: make([]float32, n.batch*2*c), mean: make([]float32, c), inverse: make([]float64, c),
		dGamma: make([]float32, c), dBeta: make([]float32, c),
	}
	scale := make([]float32, c)
	run := func(in [][]float32, out []float32) {
		x, gamma, beta := in[0], in[1], in[2]
		n.each(n.n, func(i int, _ []float32) { imageMoments(b.moments[i*2*c:(i+1)*2*c], x[i*size:(i+1)*size]) })
		pixels := float64(size / c)
		count := pixels * float64(n.n)
		keep := float32(l.Momentum)
		for k := range c {
			mean, variance := b.combine(n.n, c, k, pixels)
			b.mean[k] = float32(mean)
			b.inverse[k] = 1 / math.Sqrt(variance+l.Epsilon)
			scale[k] = float32(float64(gamma[k]) * b.inverse[k])
			movingMean[k] = float32(movingMean[k]*keep) + float32(float32(mean)*(1-keep))
			unbiased := float32(variance * (count / max(count-1, 1)))
			movingVariance[k] = float32(movingVariance[k]*keep) + float32(unbiased*(1-keep))
		}
		n.each(n.n, func(i int, _ []float32) {
			normalise(out[i*size:(i+1)*size], x[i*size:(i+1)*size], b.mean, scale, beta)
		})
	}
	out := n.applyDifferentiable("batch normalisation", n.rows(l), run, []bool{x.active, true, true}, func(_, grad *G.Node) []*G.Node {
		dx := n.batchNormInputGrad(b, x, gamma, grad)
		// The operator of dx computes the other gradients on its way; being their input, it runs before them.
		return []*G.Node{
			dx,
			n.apply("gamma gradient", tensor.Shape{c}, func(_ [][]float32, out []float32) { copy(out, b.dGamma) }, dx),
			n.apply("beta gradient", tensor.Shape{c}, func(_ [][]float32, out []float32) { copy(out, b.dBeta) }, dx),
		}
	}, x.Node, gamma, beta)
	return signal{out, l.Output, true}
}

// batchStatistics are what a batch normalisation keeps for its gradient.
type batchStatistics struct {
	moments       []float32 // of every image (N,2,C)
	mean          []float32
	inverse       []float64 // 1/sqrt(variance+epsilon)
	dGamma, dBeta []float32
}

// imageMoments computes for each channel of an image the mean and the sum of the squared distances from it, (2,C).
func imageMoments(moments, x []float32) {
	c := len(moments) / 2
	mean, squares := moments[:c], moments[c:]
	clear(moments)
	for p := 0; p < len(x); p += c {
		for k, v := range x[p : p+c] {
			mean[k] += v
		}
	}
	pixels := float32(len(x) / c)
	for k := range mean {
		mean[k] /= pixels
	}
	for p := 0; p < len(x); p += c {
		for k, v := range x[p : p+c] {
			d := v - mean[k]
			squares[k] += float32(d * d)
		}
	}
}

// combine gives mean and biased variance of channel k over the first n images: the variance is the mean of those of the
// images and the variance of their means.
func (b *batchStatistics) combine(n, c, k int, pixels float64) (mean, variance float64) {
	for i := range n {
		mean += float64(b.moments[i*2*c+k])
	}
	mean /= float64(n)
	for i := range n {
		d := float64(b.moments[i*2*c+k]) - mean
		variance += float64(b.moments[i*2*c+c+k]) + float64(float64(d*d)*pixels)
	}
	return mean, variance / (float64(n) * pixels)
}

// normalise computes (x-mean)*scale+beta by channel.
func normalise(out, x, mean, scale, beta []float32) {
	c := len(mean)
	for p := 0; p < len(x); p += c {
		o := out[p : p+c]
		for k, v := range x[p : p+c] {
			o[k] = float32((v-mean[k])*scale[k]) + beta[k]
		}
	}
}

// batchNormInputGrad adds the gradient with respect to the input,
//
//	gamma*inverse * (grad - mean(grad) - (x-mean)*inverse² * mean(grad*(x-mean)))
//
// and computes those with respect to gamma and beta.
func (n *network) batchNormInputGrad(b *batchStatistics, x signal, gamma, grad *G.Node) *G.Node {
	size, c := product(x.shape), x.shape[2]
	sums := make([]float32, n.batch*2*c) // of every image: sum of grad, of grad*(x-mean)
	ofGrad, ofX, rest := make([]float32, c), make([]float32, c), make([]float32, c)
	run := func(in [][]float32, out []float32) {
		x, gamma, g := in[0], in[1], in[2]
		n.each(n.n, func(i int, _ []float32) {
			imageGradSums(sums[i*2*c:(i+1)*2*c], x[i*size:(i+1)*size], g[i*size:(i+1)*size], b.mean)
		})
		count := float64(n.n) * float64(size/c)
		for k := range c {
			var sum, dot float64
			for i := range n.n {
				sum += float64(sums[i*2*c+k])
				dot += float64(sums[i*2*c+c+k])
			}
			b.dBeta[k] = float32(sum)
			b.dGamma[k] = float32(dot * b.inverse[k])
			scale := float64(gamma[k]) * b.inverse[k]
			ofGrad[k] = float32(scale)
			ofX[k] = float32(-scale * b.inverse[k] * b.inverse[k] * dot / count)
			rest[k] = float32(-scale * sum / count)
		}
		n.each(n.n, func(i int, _ []float32) {
			for p := i * size; p < (i+1)*size; p += c {
				o, xs := out[p:p+c], x[p:p+c]
				for k, v := range g[p : p+c] {
					o[k] = float32(v*ofGrad[k]) + (float32((xs[k]-b.mean[k])*ofX[k]) + rest[k])
				}
			}
		})
	}
	return n.apply("batch normalisation gradient", tensor.Shape{n.batch, size}, run, x.Node, gamma, grad)
}

// imageGradSums computes for each channel of an image the sum of g and the sum of g*(x-mean), (2,C).
func imageGradSums(sums, x, g, mean []float32) {
	c := len(mean)
	clear(sums)
	for p := 0; p < len(x); p += c {
		xs := x[p : p+c]
		for k, v := range g[p : p+c] {
			sums[k] += v
			sums[c+k] += float32(v * (xs[k] - mean[k]))
		}
	}
}

// frozenBatchNorm adds a BatchNormalization layer that uses its moving statistics and leaves them alone.
func (n *network) frozenBatchNorm(l *Layer, x signal) signal {
	mean, variance := l.Weights[2].Data(), l.Weights[3].Data()
	gamma, beta := l.Weights[0].Data(), l.Weights[1].Data()
	size, c := product(x.shape), x.shape[2]
	scale := make([]float32, c)
	run := func(in [][]float32, out []float32) {
		for k := range scale {
			scale[k] = float32(float64(gamma[k]) / math.Sqrt(float64(variance[k])+l.Epsilon))
		}
		n.each(n.n, func(i int, _ []float32) {
			normalise(out[i*size:(i+1)*size], in[0][i*size:(i+1)*size], mean, scale, beta)
		})
	}
	out := n.applyDifferentiable("frozen batch normalisation", n.rows(l), run, []bool{x.active}, func(_, grad *G.Node) []*G.Node {
		run := func(in [][]float32, out []float32) {
			n.each(n.n, func(i int, _ []float32) {
				for p := i * size; p < (i+1)*size; p += c {
					o := out[p : p+c]
					for k, v := range in[0][p : p+c] {
						o[k] = v * scale[k]
					}
				}
			})
		}
		return []*G.Node{n.apply("frozen batch normalisation gradient", tensor.Shape{n.batch, size}, run, grad)}
	}, x.Node)
	return signal{out, l.Output, x.active}
}
