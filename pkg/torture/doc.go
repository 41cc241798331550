// Package torture tests the finished programs against what can go wrong around them: they are
// killed, their disk is full, they run on fewer cores and older processors, on very many images,
// and on images of other sizes and classes. It also checks what they are made of: modules,
// licences, assembly, documents. It contains tests only.
//
// go test runs a short form of each test that has one. make torture runs the long form of all and
// shows the figures in a table; README.md explains both.
package torture
