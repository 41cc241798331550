// Package explore finds the neighbours of images by every method, for readers of a page who ask
// about one image after the other. It searches among a few images of a data set, so that a page has
// room for all of them and each neighbour can be asked about, too.
package explore

import (
	"math"
	"slices"

	"imagesimilarity/pkg/emd"
	"imagesimilarity/pkg/idx"
	"imagesimilarity/pkg/imageset"
	"imagesimilarity/pkg/knn"
	"imagesimilarity/pkg/memory"
	"imagesimilarity/pkg/nearest"
	"imagesimilarity/pkg/plural"
	"imagesimilarity/pkg/results"
)

const (
	neighbours = 10             // that each method looks for
	maxValues  = 20_000_000     // grey levels of the images of a map
	maxWork    = 10_000_000_000 // images asked about, times the cube of the cells of an image
)

// A Set is images and the file that they come from. Latents are their latent vectors; nil if they
// are not known.
type Set struct {
	File    string
	Images  *imageset.Set[uint8]
	Latents *imageset.Set[uint16]
}

// pictures are some images of a set.
type pictures struct {
	images  *imageset.Images[uint8]
	latents *imageset.Images[uint16] // nil if they are not known
}

// at reads the images at index. It returns an error if there is no memory for them.
func (s Set) at(index []int) (few pictures, err error) {
	need := float64(float64(len(index)) * float64(s.Images.Dim()))
	if s.Latents != nil {
		need += float64(float64(2*len(index)) * float64(s.Latents.Dim()))
	}
	err = memory.Check(need, "copies of %s of %dx%d pixels, to be asked about, need",
		plural.Of(len(index), "image"), s.Images.Rows, s.Images.Cols)
	if err != nil {
		return few, err
	}
	if few.images, err = imageset.SelectFrom(s.Images, index); err == nil && s.Latents != nil {
		few.latents, err = imageset.SelectFrom(s.Latents, index)
	}
	return few, err
}

// at returns those at index.
func (p pictures) at(index []int) pictures {
	if len(index) == p.images.N {
		return p
	}
	few := pictures{images: imageset.Select(p.images, index)}
	if p.latents != nil {
		few.latents = imageset.Select(p.latents, index)
	}
	return few
}

// Settings select the methods beside the exact search and the search among latent vectors.
type Settings struct {
	Functions, Tables int // of LSH; no functions leave it out
	Cell              int // of Earth Mover's Distance, in pixels; 0 leaves it out
	Textbook          bool
}

// A Map is a few images of a data set, made ready for the search by each method.
type Map struct {
	file    string
	among   []int // ascending
	methods []method
}

// A method finds the k nearest images of the map for each query. It returns nil if it cannot
// compare the queries. An index below 0 stands for no neighbour.
type method struct {
	name   string
	most   int // images that are asked about
	search func(q question, k int) ([]neighbour, error)
}

// A question is the images whose neighbours a method looks for.
type question struct {
	pictures
	own  []int // place of each in the list of the images of the map; -1 if it is not there
	tell func(done, total int)
}

// Known returns the neighbours of an image that were found before, as Ask would find them; nil if
// they are not known.
type Known func(image int) (index []int64, distance results.Numbers)

// A neighbour is a place in the list of the images of the map and a distance.
type neighbour = nearest.Neighbour[float64]

// New returns the map of the images of data whose indices are in among, which is ascending. If the
// images are very large, it takes fewer of them, evenly spread. The search among latent vectors is
// left out if they are not known. New returns an error if there are no images, if they cannot be
// read, or if there is no memory to prepare them.
func New(data Set, among []int, s Settings) (*Map, error) {
	among = spread(among, max(1, maxValues/max(1, data.Images.Dim())))
	m := &Map{file: data.File, among: among}
	copied, err := data.at(among)
	if err != nil {
		return nil, err
	}
	few := copied.images
	exact, err := knn.New(few.Set())
	if err != nil {
		return nil, err
	}
	m.add(results.Exact, func(q question, k int) ([]neighbour, error) {
		return floats(exact.Nearest(q.images, k, nil))
	})
	if data.Latents != nil {
		latent, err := knn.New(copied.latents.Set())
		if err != nil {
			return nil, err
		}
		m.add(results.Latent, func(q question, k int) ([]neighbour, error) {
			if q.latents == nil {
				return nil, nil
			}
			return floats(latent.Nearest(q.latents, k, nil))
		})
	}
	if s.Functions > 0 {
		lsh, err := newLSH(exact, s)
		if err != nil {
			return nil, err
		}
		m.add(results.LSH, func(q question, k int) ([]neighbour, error) {
			found, _, err := lsh.Nearest(exact, q.images, k, nil)
			return floats(found, err)
		})
	}
	if s.Cell > 0 {
		if err := emd.Check(few.Rows, few.Cols, s.Cell); err != nil {
			return nil, err
		}
		m.add(results.Earth, func(q question, k int) ([]neighbour, error) {
			search, err := emd.NewSearch(q.images, k, s.Cell)
			if err == nil {
				err = search.AddOwn(few, 0, q.own, q.tell)
			}
			if err != nil {
				return nil, err
			}
			return search.Nearest(), nil
		})
		cells := ((few.Rows + s.Cell - 1) / s.Cell) * ((few.Cols + s.Cell - 1) / s.Cell)
		m.methods[len(m.methods)-1].most = maxWork / (cells * cells * cells)
	}
	return m, nil
}

// newLSH hashes the images as the run hashed the whole data set.
func newLSH(few *knn.Index[uint8], s Settings) (lsh *knn.LSH, err error) {
	width, err := knn.Width(few, nil)
	if err != nil {
		return nil, err
	}
	n, rows, cols := int64(few.Set.N), few.Set.Rows, few.Set.Cols
	if s.Textbook {
		lsh, err = knn.NewTextbookLSH(n, rows, cols, width, s.Functions, s.Tables)
	} else {
		lsh, err = knn.NewLSH(n, rows, cols, width, s.Functions)
	}
	if err != nil {
		return nil, err
	}
	return lsh, lsh.Keep(few.Kept(), nil)
}

func (m *Map) add(name string, search func(q question, k int) ([]neighbour, error)) {
	m.methods = append(m.methods, method{name, math.MaxInt, search})
}

func floats(found []knn.Neighbour, err error) ([]neighbour, error) {
	all := make([]neighbour, len(found))
	for i, n := range found {
		all[i] = neighbour{Index: n.Index, Distance: float64(n.Distance)}
	}
	return all, err
}

// spread returns at most n elements of list, evenly spread.
func spread(list []int, n int) []int {
	if len(list) <= n {
		return list
	}
	few := make([]int, n)
	for i := range few {
		few[i] = list[i*len(list)/n]
	}
	return few
}

// Themselves returns the neighbours of the images of the map, which are of data, as Ask does.
func (m *Map) Themselves(data Set, tell func(done, total int)) (*results.Neighbourhoods, error) {
	return m.Ask(data, m.among, nil, tell)
}

// Ask returns the neighbours of the images of queries whose indices are in asked, which is
// ascending. If queries come from the file of the map, an image is not its own neighbour.
//
// Earth Mover's Distance takes nearly all the time. known, unless nil, has neighbours by it that
// need not be looked for. tell, unless nil, is called after each image for which they are.
//
// Ask returns an error if the queries differ from the images of the map in size, if they cannot be
// read, or if there is no memory to search.
func (m *Map) Ask(
	queries Set, asked []int, known Known, tell func(done, total int),
) (*results.Neighbourhoods, error) {
	all := &results.Neighbourhoods{
		Data: m.file, Among: m.among, Asked: queries.File, Images: asked,
	}
	images, err := queries.at(asked)
	if err != nil {
		return nil, err
	}
	every := make([]int, len(asked))
	for i := range every {
		every[i] = i
	}
	for _, method := range m.methods {
		n := results.Neighbours{
			Method:   method.name,
			Index:    make([][]int64, len(asked)),
			Distance: make([]results.Numbers, len(asked)),
		}
		places := spread(every, method.most)
		if method.name == results.Earth && known != nil {
			places = slices.DeleteFunc(slices.Clone(places), func(i int) bool {
				n.Index[i], n.Distance[i] = known(asked[i])
				return n.Index[i] != nil
			})
		}
		q := question{images.at(places), m.own(queries.File, asked, places), tell}
		k := min(neighbours+1, len(m.among)) // one more: the image itself may be among them
		found, err := method.search(q, k)
		if err != nil {
			return nil, idx.Named(queries.File, err)
		}
		if found == nil {
			continue
		}
		for j, i := range places {
			self := -1
			if queries.File == m.file {
				self = asked[i]
			}
			n.Index[i], n.Distance[i] = m.list(found[j*k:(j+1)*k], self)
		}
		all.Methods = append(all.Methods, n)
	}
	return all, nil
}

// own returns the place in the map of each image of file that is asked about, or -1.
func (m *Map) own(file string, asked, places []int) []int {
	own := make([]int, len(places))
	for j, i := range places {
		at, there := slices.BinarySearch(m.among, asked[i])
		if !there || file != m.file {
			at = -1
		}
		own[j] = at
	}
	return own
}

// list returns the indices and the distances of at most ten neighbours, without the image self.
func (m *Map) list(found []neighbour, self int) (index []int64, distance results.Numbers) {
	index, distance = []int64{}, results.Numbers{}
	for _, n := range found {
		if n.Index < 0 || len(index) == neighbours {
			break
		}
		if image := m.among[n.Index]; image != self {
			index, distance = append(index, int64(image)), append(distance, n.Distance)
		}
	}
	return index, distance
}
