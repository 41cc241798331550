package cpu

import "imagesimilarity/pkg/nn/internal/kernel"

// A winograd computes a convolution with filters of 3x3 by Winograd's minimal filtering F(4x4,3x3)
// (Lavin and Gray 2016). The image is cut into tiles of 6x6 pixels that overlap by two. With
// transforms of tiles and filters, 36 products give 4x4 pixels of the output, which take 144
// otherwise:
//
//	y = Aᵀ [(G g Gᵀ) * (Bᵀ d B)] A
//
// The gradient of the filters is the same read backwards, with the products added up over all
// tiles:
//
//	dg = Gᵀ [(A dy Aᵀ) * (Bᵀ d B)] G
type winograd struct {
	h, w           int // the output
	c, f           int // channels in and out
	tilesH, tilesW int
	imagesPerCall  int                 // images with joint products: filters are read less often
	products       [][]*kernel.Product // by images and strip, see outputProducts
	gradientImages int                 // images whose products are added up before the transform
	gradients      []*kernel.Product   // for gradientImages images, see gradientProducts
}

// The sizes were measured with BenchmarkConvolution's layers of 16 to 128 channels, AVX-512.
const (
	elements = kernel.WinogradElements

	// strip is the number of filters side by side: two vectors of AVX-512. One vector is 10 to 22%
	// slower, four are alike.
	strip = 32

	// planeRoom is the number of unused values between planes of elements. Without them the planes
	// lie at powers of two, push each other out of the cache, and take 15 to 110% longer; 8 values
	// cost 2 to 6%, 32 gain nothing.
	planeRoom = 16

	// gradientRows is the number of channels whose gradients are computed at a time, two tiles of
	// AVX-512. 14 are 5 to 9% slower with 128 channels; 56 need twice the scratch for at most 5%.
	gradientRows = 28
)

// newWinograd returns nil if the plain convolution is as fast.
func newWinograd(h, w, c, f int) *winograd {
	n := &winograd{h: h, w: w, c: c, f: f, tilesH: ceilDiv(h, 4), tilesW: ceilDiv(w, 4)}
	const channels = 8 // with fewer the transforms cost more than the products that they save
	if min(c, f) < channels || 2*elements*n.tiles() > 9*h*w {
		return nil
	}
	// About these numbers of tiles are in a product. 8 tiles are 6 to 18% slower, 64 alike; 16 for
	// gradients are 17 to 36% slower, 128 alike.
	const tiles, gradientTiles = 32, 64
	n.imagesPerCall = min(max(tiles/n.tiles(), 1), groupSize)
	n.gradientImages = min(max(gradientTiles/n.tiles(), 1), groupSize)
	n.products = make([][]*kernel.Product, n.imagesPerCall+1)
	for i := 1; i <= n.imagesPerCall; i++ {
		n.products[i] = n.outputProducts(i)
	}
	n.gradients = n.gradientProducts(n.gradientImages)
	return n
}

// outputProducts returns the products for one element of the transforms of images, by strips:
// (tiles,C) times (C,F).
func (n *winograd) outputProducts(images int) []*kernel.Product {
	var products []*kernel.Product
	for s := range n.strips() {
		products = append(products, kernel.Matmul{
			M: images * n.tiles(), N: n.width(s), Inner: n.c,
			A: kernel.Rows(n.c), B: kernel.Right{Inner: n.width(s)}, C: kernel.Result{Row: n.f},
		}.Prepare())
	}
	return products
}

func (n *winograd) tiles() int { return n.tilesH * n.tilesW }

// strips returns the number of strips, width the number of filters in one.
func (n *winograd) strips() int     { return ceilDiv(n.f, strip) }
func (n *winograd) width(s int) int { return min(strip, n.f-s*strip) }

// lines and line return the size of the frames of x and dy: they have room for the tiles.
func (n *winograd) lines() int { return 4*n.tilesH + 2 }
func (n *winograd) line() int  { return 4*n.tilesW + 2 }

// plane returns the distance of the elements of tiles with that number of channels.
func (n *winograd) plane(images, channels int) int { return images*n.tiles()*channels + planeRoom }

// filterPlane returns the distance of the elements of filters.
func (n *winograd) filterPlane() int { return n.c*n.f + planeRoom }

// scratch returns the number of values that run and gradient need.
func (n *winograd) scratch() int {
	images := n.imagesPerCall
	run := elements*(n.plane(images, n.c)+n.plane(images, n.f)) + 16*n.tiles()*n.f
	images = n.gradientImages
	planes := n.plane(images, n.c) + n.plane(images, n.f) + gradientRows*strip + planeRoom
	return max(run, elements*planes+n.lines()*n.line()*n.c)
}

// in transforms image i of the images of x, which lie in frames, with transform, a kernel.
func (n *winograd) in(transform func(v, x []float32, line, plane, c, tiles int),
	v, x []float32, i, plane, c int) {
	line := n.line() * c
	for t := range n.tilesH {
		transform(v[(i*n.tiles()+t*n.tilesW)*c:], x[4*t*line:], line, plane, c, n.tilesW)
	}
}

// run computes the outputs y (H,W,F) of images x, in their frames; filters are as transform writes
// them. Results below floor become floor.
func (n *winograd) run(k *kernel.Set, y, x, filters, bias, scratch []float32,
	floor float32, images int) {
	in, out := n.lines()*n.line()*n.c, n.h*n.w*n.f
	for first := 0; first < images; first += n.imagesPerCall {
		n.runGroup(k, y[first*out:], x[first*in:], filters, bias, scratch,
			floor, min(n.imagesPerCall, images-first))
	}
}

// runGroup does so for at most imagesPerCall images.
func (n *winograd) runGroup(k *kernel.Set, y, x, filters, bias, scratch []float32,
	floor float32, images int) {
	tiles, inPlane, outPlane := n.tiles(), n.plane(images, n.c), n.plane(images, n.f)
	v, m := cut(&scratch, elements*inPlane), cut(&scratch, elements*outPlane)
	for i := range images {
		n.in(k.WinogradIn, v, x[i*n.lines()*n.line()*n.c:], i, inPlane, n.c)
	}
	for e := range elements {
		for s, p := range n.products[images] {
			u := filters[e*n.filterPlane()+s*strip*n.c:]
			k.Matmul(p, v[e*inPlane:], u, m[e*outPlane+s*strip:], nil)
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
			k.WinogradOut(whole[4*t*line:], m[(i*tiles+t*n.tilesW)*n.f:], bias, floor,
				line, outPlane, n.f, n.tilesW)
		}
		if beyond {
			for row := range n.h {
				copy(image[row*n.w*n.f:(row+1)*n.w*n.f], whole[row*line:])
			}
		}
	}
}

// arrangedSize returns the number of values that transform writes.
func (n *winograd) arrangedSize() int { return elements * n.filterPlane() }

// transform writes G*g*Gᵀ of the filters g (3,3,C,F) for channel c: by elements and strips,
// (6,6,strips,C,strip).
func (n *winograd) transform(k *kernel.Set, u, g []float32, c int) {
	for s := range n.strips() {
		first, width := s*strip, n.width(s)
		k.WinogradFilter(u[first*n.c+c*width:], g[c*n.f+first:],
			n.filterPlane(), n.c*n.f, width)
	}
}

// gradient computes the gradient of the filters, (3,3,C,F), over images: x are the images, dy the
// gradients of their outputs in frames like frameY. Frames of x, like frameX, are made on the way.
func (n *winograd) gradient(k *kernel.Set, grad, x, dy []float32, frameX, frameY frame,
	scratch []float32, images int) {
	clear(grad)
	size := frameX.h * frameX.w * n.c
	for first := 0; first < images; first += n.gradientImages {
		n.addGradient(k, grad, x[first*size:], dy[first*frameY.size():], frameX, frameY,
			scratch, min(n.gradientImages, images-first))
	}
}

func (n *winograd) addGradient(k *kernel.Set, grad, x, dy []float32, frameX, frameY frame,
	scratch []float32, images int) {
	vPlane, zPlane := n.plane(images, n.c), n.plane(images, n.f)
	v, z := cut(&scratch, elements*vPlane), cut(&scratch, elements*zPlane)
	const uPlane = gradientRows*strip + planeRoom
	u := cut(&scratch, elements*uPlane)
	inFrame, size := cut(&scratch, frameX.size()), frameX.h*frameX.w*n.c
	for i := range images {
		frameX.fill(inFrame, x[i*size:(i+1)*size])
		n.in(k.WinogradIn, v, inFrame, i, vPlane, n.c)
		n.in(k.WinogradGradIn, z, dy[i*frameY.size()+frameY.start():], i, zPlane, n.f)
	}
	products := n.gradients
	if images != n.gradientImages {
		products = n.gradientProducts(images)
	}
	for i, p := range products {
		c, first := i/n.strips()*gradientRows, i%n.strips()*strip
		for e := range elements {
			k.Matmul(p, v[e*vPlane+c:], z[e*zPlane+first:], u[e*uPlane:], nil)
		}
		for row := range p.M {
			k.WinogradFilterGrad(grad[(c+row)*n.f+first:], u[row*p.N:], n.c*n.f, uPlane, p.N)
		}
	}
}

// gradientProducts returns the products for the gradients of one element of the transforms, by
// blocks of channels and strips: (C,tiles) times (tiles,F).
func (n *winograd) gradientProducts(images int) []*kernel.Product {
	var products []*kernel.Product
	for c := 0; c < n.c; c += gradientRows {
		for s := range n.strips() {
			products = append(products, kernel.Matmul{
				M: min(gradientRows, n.c-c), N: n.width(s), Inner: images * n.tiles(),
				A: kernel.Transposed(n.c), B: kernel.Right{Inner: n.f},
				C: kernel.Result{Row: n.width(s)},
			}.Prepare())
		}
	}
	return products
}
