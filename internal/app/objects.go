package app

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// maxObject is the largest object that is read: AWS's limit of a revocation
// list.
const maxObject = 50 << 20

// objectsIn reads objects of S3, which is a directory here: a bucket is a
// directory in it, a key the path of a file in that. Nothing leads out of it,
// neither dots nor links.
func objectsIn(dir string) func(bucket, key string) ([]byte, error) {
	return func(bucket, key string) (data []byte, err error) {
		root, err := os.OpenRoot(dir)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, root.Close()) }()
		f, err := root.Open(filepath.Join(bucket, filepath.FromSlash(key)))
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		info, err := f.Stat()
		if err != nil {
			return nil, err
		}
		if !info.Mode().IsRegular() || info.Size() > maxObject {
			return nil, os.ErrNotExist
		}
		return io.ReadAll(io.LimitReader(f, maxObject))
	}
}

// putObject writes an object of S3, whose bucket is made if it is not there.
func putObject(dir, bucket, key string, data []byte) (err error) {
	name := filepath.Join(bucket, filepath.FromSlash(key))
	if !filepath.IsLocal(bucket) || filepath.Base(bucket) != bucket || bucket == "." || !filepath.IsLocal(name) {
		return fmt.Errorf("s3://%s/%s: no object can be called that", bucket, key)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	if err := root.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	return root.WriteFile(name, data, 0o600)
}
