package nn

import "math"

// A winograd computes a convolution with filters of 3x3 by Winograd's minimal filtering F(4x4,3x3) (Lavin and Gray 2016): the
// image is cut into tiles of 6x6 pixels that overlap by two; with transforms of tiles and filters, 36 products give 4x4 pixels of
// the output, which take 144 otherwise:
//
//	y = Aᵀ [(G g Gᵀ) * (Bᵀ d B)] A
//
// The gradient of the filters is the same read backwards, with the products added up over all tiles:
//
//	dg = Gᵀ [(A dy Aᵀ) * (Bᵀ d B)] G
type winograd struct {
	h, w           int // the output
	c, f           int // channels in and out
	tilesH, tilesW int
	images         int              // whose products are computed together, so that the filters are read less often
	products       [][]*readyMatmul // by images and strip: for one element of the transforms, (tiles,C) times (C,F)
	gradientImages int              // whose products are added up before they are transformed
	gradients      []*readyMatmul   // for that many images, see gradientProducts
}

const (
	elements     = 36 // of a transformed tile or filter
	strip        = 32 // filters that lie side by side: in longer rows they would push each other out of the cache
	planeRoom    = 16 // values between planes of elements, for the same reason: powers of two are bad distances
	gradientRows = 28 // channels whose gradients are computed at a time, and are in the cache when they are transformed
)

// newWinograd returns nil where the plain convolution is as fast.
func newWinograd(h, w, c, f int) *winograd {
	n := &winograd{h: h, w: w, c: c, f: f, tilesH: ceilDiv(h, 4), tilesW: ceilDiv(w, 4)}
	const channels = 8 // with fewer the transforms cost more than the products that they save
	if min(c, f) < channels || 2*elements*n.tiles() > 9*h*w {
		return nil
	}
	const tiles, gradientTiles = 32, 64 // in a product, more or less
	n.images = min(max(tiles/n.tiles(), 1), groupSize)
	n.gradientImages = min(max(gradientTiles/n.tiles(), 1), groupSize)
	n.products = make([][]*readyMatmul, n.images+1)
	for i := 1; i <= n.images; i++ {
		for s := range n.strips() {
			n.products[i] = append(n.products[i], matmul{M: i * n.tiles(), N: n.width(s), Inner: c, AM: c, AInner: 1, BInner: n.width(s), CM: f}.ready())
		}
	}
	n.gradients = n.gradientProducts(n.gradientImages)
	return n
}

func (n *winograd) tiles() int { return n.tilesH * n.tilesW }

// strips is the number of strips, width the number of filters in one.
func (n *winograd) strips() int     { return ceilDiv(n.f, strip) }
func (n *winograd) width(s int) int { return min(strip, n.f-s*strip) }

// lines and line are what the frames of x and dy must have: room for the tiles.
func (n *winograd) lines() int { return 4*n.tilesH + 2 }
func (n *winograd) line() int  { return 4*n.tilesW + 2 }

// plane is the distance of the elements of tiles with that many channels.
func (n *winograd) plane(images, channels int) int { return images*n.tiles()*channels + planeRoom }

// filterPlane is the distance of the elements of filters.
func (n *winograd) filterPlane() int { return n.c*n.f + planeRoom }

// scratch is the number of values that run and gradient need.
func (n *winograd) scratch() int {
	run := elements*(n.plane(n.images, n.c)+n.plane(n.images, n.f)) + 16*n.tiles()*n.f
	gradient := elements*(n.plane(n.gradientImages, n.c)+n.plane(n.gradientImages, n.f)+gradientRows*strip+planeRoom) + n.lines()*n.line()*n.c
	return max(run, gradient)
}

// in transforms image i of the images of x, which lie in frames, with transform, one of k's.
func (n *winograd) in(transform func(v, x []float32, line, plane, c, tiles int), v, x []float32, i, plane, c int) {
	line := n.line() * c
	for t := range n.tilesH {
		transform(v[(i*n.tiles()+t*n.tilesW)*c:], x[4*t*line:], line, plane, c, n.tilesW)
	}
}

// run computes the outputs y (H,W,F) of images x, in their frames; filters are as transform writes them. Results below floor
// become floor.
func (n *winograd) run(k *kernels, y, x, filters, bias, scratch []float32, floor float32, images int) {
	for first := 0; first < images; first += n.images {
		n.together(k, y[first*n.h*n.w*n.f:], x[first*n.lines()*n.line()*n.c:], filters, bias, scratch, floor, min(n.images, images-first))
	}
}

func (n *winograd) together(k *kernels, y, x, filters, bias, scratch []float32, floor float32, images int) {
	tiles, inPlane, outPlane := n.tiles(), n.plane(images, n.c), n.plane(images, n.f)
	v, m := cut(&scratch, elements*inPlane), cut(&scratch, elements*outPlane)
	for i := range images {
		n.in(k.winogradIn, v, x[i*n.lines()*n.line()*n.c:], i, inPlane, n.c)
	}
	for e := range elements {
		for s, p := range n.products[images] {
			p.run(k, v[e*inPlane:], filters[e*n.filterPlane()+s*strip*n.c:], m[e*outPlane+s*strip:], nil)
		}
	}
	beyond := n.h%4+n.w%4 > 0 // tiles reach beyond the image
	for i := range images {
		image := y[i*n.h*n.w*n.f : (i+1)*n.h*n.w*n.f]
		whole, line := image, n.w*n.f
		if beyond {
			whole, line = scratch[:16*tiles*n.f], 4*n.tilesW*n.f
		}
		for t := range n.tilesH {
			k.winogradOut(whole[4*t*line:], m[(i*tiles+t*n.tilesW)*n.f:], bias, floor, line, outPlane, n.f, n.tilesW)
		}
		if beyond {
			for row := range n.h {
				copy(image[row*n.w*n.f:(row+1)*n.w*n.f], whole[row*line:])
			}
		}
	}
}

// arrangedSize is the room that transform needs.
func (n *winograd) arrangedSize() int { return elements * n.filterPlane() }

// transform writes G*g*Gᵀ of the filters g (3,3,C,F) for channel c: by elements and strips, (6,6,strips,C,strip).
func (n *winograd) transform(k *kernels, u, g []float32, c int) {
	for s := range n.strips() {
		first, width := s*strip, n.width(s)
		k.winogradFilter(u[first*n.c+c*width:], g[c*n.f+first:], n.filterPlane(), n.c*n.f, width)
	}
}

// gradient computes the gradient of the filters, (3,3,C,F), over images: x are the images, dy the gradients of their outputs in frames
// like frameY; those of x, like frameX, are made on the way.
func (n *winograd) gradient(k *kernels, grad, x, dy []float32, frameX, frameY frame, scratch []float32, images int) {
	clear(grad)
	size := frameX.h * frameX.w * n.c
	for first := 0; first < images; first += n.gradientImages {
		n.addGradient(k, grad, x[first*size:], dy[first*frameY.size():], frameX, frameY, scratch, min(n.gradientImages, images-first))
	}
}

func (n *winograd) addGradient(k *kernels, grad, x, dy []float32, frameX, frameY frame, scratch []float32, images int) {
	vPlane, zPlane, uPlane := n.plane(images, n.c), n.plane(images, n.f), gradientRows*strip+planeRoom
	v, z, u := cut(&scratch, elements*vPlane), cut(&scratch, elements*zPlane), cut(&scratch, elements*uPlane)
	inFrame, size := cut(&scratch, frameX.size()), frameX.h*frameX.w*n.c
	for i := range images {
		frameX.fill(inFrame, x[i*size:(i+1)*size])
		n.in(k.winogradIn, v, inFrame, i, vPlane, n.c)
		n.in(k.winogradGradIn, z, dy[i*frameY.size()+frameY.start():], i, zPlane, n.f)
	}
	products := n.gradients
	if images != n.gradientImages {
		products = n.gradientProducts(images)
	}
	for i, p := range products {
		c, first := i/n.strips()*gradientRows, i%n.strips()*strip
		for e := range elements {
			p.run(k, v[e*vPlane+c:], z[e*zPlane+first:], u[e*uPlane:], nil)
		}
		for row := range p.M {
			k.winogradFilterGrad(grad[(c+row)*n.f+first:], u[row*p.N:], n.c*n.f, uPlane, p.N)
		}
	}
}

// gradientProducts are the products for the gradients of one element of the transforms, by blocks of channels and strips: (C,tiles)
// times (tiles,F).
func (n *winograd) gradientProducts(images int) []*readyMatmul {
	var products []*readyMatmul
	for c := 0; c < n.c; c += gradientRows {
		for s := range n.strips() {
			products = append(products, matmul{M: min(gradientRows, n.c-c), N: n.width(s), Inner: images * n.tiles(),
				AM: 1, AInner: n.c, BInner: n.f, CM: n.width(s)}.ready())
		}
	}
	return products
}

// noFloor lets everything pass.
var noFloor = float32(math.Inf(-1))

// The transforms of a column, as all kernels compute them; those of a tile are that of its columns, then of the rows that come out.

// timesBT is Bᵀ*d.
func timesBT(d [6]float32) [6]float32 {
	p, q := d[4]-float32(d[2]*4), d[3]-float32(d[1]*4)
	r, t := d[4]-d[2], d[3]-d[1]
	t += t
	return [6]float32{float32((d[0]-d[2])*4) + r, p + q, p - q, r + t, r - t, d[5] - d[3] - (t + t)}
}

// timesAT is Aᵀ*m.
func timesAT(m [6]float32) [4]float32 {
	a, b, c, d := m[1]+m[2], m[1]-m[2], m[3]+m[4], m[3]-m[4]
	return [4]float32{m[0] + a + c, b + (d + d), a + float32(c*4), b + float32(d*8) + m[5]}
}

// timesA is A*y.
func timesA(y [4]float32) [6]float32 {
	a, b := y[0]+y[2], y[1]+y[3]
	c, d := y[0]+float32(y[2]*4), y[1]+float32(y[3]*4)
	d += d
	return [6]float32{y[0], a + b, a - b, c + d, c - d, y[3]}
}

// timesG is G*w.
func timesG(w [3]float32) [6]float32 {
	const sixth, part = float32(-1. / 6), float32(1. / 24)
	a, b, c := w[0]+w[2], w[0]+float32(w[2]*4), w[1]+w[1]
	return [6]float32{w[0] * 0.25, (a + w[1]) * sixth, (a - w[1]) * sixth, (b + c) * part, (b - c) * part, w[2]}
}

// timesGT is Gᵀ*u.
func timesGT(u [6]float32) [3]float32 {
	const sixth, twelfth, part = float32(1. / 6), float32(1. / 12), float32(1. / 24)
	a, b, c, d := (u[1]+u[2])*sixth, (u[2]-u[1])*sixth, u[3]+u[4], u[3]-u[4]
	return [3]float32{
		float32(u[0]*0.25) - a + float32(c*part),
		b + float32(d*twelfth),
		float32(c*sixth) - a + u[5],
	}
}
