// A step of the optimizer. The table has six numbers for each group: which weights it changes, from
// where to where; where the slices of their gradients begin, how many there are, and how far apart;
// and how many work-items add up the slices of a weight, a power of 2.

__kernel __attribute__((reqd_work_group_size(THREADS, 1, 1)))
void step_kernel(__global const int *restrict table, __global float *restrict w,
	__global const float *restrict gradients, __global float *restrict first,
	__global float *restrict second, float rate)
{
	__local float room[THREADS];
	table += 6 * get_group_id(0);
	const int rows = table[5], lanes = THREADS / rows;
	const int t = get_local_id(0), lane = t % lanes, row = t / lanes, at = table[0] + lane;
	const int slices = table[3], turns = at < table[1] ? TURNS(slices, rows, 4) : 0;
	float g = 0;
	UNROLL4
	for (int i = 0; i < turns; i++) {
		const int s = i * rows + row;
		const float v = gradients[table[2] + min(s, slices - 1) * table[4] + lane];
		g += s < slices ? v : 0;
	}
	g = total(room, lane, lanes, row, rows, g);
	if (row > 0 || at >= table[1])
		return;
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
