// The samples of a batch, from all that are on the device.

__kernel void gather_kernel(__global const int *restrict batch, __global const float *restrict data,
	__global float *restrict out)
{
	const int n = SAMPLES, i = get_global_id(0);
	if (i < n * SIZE)
		out[i] = data[(ulong)batch[INDICES + i / SIZE] * SIZE + i % SIZE];
}
