// The loss of each sample, the mean square or absolute value of what x departs from the target, and
// its gradient. If x comes from a sigmoid, the gradient is that of what it took.

__kernel __attribute__((reqd_work_group_size(THREADS, 1, 1)))
void deviation_kernel(__global const int *restrict batch, __global const float *restrict x,
	__global const float *restrict target, __global float *restrict grad,
	__global float *restrict losses)
{
	__local float room[THREADS];
	const int n = SAMPLES, t = get_local_id(0), sample = get_group_id(0);
	const int turns = sample < n ? TURNS(SIZE, THREADS, 4) : 0;
	const float unit = FACTOR / ((float)n * (float)SIZE);
	float sum = 0;
	UNROLL4
	for (int i = 0; i < turns; i++) {
		const int k = i * THREADS + t, j = sample * SIZE + min(k, SIZE - 1);
		const float v = x[j], d = v - target[j];
		if (k >= SIZE)
			continue;
#if ABSOLUTE
		sum += fabs(d);
		float g = d > 0 ? unit : d < 0 ? -unit : 0;
#else
		sum += d * d;
		float g = d * unit;
#endif
#if LEARNS
#if SIGMOID
		g *= v * (1 - v);
#endif
		grad[j] = g;
#endif
	}
	sum = total(room, 0, 1, t, THREADS, sum);
	if (t == 0 && sample < n)
		losses[sample] = sum / SIZE;
}
