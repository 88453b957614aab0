package l7

import (
	"crypto/tls"
	"errors"
	"net/http"
	"strconv"
)

// plainPage answers HTTP on a port that speaks TLS, in AWS's words.
const plainPage = "<html>\r\n<head><title>400 The plain HTTP request was sent to HTTPS port</title></head>\r\n<body>\r\n" +
	"<center><h1>400 Bad Request</h1></center>\r\n<center>The plain HTTP request was sent to HTTPS port</center>\r\n" +
	"</body>\r\n</html>\r\n"

// answerPlain tells a client that speaks HTTP where TLS is expected, if that is
// why the handshake failed.
func (c *client) answerPlain(cfg *config, err error) {
	var odd tls.RecordHeaderError
	if !errors.As(err, &odd) || odd.Conn == nil || !isMethod(odd.RecordHeader) {
		return
	}
	dst := appendStatus(nil, http.StatusBadRequest, []byte(phrases[http.StatusBadRequest]))
	if !cfg.noServer {
		dst = append(dst, "Server: awselb/2.0\r\n"...)
	}
	dst = append(append(append(dst, "Date: "...), c.s.date()...), "\r\n"...)
	dst = appendLine(dst, "Content-Type", "text/html")
	dst = appendLine(dst, "Content-Length", strconv.Itoa(len(plainPage)))
	dst = appendLine(dst, "Connection", "close")
	_, _ = odd.Conn.Write(append(append(dst, "\r\n"...), plainPage...))
}

// isMethod reports whether a connection begins like a request's line.
func isMethod(head [5]byte) bool {
	switch string(head[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "OPTIO", "DELET", "PATCH", "CONNE", "TRACE":
		return true
	}
	return false
}
