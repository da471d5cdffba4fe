package ecr_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecr "github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
)

func excluded(patterns ...string) []types.ImageTagMutabilityExclusionFilter {
	var filters []types.ImageTagMutabilityExclusionFilter
	for _, p := range patterns {
		filters = append(filters, types.ImageTagMutabilityExclusionFilter{FilterType: "WILDCARD", Filter: &p})
	}
	return filters
}

func TestMutabilitySettings(t *testing.T) {
	w := newWorld(t)
	tests := []struct {
		mode    types.ImageTagMutability
		filters []string
		code    string
	}{
		{types.ImageTagMutabilityMutable, nil, ""},
		{types.ImageTagMutabilityImmutable, nil, ""},
		{types.ImageTagMutabilityImmutable, []string{"a"}, "InvalidParameterException"},
		{types.ImageTagMutabilityImmutableWithExclusion, nil, "InvalidParameterException"},
		{types.ImageTagMutabilityMutableWithExclusion, []string{"a*b*"}, ""},
		{types.ImageTagMutabilityMutableWithExclusion, []string{"*a*b*"}, "InvalidParameterException"},
		{types.ImageTagMutabilityMutableWithExclusion, []string{"a/b"}, "InvalidParameterException"},
		{types.ImageTagMutabilityMutableWithExclusion, []string{"a", "b", "c", "d", "e", "f"}, "InvalidParameterException"},
		{"FROZEN", nil, "InvalidParameterException"},
	}
	for _, test := range tests {
		out, err := w.client.PutImageTagMutability(t.Context(), &awsecr.PutImageTagMutabilityInput{
			RepositoryName: name, ImageTagMutability: test.mode, ImageTagMutabilityExclusionFilters: excluded(test.filters...),
		})
		wantCode(t, err, test.code, "")
		if err == nil && (out.ImageTagMutability != test.mode || len(out.ImageTagMutabilityExclusionFilters) != len(test.filters)) {
			t.Errorf("%s: %+v", test.mode, out)
		}
	}
	if w.repo.SetMutability("FROZEN") == nil {
		t.Error("an unknown setting was taken")
	}
}

func TestOtherAccounts(t *testing.T) {
	w := newWorld(t)
	w.push("v1", "v1")
	other := awsecr.NewFromConfig(w.As("444455556666"))
	get := func() error {
		_, err := other.BatchGetImage(t.Context(), &awsecr.BatchGetImageInput{
			RegistryId: aws.String("111122223333"), RepositoryName: name, ImageIds: []types.ImageIdentifier{byTag("v1")},
		})
		return err
	}
	wantCode(t, get(), "AccessDeniedException", "arn:aws:iam::444455556666:user/sandbox is not authorized to perform: ecr:BatchGetImage on resource: arn:aws:ecr:us-east-1:111122223333:repository/app")
	w.ECR.Allow("111122223333", "other", "444455556666")
	wantCode(t, get(), "AccessDeniedException", "")
	w.ECR.Allow("111122223333", "app", "444455556666")
	wantCode(t, get(), "", "")

	_, err := other.BatchGetImage(t.Context(), &awsecr.BatchGetImageInput{RepositoryName: name, ImageIds: []types.ImageIdentifier{byTag("v1")}})
	wantCode(t, err, "RepositoryNotFoundException", "444455556666")
}

func TestFaults(t *testing.T) {
	w := newWorld(t)
	w.push("v1", "v1")
	get := func(c *awsecr.Client) error {
		_, err := c.BatchGetImage(t.Context(), &awsecr.BatchGetImageInput{RepositoryName: name, ImageIds: []types.ImageIdentifier{byTag("v1")}})
		return err
	}
	w.ECR.Throttle("BatchGetImage", 2)
	wantCode(t, get(w.client), "ThrottlingException", "Rate exceeded")
	wantCode(t, get(w.client), "ThrottlingException", "Rate exceeded")
	wantCode(t, get(w.client), "", "")
	w.ECR.Deny("BatchGetImage", "444455556666")
	wantCode(t, get(w.client), "", "")
	w.ECR.Deny("BatchGetImage")
	wantCode(t, get(w.client), "AccessDeniedException", "not authorized to perform: ecr:BatchGetImage")
	w.ECR.Permit("BatchGetImage")
	wantCode(t, get(w.client), "", "")
}
