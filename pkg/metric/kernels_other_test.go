//go:build !amd64 || purego

package metric

import "testing"

func implementations(t *testing.T, test func(t *testing.T)) { t.Run("portable", test) }

func benchmarkImplementations(b *testing.B, run func(b *testing.B)) { b.Run("portable", run) }
