# Needs Go and make, nothing else. `make help` lists the targets.

# Pure Go: no C compiler is asked for, and the binaries run anywhere.
export CGO_ENABLED = 0

PROGRAMS = $(addprefix NeuralNetwork/,reduce classification) \
	$(addprefix NearestNeighboursAndClustering/,search cluster shard)

# Packages in which goroutines share data. They are tested under the race detector too, which needs
# a C compiler.
THREADED = ./NeuralNetwork/... \
	$(patsubst %,./pkg/%/...,clustering cmd/internal/grow deform emd idx knn metric nn outfile \
	parallel progress)
CC_FOUND = $(shell command -v $$(go env CC) 2>/dev/null)

# Where OpenCL's library is, the networks can run on a graphics processor: make GPU=yes or GPU=no
# decides otherwise. On Linux, programs with OpenCL need glibc's loader of shared libraries.
ifeq ($(OS),Windows_NT)
GPU ?= yes
else ifeq ($(shell uname -s),Darwin)
GPU ?= yes
else
LIBRARIES = $(addsuffix /lib,/usr/lib /usr/lib64 /usr/lib/*-linux-gnu /usr/local/lib \
	/usr/local/cuda*/lib64)
FOUND = $(wildcard $(LIBRARIES:=OpenCL.so.1) $(LIBRARIES:=nvidia-opencl.so.1))
GPU ?= $(if $(and $(FOUND),$(wildcard /lib*/ld-linux*.so.*)),yes,no)
endif
ifeq ($(filter yes no,$(GPU)),)
$(error GPU=$(GPU): expected yes or no)
endif
TAGS = $(if $(filter yes,$(GPU)), -tags gpu)

.PHONY: all test test-gpu torture scale bench bench-cores bench-peers bench-kernels spark \
	check-keras cross asm datasets demo reproduce clean help

all: ## build the programs (default)
	go build$(TAGS) -o NeuralNetwork/ ./NeuralNetwork/cmd/...
	go build -o NearestNeighboursAndClustering/ ./NearestNeighboursAndClustering/cmd/...

test: ## vet and run every test, also under the race detector if a C compiler is there
	go vet ./...
	go test ./...
	@for b in chromium chromium-browser google-chrome chrome; do \
		command -v $$b >/dev/null && exit 0; done; \
		echo 'pages in a browser: not tested, Chromium is not there'
ifeq ($(CC_FOUND),)
	@echo 'race detector: not run, it needs a C compiler ($(shell go env CC) is not there)'
else
	CGO_ENABLED=1 go test -race -short $(THREADED)
endif

# PoCL computes on the processor. It compiles the small kernels of most tests in haste.
test-gpu: ## test the engine for graphics processors with the OpenCL driver that is there
	POCL_EXTRA_BUILD_FLAGS=-cl-opt-disable go test -tags gpu -timeout 30m ./pkg/nn/opencl
	POCL_EXTRA_BUILD_FLAGS=-cl-opt-disable go test -tags gpu -timeout 30m -run 'Device|Driver' \
		./NeuralNetwork/...
	go test -tags gpu -timeout 30m -run TrainingFollows ./pkg/nn

torture: ## half an hour of tests against faults (pkg/torture/README.md tells what it needs)
	cd pkg/torture && go test -timeout 1h -torture

# Numbers of images; the times of the first are those that the others are compared with.
N = 60000,600000,6000000,8100000

scale: datasets ## measure the programs on N images, up to 8 million (Linux, 18 GB of disk)
	go test -timeout 0 -run '^TestScale$$' -v ./pkg/torture -args -scale $(N) \
		-scale-folder '$(CURDIR)/scale' -scale-mnist '$(CURDIR)/datasets'

bench: ## measure every kernel and stage, each kernel beside its portable twin
	go test$(TAGS) -run '^$$' -bench . -benchmem ./pkg/...

bench-cores: ## measure training steps on 1, 2, 4, ... and all cores of this machine
	go test -run '^$$' -bench '^Benchmark(Do|Cores|Schedule)$$' ./pkg/parallel ./pkg/nn/cpu

# The targets that follow alone need Python and packages from PyPI; the environments lie in .peers/.
.peers/%: pkg/_peers/%.txt
	python3 -m venv $@
	$@/bin/pip install -q -r $<
	touch $@

bench-peers: datasets .peers/search .peers/train ## compare the speed with peers (Python 3.11, PyPI)
	.peers/search/bin/python pkg/_peers/search.py
	.peers/train/bin/python pkg/_peers/train.py

bench-kernels: .peers/kernels ## count what an H100 would execute in a training step (clang, PyPI)
	.peers/kernels/bin/python pkg/_peers/kernels.py

spark: all datasets .peers/spark ## run every stage on Spark, as on one machine (Python, PyPI)
	.peers/spark/bin/python pkg/_spark/check.py $(SCALE)

check-keras: datasets ## exchange model files with Keras 2.12, 2.15, 3 (Python 3.8 to 3.11, PyPI)
	sh pkg/keras/_check/check.sh .peers/keras

cross: ## build for the other systems and processors
	for os in linux darwin windows; do GOOS=$$os GOARCH=arm64 go vet ./... || exit 1; done
	GOOS=windows GOARCH=amd64 go build ./...
	for arch in riscv64 s390x; do GOOS=linux GOARCH=$$arch go build ./... || exit 1; done
	go build -tags purego ./...
	for os in linux darwin windows; do \
		GOOS=$$os GOARCH=arm64 go vet -tags gpu ./pkg/nn/... ./NeuralNetwork/... || exit 1; done

asm: ## write the assembly kernels anew from their generators
	go generate ./pkg/...

datasets: datasets/small/query/labels.dat ## fetch MNIST through the Go module proxy into datasets/

# This file is the last that is written: if it is there, all are.
datasets/small/query/labels.dat:
	go run ./pkg/cmd/datasets datasets

demo: all $(if $(DATA),,datasets) ## run the whole pipeline on MNIST, or on DATA=FOLDER, and show it
	go run ./pkg/cmd/demo $(if $(DATA),'$(DATA)')

reproduce: all datasets ## run everything at full size and compare with the published figures
	go run ./pkg/cmd/reproduce

clean: ## remove the programs; what they and the other targets wrote stays
	rm -f $(PROGRAMS) $(PROGRAMS:=.exe)

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14
