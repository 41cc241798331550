# Needs Go and make, nothing else. `make help` lists the targets.

# Pure Go: no C compiler is asked for, and the binaries run anywhere.
export CGO_ENABLED = 0

PROGRAMS = NeuralNetwork/reduce NeuralNetwork/classification NearestNeighboursAndClustering/search NearestNeighboursAndClustering/cluster

# Packages in which goroutines share data; they are tested under the race detector too, which needs a C compiler.
THREADED = ./pkg/metric/... ./pkg/knn/... ./pkg/emd/... ./pkg/clustering/... ./pkg/nn/...
CC_FOUND = $(shell command -v $$(go env CC) 2>/dev/null)

.PHONY: all test bench datasets demo clean help

all: ## build the four programs (default)
	go build -o NeuralNetwork/ ./NeuralNetwork/cmd/...
	go build -o NearestNeighboursAndClustering/ ./NearestNeighboursAndClustering/cmd/...

test: ## vet and run every test; the threaded packages under the race detector too, where a C compiler is present
	go vet ./...
	go test ./...
ifeq ($(CC_FOUND),)
	@echo 'race detector: not run, it needs a C compiler ($(shell go env CC) is not there)'
else
	CGO_ENABLED=1 go test -race -short $(THREADED)
endif

bench: ## measure every kernel and stage against its portable twin
	go test -run '^$$' -bench . -benchmem ./pkg/...

datasets: datasets/small/query/labels.dat ## fetch MNIST through the Go module proxy into datasets/

# The last file that is written stands for all.
datasets/small/query/labels.dat:
	go run ./pkg/cmd/datasets datasets

demo: all datasets ## run the whole pipeline on real MNIST and show what came out
	go run ./pkg/cmd/demo

clean: ## remove the programs; datasets/ and demo/ stay
	rm -f $(PROGRAMS) $(PROGRAMS:=.exe)

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12
