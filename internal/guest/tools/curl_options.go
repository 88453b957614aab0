package tools

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// curlOptions are what a command line of curl asks for.
type curlOptions struct {
	urls                                   []string
	outputs                                []string // -o, in the order of the URLs
	remoteName                             bool
	silent, showError, verbose, fail       bool
	failWithBody                           bool
	head, include, insecure, follow        bool
	get, only4, only6, http1, retryRefuse  bool
	method, agent, user, referer, writeOut string
	headers, data, resolve                 []string
	hasData                                bool
	maxTime, connectTimeout, retryDelay    time.Duration
	retry, maxRedirects                    int
	cacert                                 string
}

// curlFlag is an option: with says that it takes a value.
type curlFlag struct {
	with bool
	set  func(o *curlOptions, value string) error
}

func toggle(f func(o *curlOptions)) curlFlag {
	return curlFlag{set: func(o *curlOptions, _ string) error { f(o); return nil }}
}

func valued(f func(o *curlOptions, v string) error) curlFlag { return curlFlag{with: true, set: f} }

func text(field func(o *curlOptions) *string) curlFlag {
	return valued(func(o *curlOptions, v string) error { *field(o) = v; return nil })
}

func list(field func(o *curlOptions) *[]string) curlFlag {
	return valued(func(o *curlOptions, v string) error { *field(o) = append(*field(o), v); return nil })
}

func seconds(field func(o *curlOptions) *time.Duration) curlFlag {
	return valued(func(o *curlOptions, v string) error {
		s, err := strconv.ParseFloat(v, 64)
		if err != nil || s < 0 {
			return fmt.Errorf("expected a proper numerical parameter")
		}
		*field(o) = time.Duration(s * float64(time.Second))
		return nil
	})
}

func number(field func(o *curlOptions) *int) curlFlag {
	return valued(func(o *curlOptions, v string) (err error) {
		if *field(o), err = strconv.Atoi(v); err != nil {
			return fmt.Errorf("expected a proper numerical parameter")
		}
		return nil
	})
}

func body(raw bool) curlFlag {
	return valued(func(o *curlOptions, v string) error {
		if name, ok := strings.CutPrefix(v, "@"); ok {
			data, err := readFrom(name)
			if err != nil {
				return err
			}
			v = string(data)
			if !raw {
				v = strings.NewReplacer("\r", "", "\n", "").Replace(v)
			}
		}
		o.data, o.hasData = append(o.data, v), true
		return nil
	})
}

func readFrom(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(os.Stdin)
	}
	return os.ReadFile(name)
}

// curlFlags are the options that the stand-in carries out, by long name.
func curlFlags() map[string]curlFlag {
	return map[string]curlFlag{
		"silent": toggle(func(o *curlOptions) { o.silent = true }), "show-error": toggle(func(o *curlOptions) { o.showError = true }),
		"verbose": toggle(func(o *curlOptions) { o.verbose = true }), "fail": toggle(func(o *curlOptions) { o.fail = true }),
		"fail-with-body": toggle(func(o *curlOptions) { o.failWithBody = true }), "head": toggle(func(o *curlOptions) { o.head = true }),
		"include": toggle(func(o *curlOptions) { o.include = true }), "insecure": toggle(func(o *curlOptions) { o.insecure = true }),
		"location": toggle(func(o *curlOptions) { o.follow = true }), "get": toggle(func(o *curlOptions) { o.get = true }),
		"ipv4": toggle(func(o *curlOptions) { o.only4 = true }), "ipv6": toggle(func(o *curlOptions) { o.only6 = true }),
		"http1.1": toggle(func(o *curlOptions) { o.http1 = true }), "remote-name": toggle(func(o *curlOptions) { o.remoteName = true }),
		"no-buffer": toggle(func(*curlOptions) {}), "no-progress-meter": toggle(func(*curlOptions) {}),
		"no-keepalive": toggle(func(*curlOptions) {}), "disable": toggle(func(*curlOptions) {}),
		"retry-connrefused": toggle(func(o *curlOptions) { o.retryRefuse = true }),
		"output":            list(func(o *curlOptions) *[]string { return &o.outputs }),
		"header":            list(func(o *curlOptions) *[]string { return &o.headers }),
		"resolve":           list(func(o *curlOptions) *[]string { return &o.resolve }),
		"url":               list(func(o *curlOptions) *[]string { return &o.urls }),
		"request":           text(func(o *curlOptions) *string { return &o.method }),
		"user-agent":        text(func(o *curlOptions) *string { return &o.agent }),
		"user":              text(func(o *curlOptions) *string { return &o.user }),
		"referer":           text(func(o *curlOptions) *string { return &o.referer }),
		"write-out":         text(func(o *curlOptions) *string { return &o.writeOut }),
		"cacert":            text(func(o *curlOptions) *string { return &o.cacert }),
		"max-time":          seconds(func(o *curlOptions) *time.Duration { return &o.maxTime }),
		"connect-timeout":   seconds(func(o *curlOptions) *time.Duration { return &o.connectTimeout }),
		"retry-delay":       seconds(func(o *curlOptions) *time.Duration { return &o.retryDelay }),
		"retry":             number(func(o *curlOptions) *int { return &o.retry }),
		"max-redirs":        number(func(o *curlOptions) *int { return &o.maxRedirects }),
		"data":              body(false), "data-ascii": body(false), "data-binary": body(true),
		"data-raw": valued(func(o *curlOptions, v string) error { o.data, o.hasData = append(o.data, v), true; return nil }),
	}
}

// curlShort maps the letters to the names.
const curlShort = "s=silent S=show-error v=verbose f=fail I=head i=include k=insecure L=location G=get 4=ipv4 6=ipv6 " +
	"O=remote-name N=no-buffer q=disable o=output H=header X=request A=user-agent u=user e=referer w=write-out m=max-time d=data"

func shortNames() map[byte]string {
	names := map[byte]string{}
	for _, pair := range strings.Fields(curlShort) {
		names[pair[0]] = pair[2:]
	}
	return names
}

// parseCurl reads a command line; an option that is not carried out is refused.
func parseCurl(args []string) (*curlOptions, error) {
	o := &curlOptions{maxRedirects: 50, agent: "curl/8.5.0"}
	flags, short := curlFlags(), shortNames()
	take := func(name, shown, attached string, has bool, i *int) error {
		f, ok := flags[name]
		if !ok {
			return fmt.Errorf("option %s: is unknown to Musubi's stand-in for curl", shown)
		}
		value := ""
		if f.with {
			switch {
			case has:
				value = attached
			case *i+1 < len(args):
				*i++
				value = args[*i]
			default:
				return fmt.Errorf("option %s: requires parameter", shown)
			}
		}
		if err := f.set(o, value); err != nil {
			return fmt.Errorf("option %s: %w", shown, err)
		}
		return nil
	}
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case strings.HasPrefix(a, "--") && len(a) > 2:
			name, value, has := strings.Cut(a[2:], "=")
			if err := take(name, "--"+name, value, has, &i); err != nil {
				return nil, err
			}
		case strings.HasPrefix(a, "-") && len(a) > 1:
			for j := 1; j < len(a); j++ {
				name := short[a[j]]
				rest := a[j+1:]
				if err := take(name, "-"+a[j:j+1], rest, rest != "", &i); err != nil {
					return nil, err
				}
				if flags[name].with {
					break
				}
			}
		default:
			o.urls = append(o.urls, a)
		}
	}
	return o, nil
}
