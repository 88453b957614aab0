package tree

import (
	"fmt"
	"os"
	"strings"
)

// nobody is who owns what belongs to an id that is not mapped.
const nobody = 65534

// idMap are the ids that this user namespace has.
type idMap []struct{ first, count uint64 }

// readMap reads /proc/self/uid_map or gid_map; without one there is only root.
func readMap(path string) idMap {
	var m idMap
	text, err := os.ReadFile(path)
	if err != nil {
		return m
	}
	for line := range strings.Lines(string(text)) {
		var inside, outside, count uint64
		if _, err := fmt.Sscan(line, &inside, &outside, &count); err == nil {
			m = append(m, struct{ first, count uint64 }{inside, count})
		}
	}
	return m
}

func (m idMap) has(id uint64) bool {
	for _, r := range m {
		if id >= r.first && id-r.first < r.count {
			return true
		}
	}
	return false
}

// id is who shall own what belongs to id in the archive: nobody, or where
// there is no such user root, if id does not exist here.
func (m idMap) id(id int) int {
	switch {
	case id >= 0 && m.has(uint64(id)):
		return id
	case m.has(nobody):
		return nobody
	}
	return 0
}
