package report

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"testing"
)

// sights are how people see linear red, green and blue: all of it, without green cones, without red
// ones (Machado, Oliveira and Fernandes, A Physiologically-based Model for Simulation of Color
// Vision Deficiency, 2009, severity 1).
var sights = map[string][3][3]float64{
	"all colours": {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
	"deuteranopia": {
		{0.367322, 0.860646, -0.227968}, {0.280085, 0.672501, 0.047413},
		{-0.011820, 0.042940, 0.968881},
	},
	"protanopia": {
		{0.152286, 1.052583, -0.204868}, {0.114503, 0.786281, 0.099216},
		{-0.003882, -0.048116, 1.051998},
	},
}

// linear returns red, green and blue of a colour such as #0044bb, without gamma.
func linear(t *testing.T, colour string) (v [3]float64) {
	t.Helper()
	for c := range v {
		n, err := strconv.ParseUint(colour[1+2*c:3+2*c], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		if x := float64(n) / 255; x <= 0.04045 {
			v[c] = x / 12.92
		} else {
			v[c] = math.Pow((x+0.055)/1.055, 2.4)
		}
	}
	return v
}

func times(m [3][3]float64, v [3]float64) (w [3]float64) {
	for r := range w {
		for c := range v {
			w[r] += m[r][c] * v[c]
		}
		w[r] = min(1, max(0, w[r]))
	}
	return w
}

// oklab returns the place of a colour in a space in which distances are as people see them
// (Ottosson, A perceptual color space for image processing, 2020).
func oklab(v [3]float64) [3]float64 {
	w := times([3][3]float64{
		{0.4122214708, 0.5363325363, 0.0514459929}, {0.2119034982, 0.6806995451, 0.1073969566},
		{0.0883024619, 0.2817188376, 0.6299787005},
	}, v)
	l, m, s := math.Cbrt(w[0]), math.Cbrt(w[1]), math.Cbrt(w[2])
	return [3]float64{
		0.2104542553*l + 0.7936177850*m - 0.0040720468*s,
		1.9779984951*l - 2.4285922050*m + 0.4505937099*s,
		0.0259040371*l + 0.7827717662*m - 0.8086757660*s,
	}
}

// Every two of the ten colours differ for people who are colour-blind, too, in the light and in the
// dark theme, and each stands out from the paper.
func TestColoursPart(t *testing.T) {
	raised := regexp.MustCompile(`--raised: (#[0-9a-f]{6});`).FindAllStringSubmatch(string(style), -1)
	if len(raised) < 2 {
		t.Fatal("the style sheet has no two themes")
	}
	var of [10][][]string
	for c := range of {
		pattern := regexp.MustCompile(fmt.Sprintf(`--c%d: (#[0-9a-f]{6});`, c))
		of[c] = pattern.FindAllStringSubmatch(string(style), -1)
	}
	for theme := range raised {
		var colours []string
		for c := range of {
			colours = append(colours, of[c][theme][1])
		}
		light := func(colour string) float64 {
			v := linear(t, colour)
			return 0.2126*v[0] + 0.7152*v[1] + 0.0722*v[2] + 0.05
		}
		for i, a := range colours {
			paper := raised[theme][1]
			contrast := max(light(a), light(paper)) / min(light(a), light(paper))
			if contrast < 2.99 {
				t.Errorf("%s on %s has a contrast of %.2f, want 3", a, paper, contrast)
			}
			for sight, m := range sights {
				for _, b := range colours[:i] {
					p, q := oklab(times(m, linear(t, a))), oklab(times(m, linear(t, b)))
					d := math.Sqrt(math.Pow(p[0]-q[0], 2) + math.Pow(p[1]-q[1], 2) +
						math.Pow(p[2]-q[2], 2))
					if d < 0.08 {
						t.Errorf("%s: %s and %s are only %.3f apart", sight, a, b, d)
					}
				}
			}
		}
	}
}
