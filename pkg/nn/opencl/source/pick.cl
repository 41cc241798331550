// The windows of WH x WW pixels of a pooling, of which OH x OW lie whole in an image of H x W.

// pick returns the place of the value that is greatest after normalisation; if the scale is
// negative, that is the least. The first of equal values is taken.
int NAME(pick)(__global const float *restrict y, int image, int r, int q, int c, bool least)
{
	int best = ((image * H + r * WH) * W + q * WW) * C + c;
	float value = y[best];
	for (int i = 0; i < WH; i++)
		for (int j = 0; j < WW; j++) {
			const int at = ((image * H + r * WH + i) * W + q * WW + j) * C + c;
			const float v = y[at];
			if (least ? v < value : v > value) {
				best = at;
				value = v;
			}
		}
	return best;
}
