package kernel

// The transforms of Winograd's minimal filtering F(4x4,3x3) (Lavin and Gray 2016). A transform of a
// tile is that of its columns, then that of the rows that come out. An element of a transformed
// tile or filter, of which there are (6,6), lies plane values from the one before it.
//
// The portable transforms list the values of a column or row in the call. Go's compiler copies an
// array that has a name or is a function's result, which takes 5 to 35% longer.

// WinogradElements is the number of elements of a transformed tile or filter.
const WinogradElements = 6 * 6

// last is the index of the last of those elements.
const last = WinogradElements - 1

// WinogradIn writes Bᵀ*tile*B for a row of tiles of 6x6 pixels of x, which begin four pixels from
// each other: v has (6,6,tiles,c). A line of x has line values.
func (s *Set) WinogradIn(v, x []float32, line, plane, c, tiles int) {
	v, x = v[:last*plane+tiles*c], x[:5*line+(4*tiles+2)*c]
	s.narrow(c).winogradIn(v, x, line, plane, c, tiles)
}

func winogradIn(v, x []float32, line, plane, c, tiles int) {
	for at := range tiles * c {
		tile, out := x[at/c*4*c+at%c:], v[at:]
		var columns [6][6]float32
		for j := range columns {
			t := tile[j*c:]
			columns[j] = timesBT([6]float32{
				t[0], t[line], t[2*line], t[3*line], t[4*line], t[5*line],
			})
		}
		for i := range 6 {
			for j, e := range timesBT([6]float32{
				columns[0][i], columns[1][i], columns[2][i],
				columns[3][i], columns[4][i], columns[5][i],
			}) {
				out[(6*i+j)*plane] = e
			}
		}
	}
}

// WinogradGradIn writes A*tile*Aᵀ for a row of tiles of 4x4 pixels of dy, as WinogradIn does.
func (s *Set) WinogradGradIn(v, dy []float32, line, plane, c, tiles int) {
	v, dy = v[:last*plane+tiles*c], dy[:3*line+4*tiles*c]
	s.narrow(c).winogradGradIn(v, dy, line, plane, c, tiles)
}

func winogradGradIn(v, dy []float32, line, plane, c, tiles int) {
	for at := range tiles * c {
		tile, out := dy[at/c*4*c+at%c:], v[at:]
		var columns [4][6]float32
		for j := range columns {
			t := tile[j*c:]
			columns[j] = timesA([4]float32{t[0], t[line], t[2*line], t[3*line]})
		}
		for i := range 6 {
			row := [4]float32{columns[0][i], columns[1][i], columns[2][i], columns[3][i]}
			for j, e := range timesA(row) {
				out[(6*i+j)*plane] = e
			}
		}
	}
}

// WinogradOut writes max(Aᵀ*m*A+bias, floor) to a row of tiles of 4x4 pixels of y; m has
// (6,6,tiles,c). A line of y has line values.
func (s *Set) WinogradOut(y, m, bias []float32, floor float32, line, plane, c, tiles int) {
	y, m = y[:3*line+4*tiles*c], m[:last*plane+tiles*c]
	s.narrow(c).winogradOut(y, m, bias[:c], floor, line, plane, c, tiles)
}

func winogradOut(y, m, bias []float32, floor float32, line, plane, c, tiles int) {
	for at := range tiles * c {
		in, tile := m[at:], y[at/c*4*c+at%c:]
		var columns [6][4]float32
		for j := range columns {
			t := in[j*plane:]
			columns[j] = timesAT([6]float32{
				t[0], t[6*plane], t[12*plane], t[18*plane], t[24*plane], t[30*plane],
			})
		}
		for i := range 4 {
			for j, e := range timesAT([6]float32{
				columns[0][i], columns[1][i], columns[2][i],
				columns[3][i], columns[4][i], columns[5][i],
			}) {
				e += bias[at%c]
				if floor > e {
					e = floor
				}
				tile[i*line+j*c] = e
			}
		}
	}
}

// WinogradFilter writes G*w*Gᵀ for n filters w, (3,3,n), to u, (6,6,n). An element of w lies size
// values from the one before it.
func (s *Set) WinogradFilter(u, w []float32, plane, size, n int) {
	u, w = u[:last*plane+n], w[:8*size+n]
	s.narrow(n).winogradFilter(u, w, plane, size, n)
}

func winogradFilter(u, w []float32, plane, size, n int) {
	for at := range n {
		in, out := w[at:], u[at:]
		var columns [3][6]float32
		for j := range columns {
			t := in[j*size:]
			columns[j] = timesG([3]float32{t[0], t[3*size], t[6*size]})
		}
		for i := range 6 {
			for j, e := range timesG([3]float32{columns[0][i], columns[1][i], columns[2][i]}) {
				out[(6*i+j)*plane] = e
			}
		}
	}
}

// WinogradFilterGrad adds Gᵀ*u*G to w; both lie as in WinogradFilter.
func (s *Set) WinogradFilterGrad(w, u []float32, size, plane, n int) {
	w, u = w[:8*size+n], u[:last*plane+n]
	s.narrow(n).winogradFilterGrad(w, u, size, plane, n)
}

func winogradFilterGrad(w, u []float32, size, plane, n int) {
	for at := range n {
		in, out := u[at:], w[at:]
		var columns [6][3]float32
		for j := range columns {
			t := in[j*plane:]
			columns[j] = timesGT([6]float32{
				t[0], t[6*plane], t[12*plane], t[18*plane], t[24*plane], t[30*plane],
			})
		}
		for i := range 3 {
			for j, e := range timesGT([6]float32{
				columns[0][i], columns[1][i], columns[2][i],
				columns[3][i], columns[4][i], columns[5][i],
			}) {
				out[(3*i+j)*size] += e
			}
		}
	}
}

// timesBT returns Bᵀ*d.
func timesBT(d [6]float32) [6]float32 {
	p, q := d[4]-float32(d[2]*4), d[3]-float32(d[1]*4)
	r, t := d[4]-d[2], d[3]-d[1]
	t += t
	return [6]float32{
		float32((d[0]-d[2])*4) + r,
		p + q, p - q, r + t, r - t,
		d[5] - d[3] - (t + t),
	}
}

// timesAT returns Aᵀ*m.
func timesAT(m [6]float32) [4]float32 {
	a, b, c, d := m[1]+m[2], m[1]-m[2], m[3]+m[4], m[3]-m[4]
	return [4]float32{m[0] + a + c, b + (d + d), a + float32(c*4), b + float32(d*8) + m[5]}
}

// timesA returns A*y.
func timesA(y [4]float32) [6]float32 {
	a, b := y[0]+y[2], y[1]+y[3]
	c, d := y[0]+float32(y[2]*4), y[1]+float32(y[3]*4)
	d += d
	return [6]float32{y[0], a + b, a - b, c + d, c - d, y[3]}
}

// timesG returns G*w.
func timesG(w [3]float32) [6]float32 {
	const quarter, sixth, part = float32(1. / 4), float32(-1. / 6), float32(1. / 24)
	a, b, c := w[0]+w[2], w[0]+float32(w[2]*4), w[1]+w[1]
	return [6]float32{
		float32(w[0] * quarter),
		float32((a + w[1]) * sixth), float32((a - w[1]) * sixth),
		float32((b + c) * part), float32((b - c) * part),
		w[2],
	}
}

// timesGT returns Gᵀ*u.
func timesGT(u [6]float32) [3]float32 {
	const quarter, sixth = float32(1. / 4), float32(1. / 6)
	const twelfth, part = float32(1. / 12), float32(1. / 24)
	a, b := float32((u[1]+u[2])*sixth), float32((u[2]-u[1])*sixth)
	c, d := u[3]+u[4], u[3]-u[4]
	return [3]float32{
		float32(u[0]*quarter) - a + float32(c*part),
		b + float32(d*twelfth),
		float32(c*sixth) - a + u[5],
	}
}
