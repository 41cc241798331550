package nn

import "math"

// A winograd computes a convolution with filters of 3x3 by Winograd's minimal filtering F(2x2,3x3) (Lavin and Gray 2016): the
// image is cut into tiles of 4x4 pixels that overlap by two; with transforms of tiles and filters, 16 products give 2x2 pixels of
// the output, which take 36 otherwise:
//
//	y = Aᵀ [(G g Gᵀ) * (Bᵀ d B)] A
type winograd struct {
	h, w           int // the output
	c, f           int // channels in and out
	tilesH, tilesW int
	products       [together + 1]*readyMatmul // by images: for one element of the transforms, (tiles,C) times (C,F)
}

// together is the number of images that are transformed before the products, so that the filters are read less often.
const together = 2

const planeRoom = 16

// winogradChannels is the least number of channels, in and out, for which the transforms cost less than the products they save.
const winogradChannels = 32

func newWinograd(h, w, c, f int) *winograd {
	n := &winograd{h: h, w: w, c: c, f: f, tilesH: ceilDiv(h, 2), tilesW: ceilDiv(w, 2)}
	for images := 1; images <= together; images++ {
		n.products[images] = matmul{M: images * n.tilesH * n.tilesW, N: f, Inner: c, AM: c, AInner: 1, BInner: f, CM: f}.ready()
	}
	return n
}

// lines and line are what the frame of the input must have: room for the tiles.
func (n *winograd) lines() int { return 2*n.tilesH + 2 }
func (n *winograd) line() int  { return 2*n.tilesW + 2 }

// scratch is the number of values that run needs.
func (n *winograd) scratch() int {
	tiles := n.tilesH * n.tilesW
	return 16*(together*tiles*(n.c+n.f)+2*planeRoom) + 4*tiles*n.f
}

// run computes the outputs y (H,W,F) of up to together images x, in their frames; filters are as transform writes them. Results
// below floor become floor.
func (n *winograd) run(k *kernels, y, x, filters, bias, scratch []float32, floor float32, images int) {
	tiles := n.tilesH * n.tilesW
	// The values of one element of the transforms, and some room: distances that are powers of two are slow in the cache.
	inPlane, outPlane := images*tiles*n.c+planeRoom, images*tiles*n.f+planeRoom
	in, out := cut(&scratch, 16*inPlane), cut(&scratch, 16*outPlane)
	line := n.line() * n.c
	for i := range images {
		for t := range n.tilesH {
			k.winogradIn(in[(i*tiles+t*n.tilesW)*n.c:], x[(i*n.lines()+2*t)*line:], line, inPlane, n.c, n.tilesW)
		}
	}
	for e := range 16 {
		n.products[images].run(k, in[e*inPlane:], filters[e*n.c*n.f:], out[e*outPlane:], nil)
	}
	for i := range images {
		image := y[i*n.h*n.w*n.f : (i+1)*n.h*n.w*n.f]
		whole, wholeLine := image, n.w*n.f
		if n.h%2+n.w%2 > 0 { // tiles reach beyond the image
			whole, wholeLine = scratch[:4*tiles*n.f], 2*n.tilesW*n.f
		}
		for t := range n.tilesH {
			k.winogradOut(whole[2*t*wholeLine:], out[(i*tiles+t*n.tilesW)*n.f:], bias, floor, wholeLine, outPlane, n.f, n.tilesW)
		}
		if n.h%2+n.w%2 > 0 {
			for row := range n.h {
				copy(image[row*n.w*n.f:(row+1)*n.w*n.f], whole[row*wholeLine:])
			}
		}
	}
}

// transform writes G*g*Gᵀ, (4,4,C,F), for part of parts of the filters g (3,3,C,F).
func (n *winograd) transform(dst, g []float32, part, parts int) {
	size := n.c * n.f
	for at := part * size / parts; at < (part+1)*size/parts; at++ {
		var rows [4][3]float32
		for j := range 3 {
			g0, g1, g2 := g[j*size+at], g[(3+j)*size+at], g[(6+j)*size+at]
			rows[0][j], rows[1][j], rows[2][j], rows[3][j] = g0, (g0+g1+g2)/2, (g0-g1+g2)/2, g2
		}
		for i, t := range rows {
			for j, e := range [4]float32{t[0], (t[0] + t[1] + t[2]) / 2, (t[0] - t[1] + t[2]) / 2, t[2]} {
				dst[(4*i+j)*size+at] = e
			}
		}
	}
}

// noFloor lets everything pass.
var noFloor = float32(math.Inf(-1))
