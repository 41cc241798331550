// A dropout of values, or of their gradients. A 32-bit number is drawn for each value; the value is
// dropped if the number is below THRESHOLD. The numbers are those of the CPU's engine.

__kernel void dropout_kernel(__global const int *restrict batch, __global float *a, ulong key)
{
	const int n = SAMPLES, i = get_global_id(0);
	if (i >= n * SIZE)
		return;
	const int s = i / SIZE, j = i % SIZE;
	const ulong bits = scramble(scramble(scramble(key) + RUNS) + s);
	const ulong drawn = scramble(bits + (j & ~1)) >> (j % 2 * 32) & 0xffffffffUL;
	a[i] = drawn < THRESHOLD ? 0 : a[i] * SCALE;
}
