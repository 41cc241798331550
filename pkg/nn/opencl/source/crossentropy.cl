// The loss of each sample, -log(softmax(x)) at its class, and its gradient.

__kernel __attribute__((reqd_work_group_size(THREADS, 1, 1)))
void crossentropy_kernel(__global const int *restrict batch, __global const float *restrict x,
	__global float *restrict grad, __global float *restrict losses)
{
	__local float room[THREADS];
	const int n = SAMPLES, t = get_local_id(0), sample = get_group_id(0);
	const int width = sample < n ? SIZE : 0; // a group without a sample has nothing to do
	const int class = batch[INDICES + BATCH + sample];
	x += sample * SIZE;
	float most = x[0];
	for (int j = t; j < width; j += THREADS)
		most = x[j] > most ? x[j] : most;
	most = greatest(room, t, THREADS, most);
	float sum = 0;
	for (int j = t; j < width; j += THREADS)
		sum += exp(x[j] - most);
	sum = total(room, 0, 1, t, THREADS, sum);
	if (t == 0 && sample < n)
		losses[sample] = log(sum) - (x[class] - most);
#if LEARNS
	for (int j = t; j < width; j += THREADS)
		grad[sample * SIZE + j] = (exp(x[j] - most) / sum - (j == class ? 1 : 0)) / (float)n;
#endif
}
