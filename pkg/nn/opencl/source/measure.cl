// Mean, and sum of squared distances from it, of each channel in CHUNKS parts of a batch's P pixels
// an image. A group has LC lanes with CHANNELS channels each, and LR pixels at a time.

__kernel __attribute__((reqd_work_group_size(LC, LR, 1)))
void measure_kernel(__global const int *restrict batch, __global const float *restrict y,
	__global float *restrict parts)
{
	__local real room[LC * LR];
	const int n = SAMPLES, lane = get_local_id(0), row = get_local_id(1);
	const int c = get_global_id(0) * CHANNELS, chunk = get_group_id(1);
	const int size = (n * P + CHUNKS - 1) / CHUNKS;
	const int from = chunk * size, to = min(from + size, n * P);
	const int turns = c < C ? TURNS(to - from, LR, 8) : 0;
	real sum = 0;
	UNROLL8
	for (int i = 0; i < turns; i++) {
		const int p = from + i * LR + row;
		const real v = fetch(y, min(p, to - 1) * C + c);
		sum += p < to ? v : (real)0;
	}
	const real mean = total(room, lane, LC, row, LR, sum) / (float)max(to - from, 1);
	sum = 0;
	UNROLL8
	for (int i = 0; i < turns; i++) {
		const int p = from + i * LR + row;
		const real d = fetch(y, min(p, to - 1) * C + c) - mean;
		sum += p < to ? d * d : (real)0;
	}
	sum = total(room, lane, LC, row, LR, sum);
	if (c < C && row == 0) {
		store(parts, 2 * chunk * C + c, mean);
		store(parts, (2 * chunk + 1) * C + c, sum);
	}
}
