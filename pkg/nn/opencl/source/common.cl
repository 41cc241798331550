// What all kernels have in common. It is compiled together with each kernel, after the definitions
// of the kernel's sizes.
//
// Arithmetic is float32. A product is rounded before it is added, but for MAD, the sums of products
// in convolutions and dense layers: they are fused if the device has such an instruction.

// No work-item returns before a barrier, not even with its whole group: PoCL 3.1 then lets others
// write where they must not.

#pragma OPENCL FP_CONTRACT OFF

#ifdef FP_FAST_FMAF
#define MAD(a, b, c) fma(a, b, c)
#else
#define MAD(a, b, c) ((a) * (b) + (c))
#endif

// Loops of loads are unrolled, so that several are on their way at once.
#ifdef __NV_CL_C_VERSION
#define UNROLL _Pragma("unroll")
#define UNROLL2 _Pragma("unroll 2")
#define UNROLL4 _Pragma("unroll 4")
#define UNROLL8 _Pragma("unroll 8")
#else
#define UNROLL
#define UNROLL2
#define UNROLL4
#define UNROLL8
#endif

// TURNS is the number of iterations of a loop over n values, of which each iteration takes some. It
// is a multiple of unrolled, so that none is left over when the loop is unrolled. Iterations beyond
// the end read the last value again and do not use it. A branch around the load would be shorter,
// but no load behind it could begin before it is decided.
#define TURNS(n, each, unrolled) \
	(((n) + (each) * (unrolled) - 1) / ((each) * (unrolled)) * (unrolled))

// Functions that get an array of registers are part of their caller.
#define INLINE __attribute__((always_inline))

// The numbers at the beginning of a batch: its samples, the count of runs, two words. Then come the
// indices of the samples, and their classes.
#define SAMPLES batch[0]
#define RUNS ((ulong)(uint)batch[1] | (ulong)(uint)batch[2] << 32)
#define INDICES 4

// The place of a value that is not in memory.
#define NOWHERE (-1)

// value returns what lies at a place, and values returns four values from there on; otherwise is
// what they return for NOWHERE. No branch is needed for that, so that many can be on their way at
// once.
float value(__global const float *restrict x, int place, float otherwise)
{
	const float v = x[max(place, 0)];
	return place >= 0 ? v : otherwise;
}

float4 values(__global const float *restrict x, int place, float otherwise)
{
	const float4 v = *(__global const float4 *)(x + max(place, 0));
	return place >= 0 ? v : (float4)(otherwise);
}

// UNPACK writes the four values of f to v from a place on, and PACK returns them.
#define UNPACK(v, at, f) do { \
	const float4 four = f; \
	(v)[at] = four.x; \
	(v)[(at) + 1] = four.y; \
	(v)[(at) + 2] = four.z; \
	(v)[(at) + 3] = four.w; \
} while (0)
#define PACK(v, at) (float4)((v)[at], (v)[(at) + 1], (v)[(at) + 2], (v)[(at) + 3])

// A real is a value of one channel, or of four that lie side by side, and whole a number for each.
// fetch and store move them, at a multiple of four.
#if CHANNELS == 4
typedef float4 real;
typedef int4 whole;
#else
typedef float real;
typedef int whole;
#endif

real fetch(__global const float *restrict x, int at) { return *(__global const real *)(x + at); }
void store(__global float *restrict x, int at, real v) { *(__global real *)(x + at) = v; }

// total returns the sum of v over the rows of a group, of which there is a power of 2, for each of
// its lanes. It adds the halves, so that the order does not depend on the device.
real total(__local real *room, int lane, int lanes, int row, int rows, real v)
{
	room[row * lanes + lane] = v;
	barrier(CLK_LOCAL_MEM_FENCE);
	for (int other = rows / 2; other > 0; other /= 2) {
		if (row < other)
			room[row * lanes + lane] += room[(row + other) * lanes + lane];
		barrier(CLK_LOCAL_MEM_FENCE);
	}
	v = room[lane];
	barrier(CLK_LOCAL_MEM_FENCE);
	return v;
}

// greatest returns the greatest v of the rows of a group with one lane.
float greatest(__local float *room, int row, int rows, float v)
{
	room[row] = v;
	barrier(CLK_LOCAL_MEM_FENCE);
	for (int other = rows / 2; other > 0; other /= 2) {
		if (row < other && room[row + other] > room[row])
			room[row] = room[row + other];
		barrier(CLK_LOCAL_MEM_FENCE);
	}
	v = room[0];
	barrier(CLK_LOCAL_MEM_FENCE);
	return v;
}

// scramble turns a counter into random bits: SplitMix64 (Steele, Lea and Flood 2014).
ulong scramble(ulong x)
{
	x += 0x9e3779b97f4a7c15UL;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9UL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebUL;
	return x ^ x >> 31;
}

float greater(float a, float b) { return b > a ? b : a; }
float less(float a, float b) { return b < a ? b : a; }

// The activations. NaN stays NaN.

float linear(float x) { return x; }
float relu(float x) { return x < 0 ? 0 : x; }
float bounded(float x, float low, float high) { return x < low ? low : x > high ? high : x; }
float leaky(float x, float slope) { return x < 0 ? x * slope : x; }
float sigmoid(float x) { return 1 / (1 + exp(-x)); }
float elu(float x, float alpha, float scale) { return x < 0 ? expm1(x) * alpha : x * scale; }
float gelu(float x) { return 0.5f * x * erfc(-0.70710678f * x); }
float softplus(float x) { return (x > 0 ? x : 0) + log1p(exp(-fabs(x))); }
float softsign(float x) { return x / (1 + fabs(x)); }
float swish(float x) { return x / (1 + exp(-x)); }
float mish(float x) { return x * tanh(softplus(x)); }
float hard_swish(float x) { return x * (bounded(x + 3, 0, 6) / 6); }

// general is the ReLU with its three parameters.
float general(float x, float slope, float threshold, float high)
{
	if (x < threshold)
		x = (x - threshold) * slope;
	return x > high ? high : x;
}
