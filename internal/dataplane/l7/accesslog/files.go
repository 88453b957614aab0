package accesslog

import (
	"bufio"
	"errors"
	"os"
	"path"
	"time"
)

// place is what has a file of its own.
type place struct {
	Destination
	connections bool
}

// files are the files that lines go to now. One goroutine owns them.
type files struct {
	o    *Options
	open map[place]*file
}

type file struct {
	f     *os.File // nil if it could not be opened: lines are lost until its end
	w     *bufio.Writer
	end   time.Time
	lines int // that are not flushed
}

// write adds a line and reports how many lines are lost.
func (s *files) write(p place, text []byte, now time.Time) (lost int) {
	f, ok := s.open[p]
	if ok && !now.Before(f.end) {
		lost = s.finish(p, f)
		ok = false
	}
	if !ok {
		f = s.begin(p, now)
		s.open[p] = f
	}
	if f.f == nil {
		return lost + 1
	}
	f.lines++
	if _, err := f.w.Write(text); err != nil {
		return lost + s.fail(p, f, err)
	}
	return lost
}

// begin opens a file. One that fails is tried again in the next period, so that
// a bad name is told of once in five minutes and not per request.
func (s *files) begin(p place, now time.Time) *file {
	f := &file{end: end(now)}
	var err error
	if f.f, err = s.create(p, f.end); err != nil {
		s.o.Log.Error("open access log", "bucket", p.Bucket, "prefix", p.Prefix, "error", err)
		return f
	}
	f.w = bufio.NewWriterSize(f.f, 64<<10)
	return f
}

func (s *files) create(p place, end time.Time) (f *os.File, err error) {
	r, err := random(s.o.Rand)
	if err != nil {
		return nil, err
	}
	key, err := p.key(p.connections, end, r)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(s.o.Dir, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(s.o.Dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	if err := root.MkdirAll(p.Bucket, 0o700); err != nil {
		return nil, err
	}
	bucket, err := root.OpenRoot(p.Bucket)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, bucket.Close()) }()
	if err := bucket.MkdirAll(path.Dir(key), 0o700); err != nil {
		return nil, err
	}
	return bucket.OpenFile(key, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
}

// flush hands lines to the kernel and closes files whose time is over.
func (s *files) flush(now time.Time) (lost int) {
	for p, f := range s.open {
		if !now.Before(f.end) {
			lost += s.finish(p, f)
			continue
		}
		if f.f == nil || f.lines == 0 {
			continue
		}
		if err := f.w.Flush(); err != nil {
			lost += s.fail(p, f, err)
			continue
		}
		f.lines = 0
	}
	return lost
}

func (s *files) finish(p place, f *file) (lost int) {
	delete(s.open, p)
	if f.f == nil {
		return 0
	}
	if err := errors.Join(f.w.Flush(), f.f.Close()); err != nil {
		s.o.Log.Error("write access log", "bucket", p.Bucket, "error", err)
		return f.lines
	}
	return 0
}

// fail gives up a file for its period.
func (s *files) fail(p place, f *file, err error) (lost int) {
	s.o.Log.Error("write access log", "bucket", p.Bucket, "error", errors.Join(err, f.f.Close()))
	lost, f.f, f.w, f.lines = f.lines, nil, nil, 0
	return lost
}

func (s *files) close() error {
	var errs []error
	for p, f := range s.open {
		if f.f != nil {
			errs = append(errs, f.w.Flush(), f.f.Close())
		}
		delete(s.open, p)
	}
	return errors.Join(errs...)
}
