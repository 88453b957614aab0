package tools

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// nslookup stands in for BIND's nslookup where the host has none.
func nslookup(args []string) int {
	qtypes := []uint16{dns.TypeA, dns.TypeAAAA}
	port, timeout, tries := "53", 5*time.Second, 2
	var words []string
	for _, a := range args {
		option, ok := strings.CutPrefix(a, "-")
		if !ok {
			words = append(words, a)
			continue
		}
		name, value, _ := strings.Cut(option, "=")
		switch name {
		case "type", "query", "querytype", "q", "ty":
			kind, ok := dns.StringToType[strings.ToUpper(value)]
			if !ok {
				return fail(1, "unknown query type: %s", value)
			}
			qtypes = []uint16{kind}
		case "port":
			port = value
		case "timeout":
			d, err := time.ParseDuration(value + "s")
			if err != nil {
				return fail(1, "nslookup: bad timeout %s", value)
			}
			timeout = d
		case "retry", "debug", "nodebug":
		default:
			return fail(1, "*** Invalid option: %s (Musubi's stand-in)", option)
		}
	}
	if len(words) == 0 {
		return fail(1, "nslookup: Musubi's stand-in has no interactive mode; usage: nslookup [-type=TYPE] NAME [SERVER]")
	}
	config := resolvConf()
	server, shown := config.Servers[0], config.Servers[0]
	if len(words) > 1 {
		shown = words[1]
		var err error
		if server, err = serverAddress(words[1]); err != nil {
			return fail(1, "nslookup: couldn't get address for '%s': not found", words[1])
		}
	}
	names := config.NameList(words[0])
	if reverse, ok := reverseName(words[0]); ok {
		names, qtypes = []string{reverse}, []uint16{dns.TypePTR}
	}
	q := question{server: server, port: port, timeout: timeout, tries: tries, plain: true}
	return nslookupPrint(q, shown, words[0], names, qtypes)
}

func nslookupPrint(q question, shown, asked string, names []string, qtypes []uint16) int {
	var answers []*dns.Msg
	failure := dns.RcodeNameError
	for _, name := range names {
		answers = nil
		for _, t := range qtypes {
			q.name, q.qtype = name, t
			r, _, err := q.ask()
			if err != nil {
				fmt.Printf(";; communications error to %s#%s: timed out\n;; no servers could be reached\n\n", q.server, q.port)
				return 1
			}
			if failure = r.Rcode; failure != dns.RcodeSuccess {
				break
			}
			answers = append(answers, r)
		}
		if failure == dns.RcodeSuccess {
			break
		}
	}
	fmt.Printf("Server:\t\t%s\nAddress:\t%s#%s\n\n", shown, q.server, q.port)
	if failure != dns.RcodeSuccess {
		if len(names) == 1 && qtypes[0] == dns.TypePTR {
			asked = strings.TrimSuffix(names[0], ".")
		}
		fmt.Printf("** server can't find %s: %s\n\n", asked, dns.RcodeToString[failure])
		return 1
	}
	printed := map[string]bool{}
	for i, r := range answers {
		if i == 0 && !r.Authoritative {
			fmt.Println("Non-authoritative answer:")
		}
		for _, rr := range r.Answer {
			if line := nslookupLine(rr); !printed[line] {
				printed[line] = true
				fmt.Println(line)
			}
		}
	}
	if len(printed) == 0 {
		fmt.Printf("*** Can't find %s: No answer\n", asked)
	}
	fmt.Println()
	return 0
}

func nslookupLine(rr dns.RR) string {
	name := strings.TrimSuffix(rr.Header().Name, ".")
	switch r := rr.(type) {
	case *dns.A:
		return fmt.Sprintf("Name:\t%s\nAddress: %s", name, r.A)
	case *dns.AAAA:
		return fmt.Sprintf("Name:\t%s\nAddress: %s", name, r.AAAA)
	case *dns.CNAME:
		return fmt.Sprintf("%s\tcanonical name = %s", name, r.Target)
	case *dns.PTR:
		return fmt.Sprintf("%s\tname = %s", name, r.Ptr)
	case *dns.MX:
		return fmt.Sprintf("%s\tmail exchanger = %d %s", name, r.Preference, r.Mx)
	case *dns.NS:
		return fmt.Sprintf("%s\tnameserver = %s", name, r.Ns)
	case *dns.TXT:
		return fmt.Sprintf("%s\ttext = %s", name, value(r))
	}
	return fmt.Sprintf("%s\t%s = %s", name, dns.TypeToString[rr.Header().Rrtype], value(rr))
}

// imds asks the metadata service, version 2.
func imds(path string) (string, error) {
	const base = "http://169.254.169.254/latest/"
	client := &http.Client{Timeout: 2 * time.Second}
	get := func(method, url string, header map[string]string) (string, error) {
		req, err := http.NewRequest(method, url, nil)
		if err != nil {
			return "", err
		}
		for k, v := range header {
			req.Header.Set(k, v)
		}
		resp, err := client.Do(req)
		if err != nil {
			return "", err
		}
		defer func() { _ = resp.Body.Close() }()
		body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
		if err == nil && resp.StatusCode != http.StatusOK {
			err = errors.New(resp.Status)
		}
		return string(body), err
	}
	token, err := get(http.MethodPut, base+"api/token", map[string]string{"X-aws-ec2-metadata-token-ttl-seconds": "60"})
	if err != nil {
		return "", err
	}
	return get(http.MethodGet, base+"meta-data/"+path, map[string]string{"X-aws-ec2-metadata-token": token})
}
