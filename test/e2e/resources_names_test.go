package e2e

import "testing"

func TestNamesResources(t *testing.T) {
	t.Parallel()
	l := newResourceLab(t, "names")
	ca := newIssuer(t)
	for name, serial := range map[string]int64{"a1": 11, "a2": 12} {
		certificate, key := ca.issue(t, serial, "a.example.com")
		l.put(name+".pem", certificate)
		l.put(name+".key", key)
	}
	l.put("ca.pem", ca.pem)
	l.create()
	want := "map[failover:PRIMARY SECONDARY imported:ISSUED issued:true issued_pem:true private:true public:true records:14 regions:ap-northeast-1 us-east-1 weights:0 10 255 zones:3]"
	if got := l.tf.output("found"); got != want {
		t.Errorf("found:\n%s, want\n%s", got, want)
	}
	l.change(0, 0)
	l.remove()
}
