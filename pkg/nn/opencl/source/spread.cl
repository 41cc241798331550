// The matrix by which a gradient goes back through a convolution: a row for each pixel of its input
// of H x W pixels, before it is enlarged, and a column for each place (u, v) that an enlarged pixel
// has, element of the window and filter. YN, YR, YQ and YC are the distances of images, rows,
// columns and filters.

int spread(int pixel, int element)
{
	const int p = pixel % (H * W), place = element / F;
	const int r = p / W * UPH + place / (UPW * KH * KW) + PH - place / KW % KH * DH;
	const int q = p % W * UPW + place / (KH * KW) % UPW + PW - place % KW * DW;
	const bool inside = r >= 0 && q >= 0 && r % SH == 0 && q % SW == 0 &&
		r / SH < OH && q / SW < OW;
	return inside ? pixel / (H * W) * YN + r / SH * YR + q / SW * YQ + element % F * YC : NOWHERE;
}
