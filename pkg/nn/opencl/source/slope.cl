// The way of a gradient back through an activation with the outputs y. A work-item takes a row of
// WIDTH values.

__kernel void slope_kernel(__global const int *restrict batch, __global const float *restrict y,
	__global float *restrict grad)
{
	const int n = SAMPLES, row = get_global_id(0);
	if (row >= n * ROWS)
		return;
	y += row * WIDTH;
	grad += row * WIDTH;
#if SOFTMAX
	float dot = 0;
	for (int j = 0; j < WIDTH; j++)
		dot += grad[j] * y[j];
	for (int j = 0; j < WIDTH; j++)
		grad[j] = y[j] * (grad[j] - dot);
#elif SIGMOID
	grad[0] *= y[0] * (1 - y[0]);
#else
	if (!(y[0] > 0))
		grad[0] = 0;
#endif
}
