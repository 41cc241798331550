#!/bin/sh
# Counts the instructions that the kernels execute on arm64, beside their portable twins, in an
# emulator. It needs Debian's packages qemu-user and gcc, and prints millions for an operation of
# each benchmark.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cc -O2 -shared -fPIC -o "$work/instructions.so" instructions.c

# executed PACKAGE BENCHMARK TIMES prints what that many operations and everything around execute.
executed() {
	(cd "../$1" && GOMAXPROCS=1 GOGC=off qemu-aarch64 -plugin "$work/instructions.so" \
		"$work/test" -test.run '^$' -test.bench "^Benchmark$2\$" -test.benchtime "$3x" 2>&1) |
		awk '$2 == "instructions" { print $1 } /^Benchmark/ { n++ } END { if (n != 1) print "none" }'
}

# compare PACKAGE BENCHMARK TIMES prints the row of a benchmark.
compare() {
	CGO_ENABLED=0 GOARCH=arm64 go test -c -o "$work/test" "../$1"
	row=
	for kernels in NEON portable; do
		one=$(executed "$1" "$2/$kernels" 1)
		more=$(executed "$1" "$2/$kernels" "$(($3 + 1))")
		row="$row $(((more - one) / $3))"
	done
	echo "$2$row" | awk '{ printf "%-40s NEON %10.3f   portable %10.3f   1/%.1f\n",
		$1, $2 / 1e6, $3 / 1e6, $3 / $2 }'
}

compare metric Distances/uint8/dim784 20
compare metric Distances/uint16/dim10 200
compare nn/internal/kernel Matmul 50
compare nn/cpu 'TrainingStep/filters=.16_32_64.' 1
compare nn/cpu 'Prediction/filters=.16_32_64.' 1
