// A product of matrices, (ROWS,INNER) and (INNER,COLUMNS). A group computes BM x BN values of it, a
// work-item TM x TN of these, in registers. BK columns of the left and rows of the right matrix at
// a time go through local memory: while they are multiplied, the next ones are on their way.
//
// PLACEA(row,k), PLACEB(k,column) and PLACE(row,column) tell where values lie, of the right matrix
// from the place right on and of the result from first on. WIDEA, WIDEB and WIDE of them, 4 or 1,
// are moved at once. ALONG_A and ALONG_B tell whether neighbours along k lie side by side, or those
// along the other axis. ELSEA(row) is what the left matrix has where it is not in memory.
// RESULT(value,column) is what becomes of a sum. If there are slices, each takes SLICE of the INNER
// values.

#define THREADS (BM / TM * (BN / TN))
#define LINEA (BM + 4)
#define LINEB (BN + 4)

// LANES work-items move values that lie side by side. Each of them moves MOVES times and goes STEP
// across each time. LANES divides the work-items: see fits of tile.
#define LANESA ((ALONG_A ? BK : BM) / WIDEA)
#define LANESB ((ALONG_B ? BK : BN) / WIDEB)
#define STEPA (THREADS / LANESA)
#define STEPB (THREADS / LANESB)
#define ACROSSA (ALONG_A ? BM : BK)
#define ACROSSB (ALONG_B ? BN : BK)
#define MOVESA ((ACROSSA + STEPA - 1) / STEPA)
#define MOVESB ((ACROSSB + STEPB - 1) / STEPB)

// takea reads the values of the left matrix, from k0 on, that the work-item t moves.
INLINE void takea(__global const float *restrict a, int t, int n, int rows, int top, int k0, int to,
	float *v)
{
	const int lane = t % LANESA * WIDEA;
	UNROLL
	for (int i = 0; i < MOVESA; i++) {
		const int across = t / LANESA + i * STEPA;
		const int row = top + (ALONG_A ? across : lane), k = k0 + (ALONG_A ? lane : across);
		const bool inside = row < rows & k < to;
		const int at = PLACEA(min(row, rows - 1), k), place = inside ? at : NOWHERE;
#if WIDEA == 4
		UNPACK(v, 4 * i, values(a, place, ELSEA(row)));
#else
		v[i] = value(a, place, ELSEA(row));
#endif
	}
}

// puta writes them to local memory, where neighbours along the rows lie side by side.
INLINE void puta(__local float *as, int t, const float *v)
{
	const int lane = t % LANESA * WIDEA;
#if ALONG_A
	__local float *at = as + lane * LINEA + t / LANESA;
#else
	__local float *at = as + t / LANESA * LINEA + lane;
#endif
	UNROLL
	for (int i = 0; i < MOVESA; i++) {
		if (ACROSSA % STEPA != 0 && t / LANESA + i * STEPA >= ACROSSA)
			continue;
#if ALONG_A
		UNROLL
		for (int j = 0; j < WIDEA; j++)
			at[j * LINEA + i * STEPA] = v[i * WIDEA + j];
#elif WIDEA == 4
		*(__local float4 *)&at[i * STEPA * LINEA] = PACK(v, 4 * i);
#else
		at[i * STEPA * LINEA] = v[i];
#endif
	}
}

// takeb and putb do the same for the right matrix.
INLINE void takeb(__global const float *restrict b, int t, int left, int k0, int to, float *v)
{
	const int lane = t % LANESB * WIDEB;
	UNROLL
	for (int i = 0; i < MOVESB; i++) {
		const int across = t / LANESB + i * STEPB;
		const int column = left + (ALONG_B ? across : lane), k = k0 + (ALONG_B ? lane : across);
		const bool inside = column < COLUMNS & k < to;
		const int at = PLACEB(k, column), place = inside ? at : NOWHERE;
#if WIDEB == 4
		UNPACK(v, 4 * i, values(b, place, 0));
#else
		v[i] = value(b, place, 0);
#endif
	}
}

INLINE void putb(__local float *bs, int t, const float *v)
{
	const int lane = t % LANESB * WIDEB;
#if ALONG_B
	__local float *at = bs + lane * LINEB + t / LANESB;
#else
	__local float *at = bs + t / LANESB * LINEB + lane;
#endif
	UNROLL
	for (int i = 0; i < MOVESB; i++) {
		if (ACROSSB % STEPB != 0 && t / LANESB + i * STEPB >= ACROSSB)
			continue;
#if ALONG_B
		UNROLL
		for (int j = 0; j < WIDEB; j++)
			at[j * LINEB + i * STEPB] = v[i * WIDEB + j];
#elif WIDEB == 4
		*(__local float4 *)&at[i * STEPB * LINEB] = PACK(v, 4 * i);
#else
		at[i * STEPB * LINEB] = v[i];
#endif
	}
}

__kernel __attribute__((reqd_work_group_size(THREADS, 1, 1)))
void product_kernel(__global const int *restrict batch, __global const float *restrict a,
	__global const float *restrict b, int right, int bias, __global float *restrict out, int first)
{
	__local float as[2 * BK * LINEA] __attribute__((aligned(16)));
	__local float bs[2 * BK * LINEB] __attribute__((aligned(16)));
	const int n = SAMPLES, rows = ROWS;
	const int top = get_group_id(0) * BM, left = get_group_id(1) * BN, slice = get_group_id(2);
	const int from = slice * SLICE, to = top < rows ? min(from + SLICE, INNER) : 0;
	const int t = get_local_id(0), x = t % (BN / TN), y = t / (BN / TN);
	float va[MOVESA * WIDEA], vb[MOVESB * WIDEB], sums[TM][TN];
	UNROLL
	for (int i = 0; i < TM; i++)
		UNROLL
		for (int j = 0; j < TN; j++)
			sums[i][j] = 0;
	takea(a, t, n, rows, top, from, to, va);
	takeb(b + right, t, left, from, to, vb);
	// There are two places in local memory, so that a fast work-item does not write where a slow one
	// still reads.
	for (int k0 = from, side = 0; k0 < to; k0 += BK, side = 1 - side) {
		__local float *ka = as + side * (BK * LINEA), *kb = bs + side * (BK * LINEB);
		puta(ka, t, va);
		putb(kb, t, vb);
		ka += y * 4;
		kb += x * 4;
		barrier(CLK_LOCAL_MEM_FENCE);
		takea(a, t, n, rows, top, k0 + BK, to, va);
		takeb(b + right, t, left, k0 + BK, to, vb);
		UNROLL
		for (int k = 0; k < BK; k++) {
			float4 ra[TM / 4], rb[TN / 4];
			UNROLL
			for (int i = 0; i < TM / 4; i++)
				ra[i] = *(__local float4 *)&ka[k * LINEA + i * (BM / TM * 4)];
			UNROLL
			for (int j = 0; j < TN / 4; j++)
				rb[j] = *(__local float4 *)&kb[k * LINEB + j * (BN / TN * 4)];
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
	}
	UNROLL
	for (int i = 0; i < TM; i++) {
		const int row = top + i / 4 * (BM / TM * 4) + y * 4 + i % 4;
		UNROLL
		for (int j = 0; j < TN; j += WIDE) {
			const int column = left + j / 4 * (BN / TN * 4) + x * 4 + j % 4;
			if (row >= rows || column >= COLUMNS)
				continue;
			UNROLL
			for (int k = 0; k < WIDE; k++)
				sums[i][j + k] = RESULT(sums[i][j + k], column + k);
#if WIDE == 4
			*(__global float4 *)&out[first + PLACE(row, column)] = PACK(sums[i], j);
#else
			out[first + PLACE(row, column)] = sums[i][j];
#endif
		}
	}
}
