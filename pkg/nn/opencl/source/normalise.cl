// A batch normalisation by the statistics of the batch (BY_BATCH) or the moving ones, or none, and
// a pooling. w holds the weights.

__kernel __attribute__((reqd_work_group_size(LC, LR, 1)))
void KERNEL(__global const int *restrict batch, __global const float *restrict y,
	__global float *restrict w, __global const float *restrict parts,
	__global float *restrict statistics, __global float *restrict out)
{
	const int n = SAMPLES, row = get_local_id(1), c = get_global_id(0);
	float mean = 0, scale = 1, beta = 0;
#if BY_BATCH
	__local float room[LC * LR];
	const int lane = get_local_id(0);
	const int all = n * H * W, size = (all + CHUNKS - 1) / CHUNKS;
	float sum = 0;
	if (c < C)
		for (int k = row; k < CHUNKS; k += LR)
			sum += parts[2 * k * C + c] * (float)clamp(all - k * size, 0, size);
	mean = total(room, lane, LC, row, LR, sum) / all;
	sum = 0;
	if (c < C)
		for (int k = row; k < CHUNKS; k += LR) {
			const float d = parts[2 * k * C + c] - mean;
			sum += parts[(2 * k + 1) * C + c] + d * d * (float)clamp(all - k * size, 0, size);
		}
	const float variance = total(room, lane, LC, row, LR, sum) / all;
	const float inverse = 1 / sqrt(variance + EPSILON);
	if (c < C && row == 0 && get_group_id(1) == 0) {
		statistics[c] = mean;
		statistics[C + c] = inverse;
		// The moving variance follows the unbiased one, as in Keras' fused kernel.
		const float unbiased = variance * ((float)all / (float)max(all - 1, 1));
		w[MEAN + c] = w[MEAN + c] * MOMENTUM + mean * (1 - MOMENTUM);
		w[VARIANCE + c] = w[VARIANCE + c] * MOMENTUM + unbiased * (1 - MOMENTUM);
	}
#endif
	if (c >= C)
		return;
#if NORMALISES
#if !BY_BATCH
	mean = w[MEAN + c];
	const float inverse = 1 / sqrt(w[VARIANCE + c] + EPSILON);
#endif
	scale = w[GAMMA + c] * inverse;
	beta = w[BETA + c];
#endif
	for (int p = get_group_id(1) * LR + row; p < n * OH * OW; p += GROUPS * LR) {
		const int at = NAME(pick)(y, p / (OH * OW), p / OW % OH, p % OW, c, scale < 0);
		out[p * C + c] = (y[at] - mean) * scale + beta;
	}
}
