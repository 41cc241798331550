// A convolution with few filters or in groups: a work-item for each value of the output. The sizes
// are those of windows.cl, with C channels in each of GROUPS groups.

__kernel void KERNEL(__global const int *restrict batch, __global const float *restrict a,
	__global const float *restrict b, __global float *restrict out)
{
	const int n = SAMPLES, at = get_global_id(0);
	if (at >= n * (OH * OW * F))
		return;
	const int f = at % F, pixel = at / F, p = pixel % (OH * OW);
	__global const float *x = a + pixel / (OH * OW) * XN + f / (F / GROUPS) * C * XC;
	float sum = 0;
	for (int i = 0; i < KH; i++) {
		const int r = p / OW * SH - PH + i * DH;
		if (r < 0 || r >= H * UPH)
			continue;
		for (int j = 0; j < KW; j++) {
			const int q = p % OW * SW - PW + j * DW;
			if (q < 0 || q >= W * UPW)
				continue;
			for (int c = 0; c < C; c++)
				sum = MAD(x[r / UPH * XR + q / UPW * XQ + c * XC],
					b[AT + ((i * KW + j) * C + c) * F + f], sum);
		}
	}
	STORE(pixel, f, sum);
}
