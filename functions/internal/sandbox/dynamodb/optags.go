package dynamodb

import (
	"maps"
	"slices"
)

const maxTags = 50

type tagResourceInput struct {
	ResourceArn *string
	Tags        []tag
}

type untagResourceInput struct {
	ResourceArn *string
	TagKeys     []string
}

type listTagsOfResourceInput struct {
	ResourceArn *string
	NextToken   *string
}

type listTagsOfResourceOutput struct {
	Tags []tag
}

func checkTags(tags []tag) error {
	for _, one := range tags {
		if n := len(one.Key); n < 1 || n > 128 || len(one.Value) > 256 {
			return validationf("Tag keys must have 1 to 128 characters, values up to 256: %q", one.Key)
		}
	}
	return nil
}

func (s *scope) tagResource(in *tagResourceInput) (*struct{}, error) {
	if err := firstError(required("tags", in.Tags != nil), checkTags(in.Tags)); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.tableOfARN(in.ResourceArn)
	if err != nil {
		return nil, err
	}
	next := maps.Clone(t.settings.tags)
	for _, one := range in.Tags {
		next[one.Key] = one.Value
	}
	if len(next) > maxTags {
		return nil, validationf("Too many tags: %d, at most %d are allowed", len(next), maxTags)
	}
	t.settings.tags = next
	return &struct{}{}, nil
}

func (s *scope) untagResource(in *untagResourceInput) (*struct{}, error) {
	if err := required("tagKeys", in.TagKeys != nil); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.tableOfARN(in.ResourceArn)
	if err != nil {
		return nil, err
	}
	for _, key := range in.TagKeys {
		delete(t.settings.tags, key)
	}
	return &struct{}{}, nil
}

func (s *scope) listTagsOfResource(in *listTagsOfResourceInput) (*listTagsOfResourceOutput, error) {
	if in.NextToken != nil {
		return nil, validationf("NextToken is not one that was given out")
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	t, err := s.tableOfARN(in.ResourceArn)
	if err != nil {
		return nil, err
	}
	out := &listTagsOfResourceOutput{Tags: []tag{}}
	for _, key := range slices.Sorted(maps.Keys(t.settings.tags)) {
		out.Tags = append(out.Tags, tag{key, t.settings.tags[key]})
	}
	return out, nil
}

// tableOfARN finds a table by its ARN. The caller holds the lock.
func (s *scope) tableOfARN(arn *string) (*table, error) {
	if err := required("resourceArn", arn != nil); err != nil {
		return nil, err
	}
	for _, t := range s.tables {
		if t.arn == *arn {
			return t, nil
		}
	}
	return nil, errorf(codeTableNotFound, "Requested resource not found: ResourcArn: %s not found", *arn)
}
