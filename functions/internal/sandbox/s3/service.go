package s3

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

// Options of a service.
type Options struct {
	Now func() time.Time
}

// Service is S3 in all accounts and Regions. It is safe for concurrent use.
type Service struct {
	wire.Faults // Deny, Permit and Throttle

	options Options

	mu      sync.Mutex
	buckets map[string]*bucket // by name, which is unique in the world
	grants  map[string]Grant   // by access key id
}

// bucket holds objects.
type bucket struct {
	account   string // of its owner
	artifacts bool   // it is the artifact store of a pipeline
	key       string // the ARN of the KMS key that an artifact store asks for, "" for any
	objects   map[string]Object
}

// Object is what a bucket keeps under a key.
type Object struct {
	Data        []byte
	ContentType string
	Encryption  string // such as aws:kms, "" for S3's own
	KMSKey      string // as the request named it

	modified time.Time
	checksum checksum // that came with it
}

// Grant is what the credentials of a job may do to artifacts.
type Grant struct {
	AccessKeyID  string
	SessionToken string
	Bucket       string
	Read         []string // keys of objects
	Write        []string
}

// New makes a service without buckets.
func New(options Options) *Service {
	return &Service{options: options, buckets: map[string]*bucket{}, grants: map[string]Grant{}}
}

// CreateBucket makes a bucket that everybody may use, if there is none of that
// name.
func (s *Service) CreateBucket(account, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.create(account, name)
}

func (s *Service) create(account, name string) *bucket {
	b, ok := s.buckets[name]
	if !ok {
		b = &bucket{account: account, objects: map[string]Object{}}
		s.buckets[name] = b
	}
	return b
}

// Keep makes a bucket an artifact store whose objects are encrypted with a KMS
// key, any if its ARN is "".
func (s *Service) Keep(account, name, kmsKey string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.create(account, name)
	b.artifacts, b.key = true, kmsKey
}

// Grant lets credentials into an artifact store.
func (s *Service) Grant(grant Grant) {
	s.mu.Lock()
	defer s.mu.Unlock()
	grant.Read, grant.Write = slices.Clone(grant.Read), slices.Clone(grant.Write)
	s.grants[grant.AccessKeyID] = grant
}

// Put puts an object into a bucket that is there, and asks nobody whether it may.
func (s *Service) Put(name, key string, object Object) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.buckets[name]
	if !ok {
		return fmt.Errorf("bucket %q: there is none of that name", name)
	}
	object.Data, object.modified = bytes.Clone(object.Data), s.options.Now()
	b.objects[key] = object
	return nil
}

// Get gives the object that a bucket keeps under a key. ok is false if it keeps
// none.
func (s *Service) Get(name, key string) (object Object, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.buckets[name]
	if !ok {
		return Object{}, false
	}
	object, ok = b.objects[key]
	object.Data = bytes.Clone(object.Data)
	return object, ok
}
