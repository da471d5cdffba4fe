package boot

import (
	"errors"
	"fmt"

	"github.com/tagalong-aws/tagalong/events"
	"github.com/tagalong-aws/tagalong/functions/internal/pattern"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Account is an entry of TAGALONG_ACCOUNTS: an account whose services are
// looked into.
type Account struct {
	ID string `json:"account"`
	// Role is assumed there; it may be missing for our own account.
	Role string `json:"role,omitempty"`
	// Regions that are covered; none means the function's own and, of registries, all.
	Regions []string `json:"regions,omitempty"`
	// Clusters and Repositories are globs of those that we were given there; none is all
	// of them. Repositories are as those of environment rules.
	Clusters     []string `json:"clusters,omitempty"`
	Repositories []string `json:"repositories,omitempty"`
}

var (
	accountID = pattern.Run{Min: 12, Max: 12, Of: pattern.Digits}
	roleARN   = pattern.New(`^arn:aws(?:-[a-z]+)*:iam::(\d{12}):role/[\w+=,.@/-]{1,512}$`)
)

// ParseAccounts reads the JSON of TAGALONG_ACCOUNTS. It reports all problems at
// once, each with the field, the value and what would be right.
func ParseAccounts(raw string) ([]Account, error) {
	accounts, err := tagalong.ParseEntries[Account]("accounts", raw,
		`[{"account":"111122223333","role":"arn:aws:iam::111122223333:role/tagalong","regions":["us-east-1"]}]`)
	if err != nil {
		return nil, err
	}
	var problems []error
	seen := map[string]int{}
	for i, a := range accounts {
		at := fmt.Sprintf("accounts[%d]", i)
		problems = append(problems, a.check(at)...)
		if first, twice := seen[a.ID]; twice {
			problems = append(problems, fmt.Errorf("%s.account %q: listed in accounts[%d] already; want each account once", at, a.ID, first))
			continue
		}
		seen[a.ID] = i
	}
	return accounts, errors.Join(problems...)
}

func (a Account) check(at string) (problems []error) {
	if !accountID.MatchString(a.ID) {
		problems = append(problems, fmt.Errorf("%s.account %q: want 12 digits", at, a.ID))
	}
	role := roleARN.FindStringSubmatch(a.Role)
	switch {
	case a.Role == "":
	case role == nil:
		problems = append(problems, fmt.Errorf("%s.role %q: want the ARN of a role, such as arn:aws:iam::111122223333:role/tagalong", at, a.Role))
	case role[1] != a.ID:
		problems = append(problems, fmt.Errorf("%s.role %q: want a role of account %s", at, a.Role, a.ID))
	}
	for j, region := range a.Regions {
		if !events.IsRegion(region) {
			problems = append(problems, fmt.Errorf("%s.regions[%d] %q: want the name of an AWS Region, such as us-east-1", at, j, region))
		}
	}
	problems = append(problems, tagalong.CheckGlobs(at+".clusters", a.Clusters)...)
	return append(problems, tagalong.CheckGlobs(at+".repositories", a.Repositories)...)
}
