// A step of the optimizer. A group changes up to THREADS weights; the table says where they and the
// slices of their gradients lie, which are added in order.

__kernel __attribute__((reqd_work_group_size(THREADS, 1, 1)))
void KERNEL(__global const int *restrict table, __global float *restrict w,
	__global const float *restrict gradients, __global float *restrict first,
	__global float *restrict second, float rate)
{
	table += 5 * get_group_id(0);
	const int t = get_local_id(0), at = table[0] + t;
	if (at >= table[1])
		return;
	gradients += table[2] + t;
	float g = 0;
	for (int s = 0; s < table[3]; s++)
		g += gradients[s * table[4]];
#if ADAM
	const float m = first[at] + (g - first[at]) * TAKE1;
	const float v = second[at] + (g * g - second[at]) * TAKE2;
	first[at] = m;
	second[at] = v;
	w[at] -= m * rate / (sqrt(v) + EPSILON);
#else
	const float v = second[at] * RHO + g * g * TAKE;
	second[at] = v;
	w[at] -= g * rate / sqrt(v + EPSILON);
#endif
}
