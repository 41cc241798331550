// The way of a gradient back through an enlargement: each value gets the sum of those of its
// repetitions.

__kernel void down_kernel(__global const int *restrict batch, __global const float *restrict grad,
	__global float *restrict out)
{
	const int n = SAMPLES, at = get_global_id(0);
	if (at >= n * (H * W * C))
		return;
	const int c = at % C, p = at / C, r = p / W * UPH, q = p % W * UPW; // r counts on over images
	float sum = 0;
	for (int i = 0; i < UPH; i++)
		for (int j = 0; j < UPW; j++)
			sum += grad[((r + i) * (W * UPW) + q + j) * C + c];
	out[at] = sum;
}
