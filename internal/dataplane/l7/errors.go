package l7

import "strconv"

// failure is a response that the load balancer makes itself.
type failure struct {
	status int
	// reason is AWS's word for it in access logs, if it has one.
	reason string
	// silent is logged, and not sent: nobody is there.
	silent bool
}

func (f *failure) Error() string { return "answered " + strconv.Itoa(f.status) + " " + f.reason }

// fail makes a failure.
func fail(status int) *failure { return &failure{status: status} }

// phrases are those of AWS's front, where they differ from what it does not say.
var phrases = map[int]string{
	200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 206: "Partial Content",
	301: "Moved Permanently", 302: "Found",
	400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Not Allowed", 408: "Request Time-out",
	409: "Conflict", 410: "Gone", 413: "Request Entity Too Large", 414: "Request-URI Too Large", 429: "Too Many Requests",
	500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Temporarily Unavailable",
	504: "Gateway Time-out", 505: "HTTP Version Not Supported",
}

// page is the body of what the load balancer answers itself: none for the codes
// that are AWS's own.
func page(status int) string {
	p, ok := phrases[status]
	if !ok {
		return ""
	}
	t := strconv.Itoa(status) + " " + p
	return "<html>\r\n<head><title>" + t + "</title></head>\r\n<body>\r\n<center><h1>" + t + "</h1></center>\r\n</body>\r\n</html>\r\n"
}
