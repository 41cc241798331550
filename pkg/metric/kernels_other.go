//go:build !(amd64 || arm64) || purego

package metric

func instructionSets() []implementation { return nil }
