// What is computed of several values of a sample: a softmax, or a normalisation by mean and
// variance. A group takes the WIDTH values of a row. BEGIN(row) and PLACE(j) tell where they lie.

__kernel __attribute__((reqd_work_group_size(THREADS, 1, 1)))
void rows_kernel(__global const int *restrict batch, __global const float *restrict w,
	__global float *out, __global const float *a)
{
	__local float room[THREADS];
	const int n = SAMPLES, t = get_local_id(0), sample = get_group_id(0) / ROWS;
	const int width = sample < n ? WIDTH : 0; // a group without a sample has nothing to do
	const int row = get_group_id(0) % ROWS;
	const int begin = sample * SIZE + BEGIN(row);
	a += begin;
	out += begin;
	float sum = 0;
#if NORMALISES
	for (int j = t; j < width; j += THREADS)
		sum += a[PLACE(j)];
	float mean = total(room, 0, 1, t, THREADS, sum) / WIDTH;
	sum = 0;
	for (int j = t; j < width; j += THREADS) {
		const float d = a[PLACE(j)] - mean;
		sum += d * d;
	}
	const float variance = total(room, 0, 1, t, THREADS, sum) / WIDTH;
	const float inverse = 1 / sqrt(variance + EPSILON);
#if SCALING
	mean = 0;
#endif
	for (int j = t; j < width; j += THREADS)
		out[PLACE(j)] = (a[PLACE(j)] - mean) * inverse * (GAMMA) + (BETA);
#else
	float most = a[PLACE(0)];
	for (int j = t; j < width; j += THREADS)
		most = a[PLACE(j)] > most ? a[PLACE(j)] : most;
	most = greatest(room, t, THREADS, most);
	for (int j = t; j < width; j += THREADS)
		sum += exp(a[PLACE(j)] - most);
	sum = total(room, 0, 1, t, THREADS, sum);
#if LOGARITHM
	sum = log(sum);
#endif
	for (int j = t; j < width; j += THREADS) {
		const float d = a[PLACE(j)] - most;
#if LOGARITHM
		out[PLACE(j)] = d - sum;
#else
		out[PLACE(j)] = exp(d) / sum;
#endif
	}
#endif
}
