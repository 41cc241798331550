package cpu

import (
	"math"

	"imagesimilarity/pkg/nn"
	"imagesimilarity/pkg/nn/internal/kernel"
)

// A batchNormalisation is a BatchNormalization layer with the statistics by which it normalises.
type batchNormalisation struct {
	gamma, beta, movingMean, movingVariance []float32
	momentum                                float32
	epsilon                                 float64

	mean, unbiased []float32 // of the batch: its mean, and the variance that the moving one follows
	inverse        []float64 // 1/sqrt(variance+epsilon), of the variance that is in use
}

func newBatchNormalisation(l *nn.Layer) *batchNormalisation {
	channels := len(l.Weights[0].Data)
	return &batchNormalisation{
		gamma: l.Weights[0].Data, beta: l.Weights[1].Data,
		movingMean: l.Weights[2].Data, movingVariance: l.Weights[3].Data,
		momentum: float32(l.Momentum), epsilon: l.Epsilon,
		mean: make([]float32, channels), unbiased: make([]float32, channels),
		inverse: make([]float64, channels),
	}
}

// setStatistics sets mean and variance of the batch for channel c, over count values. The batch is
// normalised by the biased variance, but the moving variance follows the unbiased one, as in Keras'
// fused kernel.
func (b *batchNormalisation) setStatistics(c int, mean, variance, count float64) {
	b.mean[c] = float32(mean)
	b.unbiased[c] = float32(variance * (count / max(count-1, 1)))
	b.setInverse(c, variance)
}

// setInverse sets the inverse for channel c from the variance that is to be used.
func (b *batchNormalisation) setInverse(c int, variance float64) {
	b.inverse[c] = 1 / math.Sqrt(variance+b.epsilon)
}

// moveStatistics lets the moving statistics follow those of the batch.
func (b *batchNormalisation) moveStatistics() {
	keep := b.momentum
	for c := range b.mean {
		b.movingMean[c] = float32(b.movingMean[c]*keep) + float32(b.mean[c]*(1-keep))
		b.movingVariance[c] = float32(b.movingVariance[c]*keep) + float32(b.unbiased[c]*(1-keep))
	}
}

// set sets a normalisation from a mean, the inverse, gamma and beta.
func (b *batchNormalisation) set(n *kernel.Normalisation, mean []float32) {
	scale := make([]float32, len(mean))
	for c := range scale {
		scale[c] = float32(float64(b.gamma[c]) * b.inverse[c])
	}
	kernel.Repeat(n.Mean, mean)
	kernel.Repeat(n.Scale, scale)
	kernel.Repeat(n.Beta, b.beta)
}
