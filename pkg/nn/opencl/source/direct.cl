// A convolution with few filters or in groups. PARTS work-items share a value of the output: they
// take the channels in turn, WIDE at a time. The sizes are those of windows.cl, with C channels in
// each of GROUPS groups.

__kernel __attribute__((reqd_work_group_size(THREADS, 1, 1)))
void direct_kernel(__global const int *restrict batch, __global const float *restrict a,
	__global const float *restrict b, int right, int bias, __global float *restrict out)
{
	__local float room[THREADS];
	const int n = SAMPLES, t = get_local_id(0), part = t % PARTS;
	const int at = get_global_id(0) / PARTS, f = at % F, pixel = at / F, p = pixel % (OH * OW);
	const int first = pixel / (OH * OW) * XN + f / (F / GROUPS) * C * XC;
	const bool needed = at < n * (OH * OW * F);
	float sum = 0;
	for (int i = 0; i < KH; i++) {
		const int r = p / OW * SH - PH + i * DH;
		for (int j = 0; j < KW; j++) {
			const int q = p % OW * SW - PW + j * DW;
			const bool inside = needed && r >= 0 && r < H * UPH && q >= 0 && q < W * UPW;
			const int x = inside ? first + r / UPH * XR + q / UPW * XQ : NOWHERE;
			UNROLL4
			for (int c = part * WIDE; c < C; c += PARTS * WIDE) {
				const int filter = right + ((i * KW + j) * C + c) * F + f;
#if WIDE == 4
				const float4 v = values(a, x < 0 ? NOWHERE : x + c, 0);
				sum = MAD(v.x, b[filter], sum);
				sum = MAD(v.y, b[filter + F], sum);
				sum = MAD(v.z, b[filter + 2 * F], sum);
				sum = MAD(v.w, b[filter + 3 * F], sum);
#else
				sum = MAD(value(a, x < 0 ? NOWHERE : x + c * XC, 0), b[filter], sum);
#endif
			}
		}
	}
	sum = total(room, t / PARTS, THREADS / PARTS, part, PARTS, sum);
	if (needed && part == 0)
		out[PLACE(pixel, f)] = RESULT(sum, f);
}
