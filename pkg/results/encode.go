package results

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"reflect"
	"strconv"
	"strings"
)

// An encoder writes values as package encoding/json does, but number by number. So the text of a
// document, which may take more memory than its numbers, is never in memory as a whole.
type encoder struct {
	w    *bufio.Writer
	text []byte       // of a number
	leaf bytes.Buffer // what package json has encoded
	json *json.Encoder
	err  error
}

// encode writes a value and a line end.
func encode(w io.Writer, v any) error {
	e := &encoder{w: bufio.NewWriterSize(w, 1<<16)}
	e.json = json.NewEncoder(&e.leaf)
	e.json.SetEscapeHTML(false)
	e.value(reflect.ValueOf(v))
	e.w.WriteByte('\n')
	if e.err != nil {
		return e.err
	}
	return e.w.Flush() // returns the first error of all writes
}

// value writes a value.
func (e *encoder) value(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			e.w.WriteString("null")
		} else {
			e.value(v.Elem())
		}
	case reflect.Slice:
		e.list(v)
	case reflect.Struct:
		if _, own := v.Interface().(json.Marshaler); own {
			e.other(v)
			return
		}
		e.w.WriteByte('{')
		e.fields(v, true)
		e.w.WriteByte('}')
	default:
		e.other(v)
	}
}

// fields writes the fields of a struct, and those of structs embedded in it. first tells whether no
// field was written before. fields returns the same for what comes after.
func (e *encoder) fields(v reflect.Value, first bool) bool {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Anonymous {
			first = e.fields(v.Field(i), first)
			continue
		}
		name, option, _ := strings.Cut(f.Tag.Get("json"), ",")
		if option == "omitempty" && v.Field(i).IsZero() {
			continue
		}
		if !first {
			e.w.WriteByte(',')
		}
		first = false
		e.w.WriteByte('"')
		e.w.WriteString(name)
		e.w.WriteString(`":`)
		e.value(v.Field(i))
	}
	return first
}

// list writes a slice.
func (e *encoder) list(v reflect.Value) {
	if v.IsNil() {
		e.w.WriteString("null")
		return
	}
	// Lists of one number for each image are long.
	switch list := v.Interface().(type) {
	case []int32:
		integers(e, list)
	case []int:
		integers(e, list)
	case []int64:
		integers(e, list)
	case Grey:
		integers(e, list)
	case Numbers:
		each(e, len(list), func(i int) { e.text = appendNumber(e.text, list[i], 64) })
	case Values:
		each(e, len(list), func(i int) { e.text = appendNumber(e.text, float64(list[i]), 32) })
	default:
		e.w.WriteByte('[')
		for i := range v.Len() {
			if i > 0 {
				e.w.WriteByte(',')
			}
			e.value(v.Index(i))
		}
		e.w.WriteByte(']')
	}
}

// integers writes a list of whole numbers.
func integers[I int | int32 | int64 | uint8](e *encoder, list []I) {
	each(e, len(list), func(i int) { e.text = strconv.AppendInt(e.text, int64(list[i]), 10) })
}

// each writes a list of n numbers, which add appends to text.
func each(e *encoder, n int, add func(i int)) {
	e.w.WriteByte('[')
	for i := range n {
		e.text = e.text[:0]
		if i > 0 {
			e.text = append(e.text, ',')
		}
		add(i)
		e.w.Write(e.text)
	}
	e.w.WriteByte(']')
}

// other writes a value as package json encodes it.
func (e *encoder) other(v reflect.Value) {
	e.leaf.Reset()
	if err := e.json.Encode(v.Interface()); err != nil && e.err == nil {
		e.err = err
	}
	e.w.Write(bytes.TrimSuffix(e.leaf.Bytes(), []byte("\n")))
}
