package ecr

import (
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

type createRepositoryInput struct {
	target
	mutability
	Scanning   *scanning   `json:"imageScanningConfiguration"`
	Encryption *encryption `json:"encryptionConfiguration"`
}

type scanning struct {
	ScanOnPush bool `json:"scanOnPush"`
}

type encryption struct {
	Type string `json:"encryptionType"`
	Key  string `json:"kmsKey,omitempty"`
}

// wireRepository is
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_Repository.html.
type wireRepository struct {
	ARN        string `json:"repositoryArn"`
	RegistryID string `json:"registryId"`
	Name       string `json:"repositoryName"`
	URI        string `json:"repositoryUri"`
	mutability
	CreatedAt  *wire.Time  `json:"createdAt"`
	Scanning   scanning    `json:"imageScanningConfiguration"`
	Encryption *encryption `json:"encryptionConfiguration"`
}

type createRepositoryOutput struct {
	Repository wireRepository `json:"repository"`
}

// createRepository is
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html.
func (r *Registry) createRepository(caller wire.Caller, in createRepositoryInput) (createRepositoryOutput, error) {
	none := createRepositoryOutput{}
	scope, err := registryScope(caller, in.RegistryID)
	if err != nil {
		return none, err
	}
	if scope.Account != caller.Account {
		return none, wire.AccessDenied(caller, "ecr:CreateRepository", scope.ARN("ecr", "repository/"+in.RepositoryName), "resource")
	}
	if err := checkName(in.RepositoryName); err != nil {
		return none, err
	}
	if in.Mode == "" {
		in.Mode = mutable
	}
	if err := in.mutability.check(); err != nil {
		return none, err
	}
	key := repositoryKey{scope, in.RepositoryName}
	if _, ok := r.repositories[key]; ok {
		return none, wire.Errorf("RepositoryAlreadyExistsException",
			"The repository with name '%s' already exists in the registry with id '%s'", key.name, scope.Account)
	}
	repo := newRepository(scope, key.name, r.options.Now())
	repo.mutability, repo.encryption = in.mutability, in.Encryption
	repo.scanOnPush = in.Scanning != nil && in.Scanning.ScanOnPush
	r.repositories[key] = repo
	return createRepositoryOutput{repo.describe()}, nil
}

func (repo *repository) arn() string { return repo.scope.ARN("ecr", "repository/"+repo.name) }

func (repo *repository) describe() wireRepository {
	enc := repo.encryption
	if enc == nil {
		enc = &encryption{Type: "AES256"}
	}
	return wireRepository{
		ARN: repo.arn(), RegistryID: repo.scope.Account, Name: repo.name,
		URI: repo.scope.RegistryHost() + "/" + repo.name, mutability: repo.mutability,
		CreatedAt: wire.At(repo.createdAt), Scanning: scanning{repo.scanOnPush}, Encryption: enc,
	}
}

type describeRepositoriesInput struct {
	RegistryID string   `json:"registryId"`
	Names      []string `json:"repositoryNames"`
	paging
}

// paging is the part of an input that asks for a page.
type paging struct {
	NextToken  string `json:"nextToken"`
	MaxResults *int   `json:"maxResults"`
}

type describeRepositoriesOutput struct {
	Repositories []wireRepository `json:"repositories"`
	NextToken    string           `json:"nextToken,omitempty"`
}

var repositoryPages = wire.Pager[wireRepository]{
	Name: "DescribeRepositories", Max: 1000, Size: 100,
	Key: func(r wireRepository) string { return r.Name },
}

// describeRepositories is
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeRepositories.html.
func (r *Registry) describeRepositories(caller wire.Caller, in describeRepositoriesInput) (describeRepositoriesOutput, error) {
	if in.Names != nil {
		return r.describeNamed(caller, in)
	}
	none := describeRepositoriesOutput{}
	scope, err := registryScope(caller, in.RegistryID)
	if err != nil {
		return none, err
	}
	if !r.allowed(scope.Account, "*", caller.Account) {
		return none, wire.AccessDenied(caller, "ecr:DescribeRepositories", scope.ARN("ecr", "repository/*"), "resource")
	}
	var all []wireRepository
	for key, repo := range r.repositories {
		if key.Scope == scope {
			all = append(all, repo.describe())
		}
	}
	page, next, ok := repositoryPages.Page(all, in.MaxResults, in.NextToken)
	if !ok {
		return none, invalid("Invalid parameter at 'maxResults' or 'nextToken'")
	}
	return describeRepositoriesOutput{page, next}, nil
}

func (r *Registry) describeNamed(caller wire.Caller, in describeRepositoriesInput) (describeRepositoriesOutput, error) {
	out := describeRepositoriesOutput{Repositories: []wireRepository{}}
	if err := checkCount("repositoryNames", len(in.Names)); err != nil {
		return out, err
	}
	if in.MaxResults != nil || in.NextToken != "" {
		return out, invalid("Invalid parameter: 'maxResults' and 'nextToken' cannot be used with 'repositoryNames'")
	}
	for _, name := range in.Names {
		repo, err := r.find(caller, target{in.RegistryID, name}, "DescribeRepositories")
		if err != nil {
			return out, err
		}
		out.Repositories = append(out.Repositories, repo.describe())
	}
	return out, nil
}
