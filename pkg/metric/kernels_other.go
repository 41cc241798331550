//go:build !amd64 || purego

package metric

func instructionSets() []implementation { return nil }
