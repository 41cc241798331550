// A product of matrices with few results: a group for each. The macros are those of product.cl.

__kernel __attribute__((reqd_work_group_size(THREADS, 1, 1)))
void KERNEL(__global const int *restrict batch, __global const float *restrict a,
	__global const float *restrict b, __global float *restrict out)
{
	__local float room[THREADS];
	const int n = SAMPLES, t = get_local_id(0);
	const int row = get_group_id(0) / COLUMNS, column = get_group_id(0) % COLUMNS;
	const int end = row < ROWS ? INNER : 0;
	float sum = 0;
	for (int k = t; k < end; k += THREADS)
		sum = MAD(LOADA(row, k), LOADB(k, column), sum);
	sum = total(room, 0, 1, t, THREADS, sum);
	if (t == 0 && row < ROWS)
		STORE(row, column, sum);
}
