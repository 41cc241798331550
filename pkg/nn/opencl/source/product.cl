// A product of matrices, (ROWS,INNER) and (INNER,COLUMNS). A group computes BM x BN values of it, a
// work-item TM x TN of these, in registers. Steps of BK columns of the left and rows of the right
// matrix go through local memory. LOADA(row,k) and LOADB(k,column) read the matrices, ALONG_A and
// ALONG_B tell whether neighbours along k lie side by side there. STORE(row,column,value) takes the
// result. If there are slices, each takes SLICE of the INNER values.

#define THREADS (BM / TM * (BN / TN))
#define LINEA (BM + 4)
#define LINEB (BN + 4)

__kernel __attribute__((reqd_work_group_size(THREADS, 1, 1)))
void KERNEL(__global const int *restrict batch, __global const float *restrict a,
	__global const float *restrict b, __global float *restrict out)
{
	__local float as[BK * LINEA] __attribute__((aligned(16)));
	__local float bs[BK * LINEB] __attribute__((aligned(16)));
	const int n = SAMPLES, rows = ROWS;
	const int top = get_group_id(0) * BM, left = get_group_id(1) * BN, slice = get_group_id(2);
	const int from = slice * SLICE, to = top < rows ? min(from + SLICE, INNER) : 0;
	const int t = get_local_id(0), x = t % (BN / TN), y = t / (BN / TN);
	float sums[TM][TN];
	UNROLL
	for (int i = 0; i < TM; i++)
		UNROLL
		for (int j = 0; j < TN; j++)
			sums[i][j] = 0;
	for (int k0 = from; k0 < to; k0 += BK) {
		UNROLL
		for (int i = 0; i < BM * BK / THREADS; i++) {
			const int at = t + i * THREADS;
#if ALONG_A
			const int row = at / BK, k = at % BK;
#else
			const int row = at % BM, k = at / BM;
#endif
			float v = 0;
			if (top + row < rows && k0 + k < to)
				v = LOADA(top + row, k0 + k);
			as[k * LINEA + row] = v;
		}
		UNROLL
		for (int i = 0; i < BN * BK / THREADS; i++) {
			const int at = t + i * THREADS;
#if ALONG_B
			const int column = at / BK, k = at % BK;
#else
			const int column = at % BN, k = at / BN;
#endif
			float v = 0;
			if (left + column < COLUMNS && k0 + k < to)
				v = LOADB(k0 + k, left + column);
			bs[k * LINEB + column] = v;
		}
		barrier(CLK_LOCAL_MEM_FENCE);
		UNROLL
		for (int k = 0; k < BK; k++) {
			float4 ra[TM / 4], rb[TN / 4];
			UNROLL
			for (int i = 0; i < TM / 4; i++)
				ra[i] = *(__local float4 *)&as[k * LINEA + i * (BM / TM * 4) + y * 4];
			UNROLL
			for (int j = 0; j < TN / 4; j++)
				rb[j] = *(__local float4 *)&bs[k * LINEB + j * (BN / TN * 4) + x * 4];
			UNROLL
			for (int i = 0; i < TM / 4; i++)
				UNROLL
				for (int j = 0; j < TN / 4; j++) {
#define ADD(e, f) sums[4 * i + 0x##e][4 * j + 0x##f] = \
		MAD(ra[i].s##e, rb[j].s##f, sums[4 * i + 0x##e][4 * j + 0x##f]);
					ADD(0, 0) ADD(0, 1) ADD(0, 2) ADD(0, 3)
					ADD(1, 0) ADD(1, 1) ADD(1, 2) ADD(1, 3)
					ADD(2, 0) ADD(2, 1) ADD(2, 2) ADD(2, 3)
					ADD(3, 0) ADD(3, 1) ADD(3, 2) ADD(3, 3)
#undef ADD
				}
		}
		barrier(CLK_LOCAL_MEM_FENCE);
	}
	UNROLL
	for (int i = 0; i < TM; i++)
		UNROLL
		for (int j = 0; j < TN; j++) {
			const int row = top + i / 4 * (BM / TM * 4) + y * 4 + i % 4;
			const int column = left + j / 4 * (BN / TN * 4) + x * 4 + j % 4;
			if (row < rows && column < COLUMNS)
				STORE(row, column, sums[i][j]);
		}
}

#undef THREADS
#undef LINEA
#undef LINEB
