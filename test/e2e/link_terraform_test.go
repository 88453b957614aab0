package e2e

import "testing"

// TestLinkTerraform: a service over TLS under the provider's own name, in another
// account's VPC, as Terraform makes and changes it.
func TestLinkTerraform(t *testing.T) {
	t.Parallel()
	m := start(t)
	tf := m.terraform("testdata/link", nil)
	tf.apply()
	get := func(url string) func() string {
		return func() string {
			out, _ := m.exec("client", "curl -sS -m 4 -w ' %{http_version} %{ssl_verify_result}' "+url+" 2>&1")
			return out
		}
	}
	const url = "https://api.link.test/"
	for _, server := range []string{"server 0", "server 1"} {
		m.says("by the service's name", server, get("--http1.1 "+url))
	}
	m.says("with a certificate that is trusted", " 1.1 0", get("--http1.1 "+url))
	name := tf.output("name")
	m.says("by the endpoint's name", "SSL", get("https://"+name+"/"))
	m.says("by the endpoint's name, for the service's", "server", get("--http1.1 --connect-to api.link.test:443:"+name+":443 "+url))
	tf.planIsEmpty()

	tf.apply("alpn=HTTP1Only", "let_in=false")
	m.says("a group without rules", "timed out", get(url))
	tf.apply("alpn=HTTP1Only", "private_name=false")
	tf.planIsEmpty("alpn=HTTP1Only", "private_name=false")
	m.says("no private name", "Could not resolve host", get(url))
	m.says("by the endpoint's name still, with HTTP/1.1 alone", " 1.1 0", get("--connect-to api.link.test:443:"+name+":443 "+url))
	tf.destroy()
}
