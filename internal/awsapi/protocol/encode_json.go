package protocol

import (
	"encoding/json"
	"reflect"
)

// encodeJSON writes a JSON 1.1 body.
func (o *operation) encodeJSON(v reflect.Value) (*response, error) {
	body, err := json.Marshal(jsonValue(o.out, v, ""))
	if err != nil {
		return nil, err
	}
	return &response{status: o.model.Status, contentType: "application/x-amz-json-1.1", body: body}, nil
}

// jsonValue turns a value into what encoding/json writes as AWS does: members
// by their wire names, times as epoch seconds.
func jsonValue(s *shape, v reflect.Value, ts string) any {
	switch s.kind {
	case kindStruct:
		v = reflect.Indirect(v)
		m := map[string]any{}
		for i := range s.fields {
			f := &s.fields[i]
			if fv := v.Field(f.index); f.out != "" && !absent(fv) {
				m[f.out] = jsonValue(f.shape, fv, f.ts)
			}
		}
		return m
	case kindList:
		items := make([]any, v.Len())
		for i := range items {
			items[i] = jsonValue(s.elem, v.Index(i), ts)
		}
		return items
	case kindTime:
		if ts == "" {
			ts = "unixTimestamp"
		}
		text := scalarText(s, v, ts)
		if ts == "unixTimestamp" {
			return json.Number(text)
		}
		return text
	}
	return reflect.Indirect(v).Interface()
}
