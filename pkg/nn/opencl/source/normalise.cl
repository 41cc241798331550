// A batch normalisation by the statistics of the batch (BY_BATCH) or the moving ones, or none, and
// a pooling. w holds the weights, and of these gamma, beta, moving mean and variance at places of
// their own.

__kernel __attribute__((reqd_work_group_size(LC, LR, 1)))
void normalise_kernel(__global const int *restrict batch, __global const float *restrict y,
	__global float *restrict w, int gamma, int beta, int moving_mean, int moving_variance,
	__global const float *restrict parts, __global float *restrict statistics,
	__global float *restrict out)
{
	const int n = SAMPLES, row = get_local_id(1), c = get_global_id(0) * CHANNELS;
	real mean = 0, scale = 1, shift = 0;
#if BY_BATCH
	__local real room[LC * LR];
	const int lane = get_local_id(0), turns = c < C ? TURNS(CHUNKS, LR, 8) : 0;
	const int all = n * H * W, size = (all + CHUNKS - 1) / CHUNKS;
	real sum = 0;
	UNROLL8
	for (int i = 0; i < turns; i++) {
		const int k = i * LR + row;
		const real v = fetch(parts, 2 * min(k, CHUNKS - 1) * C + c);
		sum += k < CHUNKS ? v * (float)clamp(all - k * size, 0, size) : (real)0;
	}
	mean = total(room, lane, LC, row, LR, sum) / (float)all;
	sum = 0;
	UNROLL8
	for (int i = 0; i < turns; i++) {
		const int k = i * LR + row, at = 2 * min(k, CHUNKS - 1) * C + c;
		const real d = fetch(parts, at) - mean, v = fetch(parts, at + C);
		sum += k < CHUNKS ? v + d * d * (float)clamp(all - k * size, 0, size) : (real)0;
	}
	const real variance = total(room, lane, LC, row, LR, sum) / (float)all;
	const real inverse = 1 / sqrt(variance + EPSILON);
	if (c < C && row == 0 && get_group_id(1) == 0) {
		store(statistics, c, mean);
		store(statistics, C + c, inverse);
		// The moving variance follows the unbiased one, as in Keras' fused kernel.
		const real unbiased = variance * ((float)all / (float)max(all - 1, 1));
		store(w, moving_mean + c, fetch(w, moving_mean + c) * MOMENTUM + mean * (1 - MOMENTUM));
		store(w, moving_variance + c,
			fetch(w, moving_variance + c) * MOMENTUM + unbiased * (1 - MOMENTUM));
	}
#endif
	if (c >= C)
		return;
#if NORMALISES
#if !BY_BATCH
	mean = fetch(w, moving_mean + c);
	const real inverse = 1 / sqrt(fetch(w, moving_variance + c) + EPSILON);
#endif
	scale = fetch(w, gamma + c) * inverse;
	shift = fetch(w, beta + c);
#endif
	const int pixels = n * OH * OW;
	UNROLL2
	for (int i = 0; i < TURNS(pixels, GROUPS * LR, 2); i++) {
		// Turns beyond the end write the last value again.
		const int p = min((i * GROUPS + (int)get_group_id(1)) * LR + row, pixels - 1);
		whole number;
		const real v = pick(y, corner(p) + c, scale < 0, &number);
		store(out, p * C + c, (v - mean) * scale + shift);
	}
}
