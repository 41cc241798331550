package results

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
)

// A Number is a float64 of any value. In JSON, NaN and the infinities are null
// and null is read as NaN.
type Number float64

// Numbers are float64 values that become numbers or null as a Number does.
type Numbers []float64

// Values are float32 values that become numbers or null as a Number does. They are written with
// as few digits as tell them from other float32 values.
type Values []float32

// Grey is grey levels. In JSON they are numbers; []uint8 would be base64.
type Grey []uint8

// MarshalJSON returns the number or null.
func (n Number) MarshalJSON() ([]byte, error) { return appendNumber(nil, float64(n), 64), nil }

// UnmarshalJSON reads a number or null.
func (n *Number) UnmarshalJSON(text []byte) error {
	all, err := readNumbers[float64]([]byte("[" + string(text) + "]"))
	if err == nil {
		*n = Number(all[0])
	}
	return err
}

// MarshalJSON returns an array of numbers and nulls.
func (n Numbers) MarshalJSON() ([]byte, error) { return marshalNumbers(n, 64), nil }

// UnmarshalJSON reads an array of numbers and nulls.
func (n *Numbers) UnmarshalJSON(text []byte) (err error) {
	*n, err = readNumbers[float64](text)
	return err
}

// MarshalJSON returns an array of numbers and nulls.
func (v Values) MarshalJSON() ([]byte, error) { return marshalNumbers(v, 32), nil }

// UnmarshalJSON reads an array of numbers and nulls.
func (v *Values) UnmarshalJSON(text []byte) (err error) {
	*v, err = readNumbers[float32](text)
	return err
}

// Finite reports whether no value is infinite or NaN.
func (v Values) Finite() bool {
	return !slices.ContainsFunc(v, func(x float32) bool {
		return math.IsNaN(float64(x)) || math.IsInf(float64(x), 0)
	})
}

// MarshalJSON returns an array of whole numbers, or null for nil.
func (g Grey) MarshalJSON() ([]byte, error) {
	if g == nil {
		return []byte("null"), nil
	}
	text := []byte{'['}
	for i, v := range g {
		if i > 0 {
			text = append(text, ',')
		}
		text = strconv.AppendUint(text, uint64(v), 10)
	}
	return append(text, ']'), nil
}

// UnmarshalJSON reads an array of whole numbers from 0 to 255, or null.
func (g *Grey) UnmarshalJSON(text []byte) error {
	var levels []uint16 // []uint8 would be read from base64
	if err := json.Unmarshal(text, &levels); err != nil || levels == nil {
		*g = nil
		return err
	}
	*g = make(Grey, len(levels))
	for i, v := range levels {
		if v > math.MaxUint8 {
			return &json.UnmarshalTypeError{Value: "number " + strconv.Itoa(int(v))}
		}
		(*g)[i] = uint8(v)
	}
	return nil
}

func marshalNumbers[F float32 | float64](all []F, bits int) []byte {
	if all == nil {
		return []byte("null")
	}
	text := []byte{'['}
	for i, v := range all {
		if i > 0 {
			text = append(text, ',')
		}
		text = appendNumber(text, float64(v), bits)
	}
	return append(text, ']')
}

// appendNumber appends v in the form of package encoding/json: the fewest digits that give the
// value back, with an exponent for values that are very small or very large.
func appendNumber(text []byte, v float64, bits int) []byte {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return append(text, "null"...)
	}
	format := byte('f')
	if a := math.Abs(v); a != 0 && (a < 1e-6 || a >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(text, v, format, -1, bits)
}

func readNumbers[F float32 | float64](text []byte) ([]F, error) {
	var read []*F
	if err := json.Unmarshal(text, &read); err != nil || read == nil {
		return nil, err
	}
	all := make([]F, len(read))
	for i, v := range read {
		all[i] = F(math.NaN())
		if v != nil {
			all[i] = *v
		}
	}
	return all, nil
}
