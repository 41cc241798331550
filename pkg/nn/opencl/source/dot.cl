// A product of matrices with few results: a group for each. The macros are those of product.cl.

__kernel __attribute__((reqd_work_group_size(THREADS, 1, 1)))
void dot_kernel(__global const int *restrict batch, __global const float *restrict a,
	__global const float *restrict b, int right, int bias, __global float *restrict out, int first)
{
	__local float room[THREADS];
	const int n = SAMPLES, t = get_local_id(0);
	const int row = get_group_id(0) / COLUMNS, column = get_group_id(0) % COLUMNS;
	const int end = row < ROWS ? INNER : 0;
	float sum = 0;
	for (int k0 = 0; k0 < end; k0 += AHEAD * THREADS) {
		float va[AHEAD], vb[AHEAD];
		UNROLL
		for (int i = 0; i < AHEAD; i++) {
			const int k = k0 + i * THREADS + t;
			va[i] = value(a, k < end ? PLACEA(row, k) : NOWHERE, 0);
			vb[i] = value(b + right, k < end ? PLACEB(k, column) : NOWHERE, 0);
		}
		UNROLL
		for (int i = 0; i < AHEAD; i++)
			sum = MAD(va[i], vb[i], sum);
	}
	sum = total(room, 0, 1, t, THREADS, sum);
	if (t == 0 && row < ROWS)
		out[first + PLACE(row, column)] = RESULT(sum, column);
}
