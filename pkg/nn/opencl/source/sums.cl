// The sums of a gradient, and of its products with the distances from the mean, of each channel, in
// CHUNKS parts of a batch. If the images are pooled, the gradient belongs to the picked values.

__kernel __attribute__((reqd_work_group_size(LC, LR, 1)))
void sums_kernel(__global const int *restrict batch, __global const float *restrict y,
	__global const float *restrict grad, __global const float *restrict w, int gamma,
	__global const float *restrict statistics, __global float *restrict parts)
{
	__local real room[LC * LR];
	const int n = SAMPLES, lane = get_local_id(0), row = get_local_id(1);
	const int c = get_global_id(0) * CHANNELS, chunk = get_group_id(1);
	const int size = (n * OH * OW + CHUNKS - 1) / CHUNKS;
	const int from = chunk * size, to = min(from + size, n * OH * OW);
	real sum = 0, dot = 0;
	if (c < C) {
		const real mean = fetch(statistics, c);
		const whole negative = fetch(w, gamma + c) < 0;
		UNROLL4
		for (int i = 0; i < TURNS(to - from, LR, 4); i++) {
			const int p = from + i * LR + row, at = min(p, to - 1);
			whole number;
			const real v = pick(y, corner(at) + c, negative, &number);
			const real g = fetch(grad, at * C + c);
			sum += p < to ? g : (real)0;
			dot += p < to ? g * (v - mean) : (real)0;
		}
	}
	sum = total(room, lane, LC, row, LR, sum);
	dot = total(room, lane, LC, row, LR, dot);
	if (c < C && row == 0) {
		store(parts, 2 * chunk * C + c, sum);
		store(parts, (2 * chunk + 1) * C + c, dot);
	}
}
