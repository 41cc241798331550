// The way of a gradient back through pooling, batch normalisation and ReLU, as far as they are
// there. Through a normalisation by the batch it becomes
//
//	gamma*inverse * (grad - mean(grad) - (y-mean)*inverse² * mean(grad*(y-mean)))

__kernel __attribute__((reqd_work_group_size(LC, LR, 1)))
void KERNEL(__global const int *restrict batch, __global const float *restrict y,
	__global const float *restrict grad, __global const float *restrict w,
	__global const float *restrict parts, __global const float *restrict statistics,
	__global float *restrict dy, __global float *restrict gradients)
{
	const int n = SAMPLES, row = get_local_id(1), c = get_global_id(0);
	float mean = 0, of_grad = 1, of_x = 0, rest = 0;
#if BY_BATCH
	__local float room[LC * LR];
	const int lane = get_local_id(0);
	float sum = 0, dot = 0;
	if (c < C)
		for (int k = row; k < CHUNKS; k += LR) {
			sum += parts[2 * k * C + c];
			dot += parts[(2 * k + 1) * C + c];
		}
	sum = total(room, lane, LC, row, LR, sum);
	dot = total(room, lane, LC, row, LR, dot);
#endif
	if (c >= C)
		return;
#if BY_BATCH
	mean = statistics[c];
	const float inverse = statistics[C + c], count = (float)(n * H * W);
	of_grad = w[GAMMA + c] * inverse;
	of_x = -of_grad * inverse * inverse * dot / count;
	rest = -of_grad * sum / count;
	if (row == 0 && get_group_id(1) == 0) {
		gradients[TO_GAMMA + c] = dot * inverse;
		gradients[TO_BETA + c] = sum;
	}
#elif NORMALISES
	of_grad = w[GAMMA + c] * (1 / sqrt(w[VARIANCE + c] + EPSILON));
#endif
	// Those pixels that are in no whole window have no gradient but that through the statistics.
	const int rows = (H + WH - 1) / WH, columns = (W + WW - 1) / WW;
	for (int p = get_group_id(1) * LR + row; p < n * rows * columns; p += GROUPS * LR) {
		const int image = p / (rows * columns), r = p / columns % rows, q = p % columns;
		float g = 0;
		int best = -1;
		if (r < OH && q < OW) {
			g = grad[((image * OH + r) * OW + q) * C + c] * of_grad;
			best = NAME(pick)(y, image, r, q, c, of_grad < 0);
		}
		for (int i = r * WH; i < min(r * WH + WH, H); i++)
			for (int j = q * WW; j < min(q * WW + WW, W); j++) {
				const int at = ((image * H + i) * W + j) * C + c;
				const float v = y[at];
				float d = (at == best ? g : 0) + ((v - mean) * of_x + rest);
#if RELU
				if (!(v > 0))
					d = 0;
#endif
				dy[at] = d;
			}
	}
}
