package plural

import "testing"

func TestOf(t *testing.T) {
	for _, c := range []struct {
		n     int
		thing string
		want  string
	}{
		{0, "image", "0 images"},
		{1, "image", "1 image"},
		{2, "image", "2 images"},
		{1, "query", "1 query"},
		{1000, "query", "1000 queries"},
		{0, "query", "0 queries"},
		{-1, "latent vector", "-1 latent vectors"},
	} {
		if got := Of(c.n, c.thing); got != c.want {
			t.Errorf("%d, %q: %q, want %q", c.n, c.thing, got, c.want)
		}
	}
}
