package ecr_test

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecr "github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

func excluded(patterns ...string) []types.ImageTagMutabilityExclusionFilter {
	var filters []types.ImageTagMutabilityExclusionFilter
	for _, p := range patterns {
		filters = append(filters, types.ImageTagMutabilityExclusionFilter{FilterType: "WILDCARD", Filter: &p})
	}
	return filters
}

func TestCreateRepository(t *testing.T) {
	w := newWorld(t)
	in := &awsecr.CreateRepositoryInput{
		RepositoryName: aws.String("team/web"), ImageTagMutability: types.ImageTagMutabilityImmutableWithExclusion,
		ImageTagMutabilityExclusionFilters: excluded("prod*", "staging"),
		ImageScanningConfiguration:         &types.ImageScanningConfiguration{ScanOnPush: true},
	}
	out, err := w.client.CreateRepository(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	r := out.Repository
	if *r.RepositoryArn != "arn:aws:ecr:us-east-1:111122223333:repository/team/web" ||
		*r.RepositoryUri != "111122223333.dkr.ecr.us-east-1.amazonaws.com/team/web" ||
		!r.CreatedAt.Equal(sandboxtest.Epoch) || len(r.ImageTagMutabilityExclusionFilters) != 2 || !r.ImageScanningConfiguration.ScanOnPush {
		t.Errorf("repository %+v", r)
	}
	_, err = w.client.CreateRepository(t.Context(), in)
	wantCode(t, err, "RepositoryAlreadyExistsException", "The repository with name 'team/web' already exists in the registry with id '111122223333'")
	in.RepositoryName = aws.String("Team")
	_, err = w.client.CreateRepository(t.Context(), in)
	wantCode(t, err, "InvalidParameterException", "repositoryName")
	_, err = w.client.CreateRepository(t.Context(), &awsecr.CreateRepositoryInput{RepositoryName: aws.String("x1"), Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}})
	wantCode(t, err, "ValidationException", `"tags" is not known to the sandbox`)
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
		_, err := w.client.PutImageTagMutability(t.Context(), &awsecr.PutImageTagMutabilityInput{
			RepositoryName: name, ImageTagMutability: test.mode, ImageTagMutabilityExclusionFilters: excluded(test.filters...),
		})
		wantCode(t, err, test.code, "")
		if err == nil {
			out, err := w.client.DescribeRepositories(t.Context(), &awsecr.DescribeRepositoriesInput{RepositoryNames: []string{"app"}})
			if err != nil || out.Repositories[0].ImageTagMutability != test.mode || len(out.Repositories[0].ImageTagMutabilityExclusionFilters) != len(test.filters) {
				t.Errorf("%s: %+v: %v", test.mode, out, err)
			}
		}
	}
	if w.repo.SetMutability("FROZEN") == nil {
		t.Error("an unknown setting was taken")
	}
}

func TestDescribeRepositories(t *testing.T) {
	w := newWorld(t)
	for i := range 4 {
		w.ECR.Repository(wire.Scope{}, fmt.Sprintf("team/r%d", i))
	}
	w.ECR.Repository(wire.Scope{Region: "eu-west-1"}, "elsewhere")
	var names []string
	pages := awsecr.NewDescribeRepositoriesPaginator(w.client, &awsecr.DescribeRepositoriesInput{MaxResults: aws.Int32(2)})
	for pages.HasMorePages() {
		out, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range out.Repositories {
			names = append(names, *r.RepositoryName)
		}
	}
	if fmt.Sprint(names) != "[app team/r0 team/r1 team/r2 team/r3]" {
		t.Errorf("repositories %v", names)
	}
	_, err := w.client.DescribeRepositories(t.Context(), &awsecr.DescribeRepositoriesInput{RepositoryNames: []string{"app", "elsewhere"}})
	wantCode(t, err, "RepositoryNotFoundException", "elsewhere")
	_, err = w.client.DescribeRepositories(t.Context(), &awsecr.DescribeRepositoriesInput{RepositoryNames: []string{"app"}, MaxResults: aws.Int32(1)})
	wantCode(t, err, "InvalidParameterException", "")
	_, err = w.client.DescribeRepositories(t.Context(), &awsecr.DescribeRepositoriesInput{MaxResults: aws.Int32(0)})
	wantCode(t, err, "InvalidParameterException", "")
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
	_, err = other.CreateRepository(t.Context(), &awsecr.CreateRepositoryInput{RegistryId: aws.String("111122223333"), RepositoryName: aws.String("mine")})
	wantCode(t, err, "AccessDeniedException", "")
	_, err = other.DescribeRepositories(t.Context(), &awsecr.DescribeRepositoriesInput{RegistryId: aws.String("111122223333")})
	wantCode(t, err, "AccessDeniedException", "")
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
