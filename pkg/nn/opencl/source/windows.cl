// The matrix of a convolution with a row for each pixel of the output and a column for each element
// (row, column, channel) of the window on the input. An image of H x W pixels may be enlarged by
// UPH and UPW before the convolution. XN, XR, XQ and XC are the distances of images, rows, columns
// and channels.

int window(int pixel, int element)
{
	const int p = pixel % (OH * OW);
	const int r = p / OW * SH - PH + element / (KW * C) * DH;
	const int q = p % OW * SW - PW + element / C % KW * DW;
	const bool inside = r >= 0 && q >= 0 && r < H * UPH && q < W * UPW;
	return inside
		? pixel / (OH * OW) * XN + r / UPH * XR + q / UPW * XQ + element % C * XC : NOWHERE;
}
