// Mean, and sum of squared distances from it, of each channel in CHUNKS parts of a batch's P pixels
// an image. A group has LC channels and LR pixels at a time.

__kernel __attribute__((reqd_work_group_size(LC, LR, 1)))
void KERNEL(__global const int *restrict batch, __global const float *restrict y,
	__global float *restrict parts)
{
	__local float room[LC * LR];
	const int n = SAMPLES, lane = get_local_id(0), row = get_local_id(1);
	const int c = get_global_id(0), chunk = get_group_id(1);
	const int size = (n * P + CHUNKS - 1) / CHUNKS;
	const int from = chunk * size, to = min(from + size, n * P), count = max(to - from, 0);
	float sum = 0;
	if (c < C)
		for (int p = from + row; p < to; p += LR)
			sum += y[p * C + c];
	const float mean = total(room, lane, LC, row, LR, sum) / max(count, 1);
	sum = 0;
	if (c < C)
		for (int p = from + row; p < to; p += LR) {
			const float d = y[p * C + c] - mean;
			sum += d * d;
		}
	sum = total(room, lane, LC, row, LR, sum);
	if (c < C && row == 0) {
		parts[2 * chunk * C + c] = mean;
		parts[(2 * chunk + 1) * C + c] = sum;
	}
}
