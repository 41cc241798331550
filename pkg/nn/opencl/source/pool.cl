// A pooling: the greatest value of each window, or the mean of those on the image.

__kernel void pool_kernel(__global const int *restrict batch, __global const float *restrict a,
	__global float *restrict out)
{
	const int n = SAMPLES, at = get_global_id(0);
	if (at >= n * (OH * OW * C))
		return;
	const int c = at % C, pixel = at / C, p = pixel % (OH * OW), image = pixel / (OH * OW);
	const int top = p / OW * SH - PH, left = p % OW * SW - PW;
	const int r0 = max(top, 0), r1 = min(top + KH, H), q0 = max(left, 0), q1 = min(left + KW, W);
	__global const float *x = a + image * XN + c * XC;
	float v = x[r0 * XR + q0 * XQ];
#if !GREATEST
	v = 0;
#endif
	for (int r = r0; r < r1; r++)
		for (int q = q0; q < q1; q++) {
			const float u = x[r * XR + q * XQ];
#if GREATEST
			v = u > v ? u : v;
#else
			v += u;
#endif
		}
#if !GREATEST
	v /= (float)((r1 - r0) * (q1 - q0));
#endif
	out[image * YN + p / OW * YR + p % OW * YQ + c * YC] = v;
}
