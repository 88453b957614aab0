package tools

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
)

const digVersion = "9.18.28 (Musubi stand-in)"

// digQuery is one look-up of a command line.
type digQuery struct {
	name  string
	qtype uint16
}

// digOptions are what a command line asks for.
type digOptions struct {
	server, port       string
	queries            []digQuery
	short, search, tcp bool
	noRD, plain        bool
	show               map[string]bool
	timeout            time.Duration
	tries              int
	commandLine        string
}

// dig stands in for BIND's dig where the host has none.
func dig(args []string) int {
	o, err := parseDig(args)
	if err != nil {
		return fail(1, "dig: %v", err)
	}
	config := resolvConf()
	shown := o.server
	if o.server == "" {
		o.server, shown = config.Servers[0], config.Servers[0]
	} else if o.server, err = serverAddress(o.server); err != nil {
		return fail(1, "dig: couldn't get address for '%s': not found", shown)
	}
	code := 0
	for i, q := range o.queries {
		if i > 0 && !o.short {
			fmt.Println()
		}
		if c := o.run(q, shown, config); c != 0 {
			code = c
		}
	}
	return code
}

func parseDig(args []string) (*digOptions, error) {
	o := &digOptions{port: "53", timeout: 5 * time.Second, tries: 3, commandLine: strings.Join(args, " "), show: map[string]bool{
		"cmd": true, "comments": true, "question": true, "answer": true, "authority": true, "additional": true, "stats": true,
	}}
	qtype, q := dns.TypeNone, ""
	flush := func() {
		if q == "" {
			return
		}
		kind := qtype
		if kind == dns.TypeNone {
			kind = dns.TypeA
		}
		o.queries = append(o.queries, digQuery{name: q, qtype: kind})
		q, qtype = "", dns.TypeNone
	}
	next := func(i *int) (string, error) {
		if *i+1 >= len(args) {
			return "", fmt.Errorf("option %s needs a value", args[*i])
		}
		*i++
		return args[*i], nil
	}
	for i := 0; i < len(args); i++ {
		a := args[i]
		var err error
		var v string
		kind, known := dns.StringToType[strings.ToUpper(a)]
		switch {
		case strings.HasPrefix(a, "@"):
			o.server = a[1:]
		case strings.HasPrefix(a, "+"):
			err = o.plus(a[1:])
		case a == "-x":
			if v, err = next(&i); err == nil {
				name, ok := reverseName(v)
				if !ok {
					return nil, fmt.Errorf("%q is no address", v)
				}
				flush()
				o.queries = append(o.queries, digQuery{name: name, qtype: dns.TypePTR})
			}
		case a == "-t":
			if v, err = next(&i); err == nil {
				if qtype, known = dns.StringToType[strings.ToUpper(v)]; !known {
					return nil, fmt.Errorf("unknown type %s", v)
				}
			}
		case a == "-q":
			if v, err = next(&i); err == nil {
				flush()
				q = v
			}
		case a == "-p":
			o.port, err = next(&i)
		case a == "-4" || a == "-6" || strings.EqualFold(a, "IN"):
		case strings.HasPrefix(a, "-"):
			err = fmt.Errorf("this stand-in of Musubi's does not know %s", a)
		case known:
			qtype = kind
		default:
			if q != "" {
				flush()
			}
			q = a
		}
		if err != nil {
			return nil, err
		}
	}
	flush()
	if len(o.queries) == 0 {
		o.queries = []digQuery{{name: ".", qtype: dns.TypeNS}}
	}
	return o, nil
}

// plus reads +[no]name[=value].
func (o *digOptions) plus(word string) error {
	name, value, _ := strings.Cut(word, "=")
	name, no := strings.CutPrefix(name, "no")
	switch name {
	case "short":
		o.short = !no
	case "search":
		o.search = !no
	case "tcp", "vc":
		o.tcp = !no
	case "rec", "recurse":
		o.noRD = no
	case "edns":
		o.plain = no
	case "all":
		for k := range o.show {
			o.show[k] = !no
		}
	case "time", "timeout":
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 {
			return fmt.Errorf("bad value in +%s", word)
		}
		o.timeout = time.Duration(n) * time.Second
	case "tries", "retry":
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 {
			return fmt.Errorf("bad value in +%s", word)
		}
		o.tries = n
		if name == "retry" {
			o.tries++
		}
	default:
		if _, ok := o.show[name]; !ok {
			return fmt.Errorf("this stand-in of Musubi's does not know +%s", word)
		}
		o.show[name] = !no
	}
	return nil
}

func (o *digOptions) run(q digQuery, shown string, config *dns.ClientConfig) int {
	if !o.short && o.show["cmd"] {
		fmt.Printf("\n; <<>> DiG %s <<>> %s\n;; global options: +cmd\n", digVersion, o.commandLine)
	}
	names := []string{q.name}
	if o.search {
		names = config.NameList(q.name)
	}
	var r *dns.Msg
	var rtt time.Duration
	for _, name := range names {
		var err error
		r, rtt, err = question{server: o.server, port: o.port, name: name, qtype: q.qtype, tcp: o.tcp, timeout: o.timeout, tries: o.tries, plain: o.plain, noRD: o.noRD}.ask()
		if err != nil {
			fmt.Printf(";; communications error to %s#%s: timed out\n;; no servers could be reached\n", o.server, o.port)
			return 9
		}
		if r.Rcode == dns.RcodeSuccess {
			break
		}
	}
	if o.short {
		for _, rr := range r.Answer {
			fmt.Println(value(rr))
		}
		return 0
	}
	o.print(r, rtt, shown)
	return 0
}

func (o *digOptions) print(r *dns.Msg, rtt time.Duration, shown string) {
	additional := r.Extra
	var opt *dns.OPT
	if opt = r.IsEdns0(); opt != nil {
		additional = nil
		for _, rr := range r.Extra {
			if rr.Header().Rrtype != dns.TypeOPT {
				additional = append(additional, rr)
			}
		}
	}
	if o.show["comments"] {
		fmt.Printf(";; Got answer:\n;; ->>HEADER<<- opcode: %s, status: %s, id: %d\n", dns.OpcodeToString[r.Opcode], dns.RcodeToString[r.Rcode], r.Id)
		fmt.Printf(";; flags:%s; QUERY: %d, ANSWER: %d, AUTHORITY: %d, ADDITIONAL: %d\n", flags(r), len(r.Question), len(r.Answer), len(r.Ns), len(r.Extra))
		if r.RecursionDesired && !r.RecursionAvailable {
			fmt.Println(";; WARNING: recursion requested but not available")
		}
		fmt.Println()
		if opt != nil {
			fmt.Printf(";; OPT PSEUDOSECTION:\n; EDNS: version: %d, flags:; udp: %d\n", opt.Version(), opt.UDPSize())
		}
	}
	if o.show["question"] {
		fmt.Println(";; QUESTION SECTION:")
		for _, q := range r.Question {
			fmt.Printf(";%s\t\t\t%s\t%s\n", q.Name, dns.ClassToString[q.Qclass], dns.TypeToString[q.Qtype])
		}
		fmt.Println()
	}
	for _, s := range []struct {
		key, title string
		records    []dns.RR
	}{{"answer", "ANSWER", r.Answer}, {"authority", "AUTHORITY", r.Ns}, {"additional", "ADDITIONAL", additional}} {
		if !o.show[s.key] || len(s.records) == 0 {
			continue
		}
		if o.show["comments"] {
			fmt.Printf(";; %s SECTION:\n", s.title)
		}
		for _, rr := range s.records {
			fmt.Println(rr.String())
		}
		if o.show["comments"] {
			fmt.Println()
		}
	}
	if o.show["stats"] {
		network := "UDP"
		if o.tcp {
			network = "TCP"
		}
		fmt.Printf(";; Query time: %d msec\n;; SERVER: %s#%s(%s) (%s)\n;; WHEN: %s\n;; MSG SIZE  rcvd: %d\n\n",
			rtt.Milliseconds(), o.server, o.port, shown, network, time.Now().UTC().Format("Mon Jan 02 15:04:05 MST 2006"), r.Len())
	}
}

func flags(r *dns.Msg) string {
	var s strings.Builder
	for _, f := range []struct {
		name string
		set  bool
	}{{"qr", r.Response}, {"aa", r.Authoritative}, {"tc", r.Truncated}, {"rd", r.RecursionDesired}, {"ra", r.RecursionAvailable}, {"ad", r.AuthenticatedData}, {"cd", r.CheckingDisabled}} {
		if f.set {
			s.WriteString(" " + f.name)
		}
	}
	return s.String()
}

// hostTool stands in for BIND's host.
func hostTool(args []string) int {
	qtypes := []uint16{dns.TypeA, dns.TypeAAAA}
	var words []string
	for i := 0; i < len(args); i++ {
		if args[i] == "-t" && i+1 < len(args) {
			i++
			kind, ok := dns.StringToType[strings.ToUpper(args[i])]
			if !ok {
				return fail(1, "host: invalid type: %s", args[i])
			}
			qtypes = []uint16{kind}
			continue
		}
		if strings.HasPrefix(args[i], "-") {
			return fail(1, "host: Musubi's stand-in does not know %s", args[i])
		}
		words = append(words, args[i])
	}
	if len(words) == 0 {
		return fail(1, "Usage: host [-t type] name [server]")
	}
	config := resolvConf()
	server := config.Servers[0]
	if len(words) > 1 {
		var err error
		if server, err = serverAddress(words[1]); err != nil {
			return fail(1, "host: couldn't get address for '%s': not found", words[1])
		}
	}
	names := config.NameList(words[0])
	if reverse, ok := reverseName(words[0]); ok {
		names, qtypes = []string{reverse}, []uint16{dns.TypePTR}
	}
	return hostPrint(server, words[0], names, qtypes)
}

func hostPrint(server, asked string, names []string, qtypes []uint16) int {
	last := dns.RcodeNameError
	for _, name := range names {
		for _, t := range qtypes {
			r, _, err := question{server: server, port: "53", name: name, qtype: t, timeout: 5 * time.Second, tries: 2, plain: true}.ask()
			if err != nil {
				return fail(1, ";; connection timed out; no servers could be reached")
			}
			if last = r.Rcode; last != dns.RcodeSuccess {
				break
			}
			for _, rr := range r.Answer {
				words := map[uint16]string{
					dns.TypeA: "has address", dns.TypeAAAA: "has IPv6 address", dns.TypeCNAME: "is an alias for", dns.TypePTR: "domain name pointer",
				}[rr.Header().Rrtype]
				if words == "" {
					words = "has " + dns.TypeToString[rr.Header().Rrtype] + " record"
				}
				fmt.Printf("%s %s %s\n", strings.TrimSuffix(rr.Header().Name, "."), words, value(rr))
			}
		}
		if last == dns.RcodeSuccess {
			return 0
		}
	}
	fmt.Printf("Host %s not found: %d(%s)\n", asked, last, dns.RcodeToString[last])
	return 1
}

// ec2Metadata prints what the metadata service says, as Amazon Linux's script
// of that name.
func ec2Metadata(args []string) int {
	wanted := map[string]bool{}
	items := []struct{ flag, long, title, path string }{
		{"-a", "--ami-id", "ami-id", "ami-id"}, {"-i", "--instance-id", "instance-id", "instance-id"},
		{"-t", "--instance-type", "instance-type", "instance-type"}, {"-h", "--local-hostname", "local-hostname", "local-hostname"},
		{"-o", "--local-ipv4", "local-ipv4", "local-ipv4"}, {"-z", "--availability-zone", "placement", "placement/availability-zone"},
		{"-v", "--public-ipv4", "public-ipv4", "public-ipv4"}, {"-s", "--security-groups", "security-groups", "security-groups"},
	}
	for _, a := range args {
		found := a == "--all"
		for _, it := range items {
			if a == it.flag || a == it.long {
				wanted[it.path], found = true, true
			}
		}
		if !found {
			return fail(1, "ec2-metadata: Musubi's stand-in does not know %s", a)
		}
	}
	for _, it := range items {
		if len(wanted) > 0 && !wanted[it.path] {
			continue
		}
		text, err := imds(it.path)
		if err != nil {
			if _, ok := errors.AsType[net.Error](err); ok {
				return fail(1, "[ERROR] Command not valid outside EC2 instance. Please run this command within a running EC2 instance.")
			}
			text = "not available"
		}
		_, _ = fmt.Fprintf(os.Stdout, "%s: %s\n", it.title, text)
	}
	return 0
}
