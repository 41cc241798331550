// The windows of WH x WW pixels of a pooling, of which OH x OW lie whole in an image of H x W.

// pick returns the value of a window, which begins at a place, that is greatest after
// normalisation; where the scale is negative, that is the least. The first of equal values is
// taken, and number tells which of the window it is.
real pick(__global const float *restrict y, int at, whole negative, whole *number)
{
	real best = fetch(y, at);
	*number = 0;
	UNROLL4
	for (int i = 1; i < WH * WW; i++) {
		const real v = fetch(y, at + (i / WW * W + i % WW) * C);
		const whole better = select(v > best, v < best, negative);
		best = select(best, v, better);
		*number = select(*number, (whole)i, better);
	}
	return best;
}

// corner returns where the window number p of all OH x OW of each image begins.
int corner(int p)
{
	return ((p / (OH * OW) * H + p / OW % OH * WH) * W + p % OW * WW) * C;
}
