package emd

import (
	"math"
	"math/bits"
)

// A solver computes Earth Mover's Distances, one at a time, by the primal network simplex method
// for transportation problems (Ahuja, Magnanti, Orlin: Network Flows, 1993, chapter 11) in
// integers.
//
// An image with grey levels w in its cells, W in all, and another with v and V, weigh w/W and v/V.
// Times W·V the weights are the integers w·V and v·W. What both images have in the same cell
// stays there, which is optimal because distances obey the triangle inequality. The cells in which
// the first image has more are the sources of the problem that is left. Those in which it has less
// are the sinks.
//
// A basis is a spanning tree of sources, sinks and a root. Arcs of cost 0 lead from sources to the
// root, which never gets any flow. The trees are strongly feasible: an arc without flow points to
// the root (Cunningham 1976), so that the method cannot cycle.
type solver struct {
	grid      *grid
	surplus   []int64 // (cells): what the first image has more, times W·V
	place     []int   // cells of the nodes
	nodes     []node  // sources, then sinks, then the root
	sources   int
	cost      []int64 // (sources, sinks)
	shipments []shipment
	stack     []int32
}

type node struct {
	// of a source or sink; while the first tree is built, what is not shipped yet
	mass int64
	// for an arc of the tree from a source s to a sink t: potential(s) - potential(t) = cost(s, t)
	potential int64
	// on the arc between the node and its parent, which leads up from a source and down to a sink
	flow     int64
	parent   int32
	child    int32 // the first, or none
	next     int32 // sibling, or none
	previous int32 // sibling, or none
	depth    int32
}

const none = -1

// A shipment is a step in building the first tree: an amount from a source to a sink that exhausts
// one of them or both.
type shipment struct {
	from, to       int32
	amount         int64
	empties, fills bool
}

// solverSize returns the bytes of a solver and of the levels of its images.
func solverSize(g *grid) float64 {
	cells := float64(g.cells)
	return float64((2*cells + 200) * cells)
}

func newSolver(g *grid) *solver {
	return &solver{
		grid:      g,
		surplus:   make([]int64, g.cells),
		place:     make([]int, 0, g.cells),
		nodes:     make([]node, 0, g.cells+1),
		cost:      make([]int64, g.cells/2*((g.cells+1)/2)),
		shipments: make([]shipment, 0, g.cells),
		stack:     make([]int32, 0, g.cells+1),
	}
}

// distance returns the Earth Mover's Distance, in cells, between two images: w and v are the grey
// levels in their cells, W and V the sums of these. The distance to a black image is 0, as in the
// original, whose solver refused the weights 0/0. The result depends only on the exact quotient of
// the optimum and W·V, so equal distances are equal in all bits.
func (s *solver) distance(w []int32, W int32, v []int32, V int32) float64 {
	s.separate(w, int64(W), v, int64(V))
	if s.sources == 0 {
		return 0
	}
	s.plant()
	s.improve()
	high, low := s.total()
	// No quotient overflows: the optimum is below maxCells·2^fractionBits times W·V.
	scale := uint64(W) * uint64(V)
	whole, rest := bits.Div64(high, low, scale)
	part, _ := bits.Div64(rest, 0, scale)
	return math.Ldexp(float64(whole)+math.Ldexp(float64(part), -64), -fractionBits)
}

// separate makes sources and sinks of the cells in which the images differ, and their table of
// costs.
func (s *solver) separate(w []int32, W int64, v []int32, V int64) {
	for c := range s.surplus {
		s.surplus[c] = int64(w[c])*V - int64(v[c])*W
	}
	s.place, s.nodes = s.place[:0], s.nodes[:0]
	for c, m := range s.surplus {
		if m > 0 {
			s.place = append(s.place, c)
			s.nodes = append(s.nodes, node{mass: m, child: none})
		}
	}
	s.sources = len(s.nodes)
	for c, m := range s.surplus {
		if m < 0 {
			s.place = append(s.place, c)
			s.nodes = append(s.nodes, node{mass: -m, child: none})
		}
	}
	s.nodes = append(s.nodes, node{parent: none, child: none})

	sinks := s.place[s.sources:]
	for a, from := range s.place[:s.sources] {
		all := s.grid.cost[from*s.grid.cells : (from+1)*s.grid.cells]
		row := s.cost[a*len(sinks) : (a+1)*len(sinks)]
		for b, to := range sinks {
			row[b] = all[to]
		}
	}
}

// plant builds the first tree. The sources take turns, and in its turn a source makes one shipment.
// Where cells are many, this takes fewer pivots than if a source made all its shipments at once.
func (s *solver) plant() {
	sinks := len(s.place) - s.sources
	s.shipments = s.shipments[:0]
	for left := s.sources; left > 0; {
		for a := range s.sources {
			if s.nodes[a].mass == 0 {
				continue
			}
			if s.ship(a); s.nodes[a].mass == 0 {
				left--
			}
		}
	}
	// A node that a shipment exhausts takes part in no later one, so the tree grows from the last
	// shipment to the first. The exhausted node becomes the child of the other. If both are
	// exhausted, the source hangs on the root.
	root := int32(len(s.nodes) - 1)
	for i := len(s.shipments) - 1; i >= 0; i-- {
		p := s.shipments[i]
		from, to := &s.nodes[p.from], &s.nodes[p.to]
		c := s.cost[int(p.from)*sinks+int(p.to)-s.sources]
		if p.empties && p.fills {
			s.hang(p.from, root, 0)
			from.potential, from.depth = 0, 1
		}
		if p.fills {
			s.hang(p.to, p.from, p.amount)
			to.potential, to.depth = from.potential-c, from.depth+1
		} else {
			s.hang(p.from, p.to, p.amount)
			from.potential, from.depth = to.potential+c, to.depth+1
		}
	}
}

// ship makes a shipment from a source to the cheapest sink that is not full.
func (s *solver) ship(a int) {
	sinks := len(s.place) - s.sources
	best, cheapest := none, int64(math.MaxInt64)
	for b, c := range s.cost[a*sinks : (a+1)*sinks] {
		if c < cheapest && s.nodes[s.sources+b].mass > 0 {
			best, cheapest = s.sources+b, c
		}
	}
	source, sink := &s.nodes[a], &s.nodes[best]
	amount := min(source.mass, sink.mass)
	source.mass -= amount
	sink.mass -= amount
	s.shipments = append(s.shipments, shipment{
		from: int32(a), to: int32(best), amount: amount,
		empties: source.mass == 0, fills: sink.mass == 0,
	})
}

// hang makes a node the first child of a parent.
func (s *solver) hang(child, parent int32, flow int64) {
	n, p := &s.nodes[child], &s.nodes[parent]
	n.parent, n.flow = parent, flow
	n.previous, n.next = none, p.child
	if p.child != none {
		s.nodes[p.child].previous = child
	}
	p.child = child
}

// cut takes a node from its parent.
func (s *solver) cut(child int32) {
	n := &s.nodes[child]
	if n.previous != none {
		s.nodes[n.previous].next = n.next
	} else {
		s.nodes[n.parent].child = n.next
	}
	if n.next != none {
		s.nodes[n.next].previous = n.previous
	}
}

// improve pivots until no arc would make the flow cheaper. It goes round the sources and takes the
// best arc of each.
func (s *solver) improve() {
	sinks := s.nodes[s.sources : len(s.nodes)-1]
	for a, idle := 0, 0; idle < s.sources; a = (a + 1) % s.sources {
		row := s.cost[a*len(sinks) : (a+1)*len(sinks)]
		potential := s.nodes[a].potential
		best, least := none, int64(0)
		for b := range sinks {
			if reduced := row[b] - potential + sinks[b].potential; reduced < least {
				best, least = b, reduced
			}
		}
		if idle++; best != none {
			s.pivot(int32(a), int32(s.sources+best), least)
			idle = 0
		}
	}
}

// pivot brings the arc from source to sink with the given reduced cost, which is negative, into the
// tree.
func (s *solver) pivot(source, sink int32, reduced int64) {
	// The arc closes a cycle, which turns at the lowest node above both.
	top, other := source, sink
	for top != other {
		if s.nodes[top].depth < s.nodes[other].depth {
			top, other = other, top
		}
		top = s.nodes[top].parent
	}
	// Flow goes round the cycle, top - source - sink - top, until an arc against it is empty. The
	// last such arc on the way leaves the tree, which keeps the tree strongly feasible.
	amount, leaving, bySource := int64(math.MaxInt64), int32(none), true
	for n := source; n != top; n = s.nodes[n].parent {
		if flow := s.nodes[n].flow; s.isSource(n) && flow < amount {
			amount, leaving = flow, n
		}
	}
	for n := sink; n != top; n = s.nodes[n].parent {
		if flow := s.nodes[n].flow; !s.isSource(n) && flow <= amount {
			amount, leaving, bySource = flow, n, false
		}
	}
	if amount > 0 {
		for n := source; n != top; n = s.nodes[n].parent {
			s.send(n, -amount)
		}
		for n := sink; n != top; n = s.nodes[n].parent {
			s.send(n, amount)
		}
	}
	// The part of the tree that loses the leaving arc hangs on the new one. The way from there to
	// the old arc turns round.
	child, parent, shift := source, sink, reduced
	if !bySource {
		child, parent, shift = sink, source, -reduced
	}
	moved := child
	flow := amount
	for {
		n := s.nodes[child]
		s.cut(child)
		s.hang(child, parent, flow)
		if child == leaving {
			break
		}
		child, parent, flow = n.parent, child, n.flow
	}
	s.stack = append(s.stack[:0], moved)
	for len(s.stack) > 0 {
		n := &s.nodes[s.stack[len(s.stack)-1]]
		s.stack = s.stack[:len(s.stack)-1]
		n.potential += shift
		n.depth = s.nodes[n.parent].depth + 1
		for c := n.child; c != none; c = s.nodes[c].next {
			s.stack = append(s.stack, c)
		}
	}
}

// isSource reports whether node n is a source.
func (s *solver) isSource(n int32) bool { return int(n) < s.sources }

// send moves an amount from a node to its parent, or back if it is negative.
func (s *solver) send(n int32, amount int64) {
	if s.isSource(n) {
		s.nodes[n].flow += amount
	} else {
		s.nodes[n].flow -= amount
	}
}

// total returns the cost of the flow, in 128 bits.
func (s *solver) total() (high, low uint64) {
	sinks := len(s.place) - s.sources
	s.each(func(from, to int, flow int64) {
		h, l := bits.Mul64(uint64(flow), uint64(s.cost[from*sinks+to-s.sources]))
		var carry uint64
		low, carry = bits.Add64(low, l, 0)
		high += h + carry
	})
	return high, low
}

// each calls do with the nodes of each arc that has a flow.
func (s *solver) each(do func(source, sink int, flow int64)) {
	for i, n := range s.nodes[:len(s.nodes)-1] {
		if n.flow == 0 {
			continue
		}
		from, to := i, int(n.parent)
		if i >= s.sources {
			from, to = to, from
		}
		do(from, to, n.flow)
	}
}
