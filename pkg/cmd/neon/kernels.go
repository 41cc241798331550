package main

func kernels(a *asm) {
	matmuls(a)
	a.addTo()
	a.sum()
	a.squares()
	a.normalise()
	a.gradSums()
	a.backward()
	a.pool2x2()
	a.unpool2x2()
	a.winogradIn()
	a.winogradOut()
	a.winogradGradIn()
	a.winogradFilter()
	a.winogradFilterGrad()
	a.sigmoid()
	a.rmsprop()
	a.adam()
}
