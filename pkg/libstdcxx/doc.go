// Package libstdcxx imitates what the original programs show of GCC's C++ standard library
// (https://gcc.gnu.org/onlinedocs/libstdc++/): its random numbers, the iteration order of its hash
// sets and its text for floating-point numbers.
package libstdcxx
