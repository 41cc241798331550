package nn

import (
	"fmt"
	"strings"
)

// Right ends of the three columns of a summary, as Keras places them.
var summaryColumns = [3]int{29, 55, 65}

// Summary returns the table of layers as Keras 2.15 prints it, line ends included. Trainable counts
// all weights but those of frozen layers and the moving statistics of batch normalisation.
func (m *Model) Summary() string {
	width := summaryColumns[len(summaryColumns)-1]
	rule := func(c string) string { return strings.Repeat(c, width) + "\n" }
	var b strings.Builder
	fmt.Fprintf(&b, "Model: \"%s\"\n", m.Name)
	b.WriteString(rule("_") + summaryRow("Layer (type)", "Output Shape", "Param #") + rule("="))
	var total, trainable int
	for _, l := range m.Layers {
		parameters := 0
		for _, w := range l.Weights {
			n := product(w.Shape)
			parameters += n
			if l.Trainable && !w.Moving {
				trainable += n
			}
		}
		total += parameters
		shape := "(None"
		for _, s := range l.Output {
			shape += fmt.Sprintf(", %d", s)
		}
		shape += ")"
		if l.Class == InputLayer {
			shape = "[" + shape + "]" // Keras shows an input's shape as a list of shapes
		}
		name := fmt.Sprintf("%s (%s)", l.Name, l.Class)
		b.WriteString(summaryRow(name, shape, fmt.Sprint(parameters)) + rule(" "))
	}
	b.WriteString(rule("="))
	fmt.Fprintf(&b, "Total params: %d (%s)\n", total, summarySize(total))
	fmt.Fprintf(&b, "Trainable params: %d (%s)\n", trainable, summarySize(trainable))
	fmt.Fprintf(&b, "Non-trainable params: %d (%s)\n", total-trainable, summarySize(total-trainable))
	return b.String() + rule("_")
}

// summaryRow sets three fields in their columns, on as many lines as the longest needs. A line
// begins with a blank, and two blanks stay free before the second and the third column.
func summaryRow(fields ...string) string {
	var b strings.Builder
	for strings.Join(fields, "") != "" {
		line := " "
		start := 0
		for i, end := range summaryColumns {
			most := end - start
			if i < len(summaryColumns)-1 {
				most -= 3
			}
			cut := min(most, len(fields[i]))
			line = fmt.Sprintf("%-*s", end, line+fields[i][:cut])
			fields[i] = fields[i][cut:]
			start = end
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}

// summarySize returns the memory of n float32 parameters in the largest unit of which it is at
// least 1.
func summarySize(n int) string {
	size := 4 * float64(n)
	units := []string{"Byte", "KB", "MB", "GB", "TB", "PB"}
	for size >= 1024 && len(units) > 1 {
		size /= 1024
		units = units[1:]
	}
	return fmt.Sprintf("%.2f %s", size, units[0])
}
