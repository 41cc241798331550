# Needs Go and make, nothing else. `make help` lists the targets.

# Pure Go: no C compiler is asked for, and the binaries run anywhere.
export CGO_ENABLED = 0

PROGRAMS = NeuralNetwork/reduce NeuralNetwork/classification NearestNeighboursAndClustering/search NearestNeighboursAndClustering/cluster

# Packages in which goroutines share data; they are tested under the race detector too, which needs a C compiler.
THREADED = ./NeuralNetwork/... ./pkg/clustering/... ./pkg/emd/... ./pkg/knn/... ./pkg/metric/... ./pkg/nn/... ./pkg/parallel/... ./pkg/progress/...
CC_FOUND = $(shell command -v $$(go env CC) 2>/dev/null)

.PHONY: all test torture bench bench-peers check-keras cross asm datasets demo reproduce clean help

all: ## build the four programs (default)
	go build -o NeuralNetwork/ ./NeuralNetwork/cmd/...
	go build -o NearestNeighboursAndClustering/ ./NearestNeighboursAndClustering/cmd/...

test: ## vet and run every test; the threaded packages under the race detector too, where a C compiler is present
	go vet ./...
	go test ./...
	@for b in chromium chromium-browser google-chrome chrome; do command -v $$b >/dev/null && exit 0; done; \
		echo 'pages in a browser: not tested, Chromium is not there'
ifeq ($(CC_FOUND),)
	@echo 'race detector: not run, it needs a C compiler ($(shell go env CC) is not there)'
else
	CGO_ENABLED=1 go test -race -short $(THREADED)
endif

torture: ## kill, fill, fuzz, emulate, scan and load for half an hour, and show the figures (needs the Go module proxy and 4 GB of memory and of disk)
	cd pkg/torture && go test -timeout 1h -torture

bench: ## measure every kernel and stage against its portable twin
	go test -run '^$$' -bench . -benchmem ./pkg/...

# Python and packages from PyPI, for these targets alone: environments in .peers/.
.peers/%: pkg/_peers/%.txt
	python3 -m venv $@
	$@/bin/pip install -q -r $<
	touch $@

bench-peers: datasets .peers/search .peers/train ## the same work by FAISS, scikit-learn, POT, OR-tools and TensorFlow (needs Python 3.11 and PyPI)
	.peers/search/bin/python pkg/_peers/search.py
	.peers/train/bin/python pkg/_peers/train.py

check-keras: datasets ## exchange model files with real Keras 2.12, 2.15 and 3, both ways (needs Python 3.8 to 3.11 and PyPI)
	sh pkg/keras/_check/check.sh .peers/keras

cross: ## build for the other systems and processors
	GOOS=linux GOARCH=arm64 go build ./...
	GOOS=darwin GOARCH=arm64 go build ./...
	GOOS=windows GOARCH=amd64 go build ./...
	go build -tags purego ./...

asm: ## write the assembly kernels anew from their generators
	cd pkg/metric/_asm && go run . -out ../kernels_amd64.s -stubs ../kernels_stubs_amd64.go -pkg metric
	cd pkg/nn/_asm && go run . -out ../kernels_amd64.s -stubs ../kernels_stubs_amd64.go -pkg nn

datasets: datasets/small/query/labels.dat ## fetch MNIST through the Go module proxy into datasets/

# The last file that is written stands for all.
datasets/small/query/labels.dat:
	go run ./pkg/cmd/datasets datasets

demo: all datasets ## run the whole pipeline on real MNIST and show what came out
	go run ./pkg/cmd/demo

reproduce: all datasets ## train and run everything at full size and compare with the published figures: results/REPRODUCED.md
	go run ./pkg/cmd/reproduce

clean: ## remove the programs; what they and the other targets wrote stays
	rm -f $(PROGRAMS) $(PROGRAMS:=.exe)

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14
