package protocol

import (
	"encoding/base64"
	"errors"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

var errMalformed = errors.New("malformed value")

// setScalar parses text into v.
func setScalar(s *shape, v reflect.Value, text string) error {
	switch s.kind {
	case kindString:
		s.place(v).SetString(text)
	case kindBool:
		switch {
		case strings.EqualFold(text, "true"):
			s.place(v).SetBool(true)
		case strings.EqualFold(text, "false"):
			s.place(v).SetBool(false)
		default:
			return errMalformed
		}
	case kindInt:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return errMalformed
		}
		s.place(v).SetInt(n)
	case kindFloat:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return errMalformed
		}
		s.place(v).SetFloat(f)
	case kindTime:
		t, err := parseTime(text)
		if err != nil {
			return err
		}
		s.place(v).Set(reflect.ValueOf(t))
	case kindBlob:
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return errMalformed
		}
		s.place(v).SetBytes(b)
	default:
		return errMalformed
	}
	return nil
}

// parseTime reads what clients send: ISO 8601, HTTP dates, epoch seconds.
func parseTime(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "20060102T150405Z", "2006-01-02", time.RFC1123} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(f) || math.Abs(f) > 1e11 {
		return time.Time{}, errMalformed
	}
	return time.UnixMilli(int64(math.Round(f * 1000))).UTC(), nil
}

// scalarText is the text of a scalar. v is not a nil pointer.
func scalarText(s *shape, v reflect.Value, ts string) string {
	if s.ptr {
		v = v.Elem()
	}
	switch s.kind {
	case kindBool:
		return strconv.FormatBool(v.Bool())
	case kindInt:
		return strconv.FormatInt(v.Int(), 10)
	case kindFloat:
		return strconv.FormatFloat(v.Float(), 'f', -1, 64)
	case kindTime:
		return timeText(v.Interface().(time.Time), ts)
	case kindBlob:
		return base64.StdEncoding.EncodeToString(v.Bytes())
	}
	return v.String()
}

func timeText(t time.Time, ts string) string {
	switch t = t.UTC(); ts {
	case "seconds":
		return t.Format("2006-01-02T15:04:05Z")
	case "rfc822":
		return t.Format("Mon, 02 Jan 2006 15:04:05 GMT")
	case "unixTimestamp":
		return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', -1, 64)
	}
	return t.Format("2006-01-02T15:04:05.000Z")
}

// absent reports whether a value is not there: a nil pointer, slice or map.
func absent(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return v.IsNil()
	}
	return false
}
