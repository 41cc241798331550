// A step that computes each value by itself: VALUE, of SIZE values of a sample, from inputs and
// weights w. i is the place of the value among all, s its sample, j its place in the sample.

__kernel void each_kernel(__global const int *restrict batch, __global const float *restrict w,
	__global float *out INPUTS)
{
	const int n = SAMPLES, i = get_global_id(0);
	if (i >= n * SIZE)
		return;
	const int s = i / SIZE, j = i % SIZE;
	out[i] = VALUE;
}
