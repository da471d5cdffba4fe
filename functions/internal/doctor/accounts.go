package doctor

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// maxSkew is what a time such as 2h may be wrong by. AWS itself refuses requests from a
// clock that is five minutes off.
const maxSkew = time.Minute

// clock holds this machine's clock against AWS's.
func (d *Doctor) clock(ctx context.Context, client *sts.Client) []Finding {
	out, err := client.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return []Finding{bad("clock", "this machine", err.Error(), "Look whether the credentials are valid")}
	}
	there, said := awsmiddleware.GetServerTime(out.ResultMetadata)
	here, timed := awsmiddleware.GetResponseAt(out.ResultMetadata)
	if !said || !timed {
		return []Finding{bad("clock", "this machine", "AWS's answer has no time", "Look whether a proxy takes the header Date away")}
	}
	skew := here.Sub(there).Round(time.Second)
	if skew.Abs() > maxSkew {
		return []Finding{bad("clock", "this machine", fmt.Sprintf("is %s off AWS's", skew), "Set the clock: times such as 2h are counted from it")}
	}
	return []Finding{good("clock", "this machine", "as AWS's")}
}

// accounts takes each account's role, and asks ECS in each of its Regions.
func (d *Doctor) accounts(ctx context.Context) (findings []Finding) {
	scopes, err := d.Accounts.Scopes(ctx)
	if err != nil {
		return []Finding{bad("account", "@accounts", err.Error(), "Correct accounts, and apply the Terraform module")}
	}
	for _, scope := range scopes {
		findings = append(findings, d.account(ctx, scope))
	}
	return findings
}

func (d *Doctor) account(ctx context.Context, scope tagalong.Scope) Finding {
	subject := scope.Account + " " + scope.Region
	cfg, err := d.Accounts.Workload(ctx, scope.Account, scope.Region)
	if err != nil {
		return bad("account", subject, err.Error(), "Correct accounts, and apply the Terraform module")
	}
	identity, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return bad("account", subject, err.Error(), "Let the account's role trust these credentials: role_arns of modules/member-account")
	}
	if found := aws.ToString(identity.Account); found != scope.Account {
		return bad("account", subject, "the credentials are those of account "+found, "Take credentials of the account that Tagalong is installed in")
	}
	if _, err := ecs.NewFromConfig(cfg).ListClusters(ctx, &ecs.ListClustersInput{MaxResults: aws.Int32(1)}); err != nil {
		return bad("account", subject, err.Error(), "Allow it to "+aws.ToString(identity.Arn)+", as modules/member-account does; a policy of the organization may deny it")
	}
	return good("account", subject, "asked as "+aws.ToString(identity.Arn))
}
