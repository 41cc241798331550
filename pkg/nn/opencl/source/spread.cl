// The matrix by which a gradient goes back through a convolution: a row for each pixel of its input
// of H x W pixels, before it is enlarged, and a column for each place (u, v) that an enlarged pixel
// has, element of the window and filter. YN, YR, YQ and YC are the distances of images, rows,
// columns and filters.

float NAME(spread)(__global const float *restrict dy, int pixel, int element)
{
	const int p = pixel % (H * W), place = element / F;
	int r = p / W * UPH + place / (UPW * KH * KW) + PH - place / KW % KH * DH;
	int q = p % W * UPW + place / (KH * KW) % UPW + PW - place % KW * DW;
	if (r < 0 || q < 0 || r % SH != 0 || q % SW != 0)
		return 0;
	r /= SH;
	q /= SW;
	if (r >= OH || q >= OW)
		return 0;
	return dy[pixel / (H * W) * YN + r * YR + q * YQ + element % F * YC];
}
