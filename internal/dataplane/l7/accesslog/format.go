package accesslog

// Append appends the line, with its end.
func (e *Entry) Append(b []byte) []byte { return b }

// Append appends the line, with its end.
func (c *Connection) Append(b []byte) []byte { return b }
