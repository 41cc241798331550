// Package torture has the tests of what can go wrong around the finished programs: they are killed, their disk is full, they run on fewer
// cores and older processors, on very many images, on images of other sizes and classes, and what they are made of is checked. There is nothing in it
// but tests.
//
// go test runs a short form of what can be short; make torture the long form of all, and shows the figures in a table.
package torture
