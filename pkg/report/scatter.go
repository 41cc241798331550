package report

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"

	"imagesimilarity/pkg/plane"
	"imagesimilarity/pkg/results"
)

// A layout is a way to lay points out in the plane, as the script reads it.
type layout struct {
	Name string `json:"name"`
	X    string `json:"x"` // what its axes are
	Y    string `json:"y"`
	Note string `json:"note"` // how to read it

	place [][2]float64
}

// scatter draws the latent vectors of images of a file in the plane.
func (p *Page) scatter(round *results.Autoencoder, file string, images Images) template.HTML {
	if len(round.Latents) != len(round.Points) {
		panic(badLatents)
	}
	var points []int
	var vectors []results.Values
	var kept [][2]float64
	for i, v := range round.Latents {
		if !v.Finite() {
			continue
		}
		points, vectors = append(points, round.Points[i]), append(vectors, v)
		if i < len(round.Map) && len(round.Map[i]) == 2 {
			kept = append(kept, [2]float64{float64(round.Map[i][0]), float64(round.Map[i][1])})
		}
	}
	if len(points) == 0 {
		return execute("notice", "No latent vector is finite.")
	}
	place, share := plane.PCA(vectors)
	var layouts []layout
	if len(kept) == len(points) {
		layouts = append(layouts, layout{"t-SNE", "", "",
			"Neighbours in the latent space stay neighbours here. Neither the axes nor the " +
				"distances between groups mean anything.", kept})
	}
	layouts = append(layouts, layout{"PCA",
		"first principal component, " + part(share[0]) + " of the variance",
		"second principal component, " + part(share[1]) + " of the variance",
		"The two directions in which the vectors vary most. Distances are to scale; what lies " +
			"in the other directions is not seen.", place})
	head, err := json.Marshal(layouts)
	if err != nil {
		panic(err) // texts only
	}

	var packed []byte
	for _, i := range points {
		packed = binary.LittleEndian.AppendUint32(packed, uint32(i))
		label := int32(labelOf(i, images.Labels))
		packed = binary.LittleEndian.AppendUint32(packed, uint32(label))
	}
	for _, l := range layouts {
		packed = appendPlaces(packed, l.place)
		p.keep("map-"+strings.ToLower(l.Name), l.graph(points, images.Labels))
	}
	type class struct {
		Label  string
		Colour template.CSS
	}
	var classes []class
	different := labels(images.Labels[:min(len(images.Labels), images.N)])
	for i, l := range different {
		classes = append(classes, class{fmt.Sprint(l), colour(i)})
	}
	return execute("scatter", map[string]any{
		"Shown": len(points), "Images": images.N, "Dimensions": len(vectors[0]),
		"File": file, "Layouts": layouts, "Head": string(head),
		"Packed": base64.StdEncoding.EncodeToString(packed), "Classes": classes,
	})
}

func part(share float64) string { return percent(int(math.Round(1000*share)), 1000) }

// appendPlaces appends the places in whole steps from 0 to 65535. Both directions have one scale,
// and the smaller extent lies in the middle.
func appendPlaces(packed []byte, place [][2]float64) []byte {
	low := [2]float64{math.Inf(1), math.Inf(1)}
	high := [2]float64{math.Inf(-1), math.Inf(-1)}
	for _, at := range place {
		for c, v := range at {
			low[c], high[c] = min(low[c], v), max(high[c], v)
		}
	}
	extent := max(high[0]-low[0], high[1]-low[1])
	if extent == 0 {
		extent = 1
	}
	for _, at := range place {
		for c, v := range at {
			middle := float64((low[c] + high[c]) / 2)
			step := math.Round((0.5 + (v-middle)/extent) * math.MaxUint16)
			packed = binary.LittleEndian.AppendUint16(packed, uint16(step))
		}
	}
	return packed
}

func notFinite(v float32) bool {
	return math.IsNaN(float64(v)) || math.IsInf(float64(v), 0)
}

// labelOf returns the label of image i, and -1 if it is not known.
func labelOf(i int, labels []uint8) int {
	if i < len(labels) {
		return int(labels[i])
	}
	return -1
}

// labels returns the different labels, ascending.
func labels(all []uint8) []uint8 {
	return slices.Compact(slices.Sorted(slices.Values(all)))
}

// colour returns the colour of class i. The first ten have the colours of the style sheet, the next
// ones the same colours nearer and nearer to the ink: their labels tell them apart.
func colour(i int) template.CSS {
	c, shade := i%len(series), i/len(series)
	if shade == 0 {
		return template.CSS(fmt.Sprintf("var(--c%d)", c))
	}
	return template.CSS(fmt.Sprintf("color-mix(in srgb, var(--c%d) %d%%, var(--ink))",
		c, max(40, 100-10*shade)))
}
