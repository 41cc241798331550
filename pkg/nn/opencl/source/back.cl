// The way of a gradient back through pooling, batch normalisation and ReLU, as far as they are
// there. Through a normalisation by the batch it becomes
//
//	gamma*inverse * (grad - mean(grad) - (y-mean)*inverse² * mean(grad*(y-mean)))

__kernel __attribute__((reqd_work_group_size(LC, LR, 1)))
void back_kernel(__global const int *restrict batch, __global const float *restrict y,
	__global const float *restrict grad, __global const float *restrict w, int gamma,
	int moving_variance, __global const float *restrict parts,
	__global const float *restrict statistics, __global float *restrict dy,
	__global float *restrict gradients, int to_gamma, int to_beta)
{
	const int n = SAMPLES, row = get_local_id(1), c = get_global_id(0) * CHANNELS;
	real mean = 0, of_grad = 1, of_x = 0, rest = 0;
#if BY_BATCH
	__local real room[LC * LR];
	const int lane = get_local_id(0), turns = c < C ? TURNS(CHUNKS, LR, 8) : 0;
	real sum = 0, dot = 0;
	UNROLL8
	for (int i = 0; i < turns; i++) {
		const int k = i * LR + row, at = 2 * min(k, CHUNKS - 1) * C + c;
		const real s = fetch(parts, at), d = fetch(parts, at + C);
		sum += k < CHUNKS ? s : (real)0;
		dot += k < CHUNKS ? d : (real)0;
	}
	sum = total(room, lane, LC, row, LR, sum);
	dot = total(room, lane, LC, row, LR, dot);
#endif
	if (c >= C)
		return;
#if BY_BATCH
	mean = fetch(statistics, c);
	const real inverse = fetch(statistics, C + c);
	const float count = (float)(n * H * W);
	of_grad = fetch(w, gamma + c) * inverse;
	of_x = -of_grad * inverse * inverse * dot / count;
	rest = -of_grad * sum / count;
	if (row == 0 && get_group_id(1) == 0) {
		store(gradients, to_gamma + c, dot * inverse);
		store(gradients, to_beta + c, sum);
	}
#elif NORMALISES
	of_grad = fetch(w, gamma + c) * (1 / sqrt(fetch(w, moving_variance + c) + EPSILON));
#endif
	// Those pixels that are in no whole window have no gradient but that through the statistics.
	const int rows = (H + WH - 1) / WH, columns = (W + WW - 1) / WW;
	const int windows = n * rows * columns;
	UNROLL2
	for (int i = 0; i < TURNS(windows, GROUPS * LR, 2); i++) {
		// Turns beyond the end write the last values again.
		const int p = min((i * GROUPS + (int)get_group_id(1)) * LR + row, windows - 1);
		const int image = p / (rows * columns), r = p / columns % rows, q = p % columns;
		const int first = ((image * H + r * WH) * W + q * WW) * C + c;
#if H % WH || W % WW
		const bool within = r < OH && q < OW;
#else
		const bool within = true;
#endif
		whole number = -1;
		real g = 0;
		if (within) {
			g = fetch(grad, ((image * OH + r) * OW + q) * C + c) * of_grad;
			pick(y, first, of_grad < 0, &number);
		}
		UNROLL4
		for (int j = 0; j < WH * WW; j++) {
			const int place = first + (j / WW * W + j % WW) * C;
#if H % WH || W % WW
			if (r * WH + j / WW >= H || q * WW + j % WW >= W)
				continue;
#endif
			const real v = fetch(y, place);
			real d = select((real)0, g, number == (whole)j) + ((v - mean) * of_x + rest);
#if RELU
			d = select((real)0, d, v > 0);
#endif
			store(dy, place, d);
		}
	}
}
