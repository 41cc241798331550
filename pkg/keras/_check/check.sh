#!/bin/sh
# Checks the exchange of model files with real Keras, both ways: sh pkg/keras/_check/check.sh DIR
# It begins with small models of every kind that package keras writes, and encoders of all layers
# that it reads. Then the programs run with MNIST from datasets/. h5dump and h5ls check the files
# too if they are installed.
# Needs python3 (3.8 to 3.11 for Keras 2.12 and 2.15), a network and about 5 GB in DIR, which keeps
# the environments for the next time.
set -eu
dir=${1:?usage: check.sh DIR}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
cd "$(dirname "$0")/../../.."

go build -o "$dir/" ./NeuralNetwork/cmd/...
go build -o "$dir/check" ./pkg/keras/_check
for version in 2.12 2.15 3; do
	venv=$dir/venv-$version
	if [ ! -e "$venv/installed" ]; then
		python3 -m venv "$venv"
		case $version in
		3) "$venv/bin/pip" install -q tensorflow-cpu keras h5py ;;
		*) "$venv/bin/pip" install -q "tensorflow-cpu==$version.*" h5py ;;
		esac
		touch "$venv/installed"
	fi
	models=$dir/models-$version
	rm -rf "$models"
	mkdir "$models"
	"$dir/check" write "$models"
	"$venv/bin/python" -B pkg/keras/_check/check_keras.py "$models"
	"$dir/check" read "$models"
	"$venv/bin/python" -B pkg/keras/_check/encoders.py "$models"
	"$dir/check" encoders "$models"
	"$venv/bin/python" -B pkg/keras/_check/programs.py datasets "$dir" "$models"
done
if command -v h5dump >/dev/null && command -v h5ls >/dev/null; then
	for file in "$models"/go_*.h5 "$models/autoencoder.h5" "$models/classifier.h5"; do
		for tool in h5dump 'h5ls -r -v'; do
			$tool "$file" >/dev/null 2>"$dir/messages"
			if [ -s "$dir/messages" ]; then
				cat "$dir/messages"
				exit 1
			fi
		done
	done
	h5dump --version
	echo "h5dump and h5ls read the files without a message"
else
	echo "h5dump and h5ls are not installed: not checked"
fi
