package nft

import (
	"encoding/binary"
	"fmt"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// Attributes that x/sys does not have.
const (
	setDescConcat  = 2  // NFTA_SET_DESC_CONCAT
	setFieldLen    = 1  // NFTA_SET_FIELD_LEN
	setElemKeyEnd  = 10 // NFTA_SET_ELEM_KEY_END
	setFlagConcat  = 0x80
	udataByteOrder = 0 // NFTNL_UDATA_SET_KEYBYTEORDER

	timeoutProtocol = 2  // NFTA_CT_TIMEOUT_L4PROTO
	timeoutData     = 3  // NFTA_CT_TIMEOUT_DATA
	tcpEstablished  = 3  // CTA_TIMEOUT_TCP_ESTABLISHED
	tcpCloseWait    = 5  // CTA_TIMEOUT_TCP_CLOSE_WAIT
	tcpRetransmit   = 10 // CTA_TIMEOUT_TCP_RETRANS
	tcpUnanswered   = 11 // CTA_TIMEOUT_TCP_UNACK
	udpUnreplied    = 1  // CTA_TIMEOUT_UDP_UNREPLIED
	udpReplied      = 2  // CTA_TIMEOUT_UDP_REPLIED
)

// elementBytes is how much of elements goes into one message: the attribute
// that holds them has a 16-bit length.
const elementBytes = 48 << 10

// message is an nf_tables request without its netlink header.
type message struct {
	kind  uint16
	flags uint16
	data  []byte
}

// attributes builds netlink attributes.
type attributes struct{ b []byte }

func (a *attributes) put(t uint16, data []byte) {
	a.b = binary.NativeEndian.AppendUint16(a.b, uint16(4+len(data)))
	a.b = binary.NativeEndian.AppendUint16(a.b, t)
	a.b = append(a.b, data...)
	a.align()
}

func (a *attributes) align() {
	for len(a.b)%4 != 0 {
		a.b = append(a.b, 0)
	}
}

func (a *attributes) text(t uint16, s string) { a.put(t, append([]byte(s), 0)) }

func (a *attributes) u32(t uint16, v uint32) { a.put(t, binary.BigEndian.AppendUint32(nil, v)) }

// nest adds an attribute that holds those that f adds.
func (a *attributes) nest(t uint16, f func()) {
	start := len(a.b)
	a.b = append(a.b, 0, 0, 0, 0)
	f()
	binary.NativeEndian.PutUint16(a.b[start:], uint16(len(a.b)-start))
	binary.NativeEndian.PutUint16(a.b[start+2:], t|unix.NLA_F_NESTED)
}

func request(kind, flags uint16, f func(a *attributes)) message {
	a := &attributes{b: []byte{unix.NFPROTO_INET, unix.NFNETLINK_V0, 0, 0}}
	f(a)
	return message{kind, flags, a.b}
}

func newTable(name string) message {
	return request(unix.NFT_MSG_NEWTABLE, unix.NLM_F_CREATE, func(a *attributes) { a.text(unix.NFTA_TABLE_NAME, name) })
}

func deleteTable(name string) message {
	return request(unix.NFT_MSG_DELTABLE, 0, func(a *attributes) { a.text(unix.NFTA_TABLE_NAME, name) })
}

func newChain(table, name string, h *Hook) message {
	return request(unix.NFT_MSG_NEWCHAIN, unix.NLM_F_CREATE, func(a *attributes) {
		a.text(unix.NFTA_CHAIN_TABLE, table)
		a.text(unix.NFTA_CHAIN_NAME, name)
		if h == nil {
			return
		}
		a.nest(unix.NFTA_CHAIN_HOOK, func() {
			a.u32(unix.NFTA_HOOK_HOOKNUM, uint32(h.Point))
			a.u32(unix.NFTA_HOOK_PRIORITY, uint32(h.Priority))
		})
		// A chain that drops by its policy would do so while the kernel takes it
		// away; Chain.all has a rule instead.
		a.u32(unix.NFTA_CHAIN_POLICY, uint32(Accept.Kind))
		a.text(unix.NFTA_CHAIN_TYPE, h.Type)
	})
}

func deleteChain(table, name string) message {
	return request(unix.NFT_MSG_DELCHAIN, 0, func(a *attributes) {
		a.text(unix.NFTA_CHAIN_TABLE, table)
		a.text(unix.NFTA_CHAIN_NAME, name)
	})
}

func newRule(table, chain string, r Rule) (message, error) {
	var err error
	m := request(unix.NFT_MSG_NEWRULE, unix.NLM_F_CREATE|unix.NLM_F_APPEND, func(a *attributes) {
		a.text(unix.NFTA_RULE_TABLE, table)
		a.text(unix.NFTA_RULE_CHAIN, chain)
		a.nest(unix.NFTA_RULE_EXPRESSIONS, func() {
			for _, e := range r.exprs {
				if bad := a.expression(e); bad != nil {
					err = fmt.Errorf("rule %q: %w", r.text, bad)
				}
			}
		})
	})
	return m, err
}

func (a *attributes) expression(e any) error {
	if r, ok := e.(raw); ok {
		a.nest(unix.NFTA_LIST_ELEM, func() {
			a.text(unix.NFTA_EXPR_NAME, r.name)
			a.nest(unix.NFTA_EXPR_DATA, func() { r.data(a) })
		})
		return nil
	}
	b, err := expr.Marshal(unix.NFPROTO_INET, e.(expr.Any))
	a.put(unix.NFTA_LIST_ELEM|unix.NLA_F_NESTED, b)
	return err
}

// deleteRules removes all rules of a chain; of the table, without one.
func deleteRules(table, chain string) message {
	return request(unix.NFT_MSG_DELRULE, 0, func(a *attributes) {
		a.text(unix.NFTA_RULE_TABLE, table)
		if chain != "" {
			a.text(unix.NFTA_RULE_CHAIN, chain)
		}
	})
}

func newSet(table, name string, id uint32, s *Set) message {
	return request(unix.NFT_MSG_NEWSET, unix.NLM_F_CREATE, func(a *attributes) {
		a.text(unix.NFTA_SET_TABLE, table)
		a.text(unix.NFTA_SET_NAME, name)
		a.u32(unix.NFTA_SET_FLAGS, s.flags())
		a.u32(unix.NFTA_SET_KEY_TYPE, magic(s.Key))
		a.u32(unix.NFTA_SET_KEY_LEN, uint32(length(s.Key)))
		switch {
		case s.Verdicts:
			a.u32(unix.NFTA_SET_DATA_TYPE, unix.NFT_DATA_VERDICT)
		case s.Timeouts:
			a.u32(unix.NFTA_SET_OBJ_TYPE, unix.NFT_OBJECT_CT_TIMEOUT)
		case s.Data != nil:
			a.u32(unix.NFTA_SET_DATA_TYPE, magic(s.Data))
			a.u32(unix.NFTA_SET_DATA_LEN, uint32(length(s.Data)))
		}
		a.u32(unix.NFTA_SET_ID, id)
		if len(s.Key) > 1 {
			a.nest(unix.NFTA_SET_DESC, func() { a.nest(setDescConcat, func() { s.fields(a) }) })
		} else if s.Key[0].host {
			// Only for the nft program, which prints such keys wrongly otherwise.
			a.put(unix.NFTA_SET_USERDATA, append([]byte{udataByteOrder, 4}, U32(1)...))
		}
	})
}

func (s *Set) fields(a *attributes) {
	for _, t := range s.Key {
		a.nest(unix.NFTA_LIST_ELEM, func() { a.u32(setFieldLen, uint32(t.size)) })
	}
}

func (s *Set) flags() (f uint32) {
	if s.Interval {
		f |= unix.NFT_SET_INTERVAL
	}
	if s.Verdicts || s.Data != nil {
		f |= unix.NFT_SET_MAP
	}
	if s.Timeouts {
		f |= unix.NFT_SET_OBJECT
	}
	if len(s.Key) > 1 {
		f |= setFlagConcat
	}
	return f
}

func deleteSet(table, name string) message {
	return request(unix.NFT_MSG_DELSET, 0, func(a *attributes) {
		a.text(unix.NFTA_SET_TABLE, table)
		a.text(unix.NFTA_SET_NAME, name)
	})
}

// newTimeout makes a timeout object; one of the same name stays as it is. A TCP
// connection that one side has closed, or that waits for an answer, idles as one
// that is open does.
func newTimeout(table, name string, t Timeout) message {
	states := []uint16{tcpEstablished, tcpCloseWait, tcpRetransmit, tcpUnanswered}
	if t.Protocol == unix.IPPROTO_UDP {
		states = []uint16{udpUnreplied, udpReplied}
	}
	return request(unix.NFT_MSG_NEWOBJ, unix.NLM_F_CREATE, func(a *attributes) {
		a.text(unix.NFTA_OBJ_TABLE, table)
		a.text(unix.NFTA_OBJ_NAME, name)
		a.u32(unix.NFTA_OBJ_TYPE, unix.NFT_OBJECT_CT_TIMEOUT)
		a.nest(unix.NFTA_OBJ_DATA, func() {
			a.put(timeoutProtocol, []byte{t.Protocol})
			a.nest(timeoutData, func() {
				for _, s := range states {
					a.u32(s, t.Seconds)
				}
			})
		})
	})
}

// flushSet removes all elements.
func flushSet(table, name string) message {
	return request(unix.NFT_MSG_DELSETELEM, 0, func(a *attributes) {
		a.text(unix.NFTA_SET_ELEM_LIST_TABLE, table)
		a.text(unix.NFTA_SET_ELEM_LIST_SET, name)
	})
}

// changeElements adds or deletes elements, in as many messages as it takes.
func changeElements(kind, flags uint16, table, name string, s *Set, list []Element) (out []message) {
	for len(list) > 0 {
		out = append(out, request(kind, flags, func(a *attributes) {
			a.text(unix.NFTA_SET_ELEM_LIST_TABLE, table)
			a.text(unix.NFTA_SET_ELEM_LIST_SET, name)
			a.nest(unix.NFTA_SET_ELEM_LIST_ELEMENTS, func() {
				start := len(a.b)
				for len(list) > 0 && len(a.b)-start < elementBytes {
					a.element(s, list[0], kind == unix.NFT_MSG_NEWSETELEM)
					list = list[1:]
				}
			})
		}))
	}
	return out
}

func (a *attributes) element(s *Set, e Element, value bool) {
	a.nest(unix.NFTA_LIST_ELEM, func() {
		a.nest(unix.NFTA_SET_ELEM_KEY, func() { a.put(unix.NFTA_DATA_VALUE, e.Key) })
		if e.End != nil {
			a.nest(setElemKeyEnd, func() { a.put(unix.NFTA_DATA_VALUE, e.End) })
		}
		switch {
		case !value:
		case s.Verdicts:
			a.nest(unix.NFTA_SET_ELEM_DATA, func() { a.verdict(e.Verdict) })
		case s.Timeouts:
			a.text(unix.NFTA_SET_ELEM_OBJREF, e.Timeout)
		case s.Data != nil:
			a.nest(unix.NFTA_SET_ELEM_DATA, func() { a.put(unix.NFTA_DATA_VALUE, e.Data) })
		}
	})
}

func (a *attributes) verdict(v Verdict) {
	a.nest(unix.NFTA_DATA_VERDICT, func() {
		a.u32(unix.NFTA_VERDICT_CODE, uint32(v.Kind))
		if v.Chain != "" {
			a.text(unix.NFTA_VERDICT_CHAIN, v.Chain)
		}
	})
}
