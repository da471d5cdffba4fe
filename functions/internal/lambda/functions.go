// Package lambda asks AWS Lambda which images its functions are made of. Of a function's
// configuration it keeps nothing else: environment variables hold secrets.
package lambda

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/tagalong-aws/tagalong/functions/internal/clients"
	"github.com/tagalong-aws/tagalong/functions/internal/sweep"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// Functions are those of all accounts and Regions that the configurations reach. It is safe for
// concurrent use.
type Functions struct {
	clients *clients.Clients[lambda.Client]
}

var _ sweep.Functions = (*Functions)(nil)

// New makes Functions; clients are made when they are first needed.
func New(configs clients.Configs) *Functions {
	return &Functions{clients.New(configs, lambda.NewFromConfig)}
}

// latest is the version that is invoked where none is named.
const latest = "$LATEST"

// FunctionNames implements sweep.Functions. Without a version Lambda lists $LATEST of each; the
// package type is that of all versions.
// https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctions.html
func (f *Functions) FunctionNames(ctx context.Context, s tagalong.Scope) (names []string, err error) {
	client, err := f.clients.Of(ctx, s.Account, s.Region)
	if err != nil {
		return nil, err
	}
	pages := lambda.NewListFunctionsPaginator(client, &lambda.ListFunctionsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, translate("functions of "+s.String(), err)
		}
		for _, one := range page.Functions {
			if one.PackageType == types.PackageTypeImage {
				names = append(names, aws.ToString(one.FunctionName))
			}
		}
	}
	slices.Sort(names)
	return names, nil
}

// Function implements sweep.Functions, by one call for the aliases and one for each version.
func (f *Functions) Function(ctx context.Context, of tagalong.Service) (state sweep.FunctionState, err error) {
	client, err := f.clients.Of(ctx, of.Account, of.Region)
	if err != nil {
		return sweep.FunctionState{}, err
	}
	versions, err := invocable(ctx, client, of)
	if err != nil {
		return sweep.FunctionState{}, err
	}
	for _, version := range versions {
		v, unsettled, err := versionOf(ctx, client, of, version)
		if err != nil {
			return sweep.FunctionState{}, err
		}
		state.Versions, state.Unsettled = append(state.Versions, v), state.Unsettled || unsettled
	}
	return state, nil
}

// invocable returns $LATEST and the versions that aliases lead to, each once, sorted.
// https://docs.aws.amazon.com/lambda/latest/api/API_AliasConfiguration.html
func invocable(ctx context.Context, client *lambda.Client, of tagalong.Service) ([]string, error) {
	versions := map[string]bool{latest: true}
	pages := lambda.NewListAliasesPaginator(client, &lambda.ListAliasesInput{FunctionName: aws.String(of.OwnName())})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, translate("aliases of "+of.OwnName(), err)
		}
		for _, alias := range page.Aliases {
			versions[aws.ToString(alias.FunctionVersion)] = true
			if routing := alias.RoutingConfig; routing != nil {
				for version, weight := range routing.AdditionalVersionWeights {
					versions[version] = versions[version] || weight > 0
				}
			}
		}
	}
	maps.DeleteFunc(versions, func(_ string, invoked bool) bool { return !invoked })
	return slices.Sorted(maps.Keys(versions)), nil
}

// versionOf reads what one version is made of. Lambda has resolved its image's tag as the code
// was set, and does not do it again: https://docs.aws.amazon.com/lambda/latest/api/API_FunctionCodeLocation.html.
func versionOf(ctx context.Context, client *lambda.Client, of tagalong.Service, version string) (v sweep.FunctionVersion, unsettled bool, err error) {
	out, err := client.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: aws.String(of.OwnName()), Qualifier: &version})
	if err != nil {
		return v, false, translate("version "+version+" of "+of.OwnName(), err)
	}
	if out.Code == nil || out.Configuration == nil {
		return v, false, fmt.Errorf("version %s of %s: the reply names no code", version, of.OwnName())
	}
	resolved, err := tagalong.ParseImage(aws.ToString(out.Code.ResolvedImageUri))
	if err != nil || resolved.Digest == "" {
		return v, false, fmt.Errorf("version %s of %s: image %q: want REPOSITORY@DIGEST", version, of.OwnName(), aws.ToString(out.Code.ResolvedImageUri))
	}
	v = sweep.FunctionVersion{Name: version, Image: tagalong.Ran{Image: namedImage(out.Code), Digest: resolved.Digest}}
	if version == latest {
		v.Since = parseModified(aws.ToString(out.Configuration.LastModified))
		unsettled = out.Configuration.LastUpdateStatus != "" && out.Configuration.LastUpdateStatus != types.LastUpdateStatusSuccessful
	}
	return v, unsettled, nil
}

// namedImage is the image as the function names it, where that is of the resolved digest.
func namedImage(code *types.FunctionCodeLocation) string {
	named := aws.ToString(code.ImageUri)
	if image, err := tagalong.ParseImage(named); err == nil && image.Digest == "" && named != "" {
		return named
	}
	return aws.ToString(code.ResolvedImageUri)
}

// parseModified reads when a version became what it is; of what is not legible the zero time.
func parseModified(text string) time.Time {
	at, err := time.Parse("2006-01-02T15:04:05.999-0700", text)
	if err != nil {
		return time.Time{}
	}
	return at.UTC()
}

// kinds are the error codes that the core has words for.
var kinds = map[string]error{
	"AccessDeniedException":     tagalong.ErrDenied,
	"ResourceNotFoundException": tagalong.ErrNotFound,
}

// translate returns an error of the SDK with the core's word for it.
func translate(what string, err error) error {
	return clients.Translate(what, err, func(code string) error { return kinds[code] })
}
