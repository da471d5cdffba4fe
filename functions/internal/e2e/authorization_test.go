//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
)

// authorization is what IAM is asked before AWS does something.
type authorization struct {
	Action   string              `json:"action"`
	Resource string              `json:"resource"`
	Context  map[string][]string `json:"context"`
	by       string              // the test whose call it was, or a story here
}

// text tells authorizations apart.
func (a authorization) text() string {
	return fmt.Sprintf("%s on %s with %v", a.Action, a.Resource, a.Context)
}

// batch is what a BatchGetItem reads of a table, or a BatchWriteItem puts into it.
type batch struct {
	Keys []primaryKey
	puts []primaryKey
}

func (b *batch) UnmarshalJSON(text []byte) error {
	var requests []struct{ PutRequest struct{ Item primaryKey } }
	if json.Unmarshal(text, &requests) == nil {
		for _, r := range requests {
			b.puts = append(b.puts, r.PutRequest.Item)
		}
		return nil
	}
	type get batch
	return json.Unmarshal(text, (*get)(b))
}

// parameters are those of the operations' parameters that IAM looks at.
type parameters struct {
	// DynamoDB
	TableName     string
	IndexName     string
	Key, Item     primaryKey
	RequestItems  map[string]batch
	TransactItems []map[string]parameters // by Put, Update, Delete and ConditionCheck

	// ECR
	RegistryID     string `json:"registryId"`
	RepositoryName string `json:"repositoryName"`

	// ECS
	Cluster               string   `json:"cluster"`
	Services              []string `json:"services"`
	Tasks                 []string `json:"tasks"`
	ServiceRevisionARNs   []string `json:"serviceRevisionArns"`
	ServiceDeploymentARNs []string `json:"serviceDeploymentArns"`
	Service               string   `json:"service"`

	// CodePipeline and CodeDeploy
	PipelineName        string `json:"pipelineName"`
	ApplicationName     string `json:"applicationName"`
	DeploymentGroupName string `json:"deploymentGroupName"`

	// EventBridge
	Entries []entry
}

// entry is the part of an event that IAM looks at.
type entry struct{ EventBusName, Source, DetailType string }

// primaryKey is the part of an item that dynamodb:LeadingKeys has.
type primaryKey struct {
	PK struct{ S string } `json:"pk"`
}

// authorizations is what IAM is asked for a call, as the service authorization
// reference has it, see
// https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html.
func authorizations(account string, c sandboxtest.Call) ([]authorization, error) {
	if c.Service == "sts" {
		return assumption(c)
	}
	var p parameters
	if err := json.Unmarshal(c.Body, &p); err != nil {
		return nil, fmt.Errorf("%s:%s: %w", c.Service, c.Operation, err)
	}
	place := place{account, c.Region}
	switch c.Service {
	case "dynamodb":
		return place.dynamodb(c.Operation, p)
	case "ecr":
		if c.Operation == "DescribeRegistry" {
			return ask("ecr:DescribeRegistry", "*"), nil
		}
		if p.RegistryID != "" {
			place.account = p.RegistryID
		}
		return ask("ecr:"+c.Operation, place.arn("ecr", "repository/"+p.RepositoryName)), nil
	case "ecs":
		return place.ecs(c.Operation, p)
	case "codepipeline":
		return place.codepipeline(c.Operation, p)
	case "codedeploy":
		return place.codedeploy(c.Operation, p)
	case "events":
		return place.events(c.Operation, p)
	}
	return nil, fmt.Errorf("%s:%s: say here what IAM is asked for it", c.Service, c.Operation)
}

// assumption is what IAM is asked for a call of STS, whose body is a form.
func assumption(c sandboxtest.Call) ([]authorization, error) {
	form, err := url.ParseQuery(string(c.Body))
	switch {
	case err != nil:
		return nil, fmt.Errorf("sts:%s: %w", c.Operation, err)
	case c.Operation == "GetCallerIdentity":
		return nil, nil // nobody needs a permission for it
	case c.Operation == "AssumeRole":
		return ask("sts:AssumeRole", form.Get("RoleArn")), nil
	}
	return nil, fmt.Errorf("sts:%s: say here what IAM is asked for it", c.Operation)
}

// place is where a call goes.
type place struct{ account, region string }

func (p place) arn(service, resource string) string {
	return fmt.Sprintf("arn:aws:%s:%s:%s:%s", service, p.region, p.account, resource)
}

func ask(action string, resources ...string) (all []authorization) {
	for _, resource := range resources {
		all = append(all, authorization{Action: action, Resource: resource, Context: map[string][]string{}})
	}
	return all
}

func (p place) dynamodb(operation string, in parameters) (all []authorization, err error) {
	with := func(action, table string, keys ...primaryKey) {
		a := ask("dynamodb:"+action, p.arn("dynamodb", "table/"+table))[0]
		for _, key := range keys {
			a.Context["dynamodb:LeadingKeys"] = append(a.Context["dynamodb:LeadingKeys"], key.PK.S)
		}
		all = append(all, a)
	}
	switch operation {
	case "Query":
		resource := "table/" + in.TableName
		if in.IndexName != "" {
			resource += "/index/" + in.IndexName
		}
		return ask("dynamodb:Query", p.arn("dynamodb", resource)), nil
	case "BatchGetItem":
		for table, request := range in.RequestItems {
			with(operation, table, request.Keys...)
		}
	case "BatchWriteItem":
		for table, request := range in.RequestItems {
			with(operation, table, request.puts...)
		}
	case "GetItem", "UpdateItem", "DeleteItem":
		with(operation, in.TableName, in.Key)
	case "PutItem":
		with(operation, in.TableName, in.Item)
	case "TransactWriteItems", "TransactGetItems":
		for _, item := range in.TransactItems {
			for kind, one := range item {
				key := one.Key
				if kind == "Put" {
					key = one.Item
				}
				with(kind+"Item", one.TableName, key)
			}
		}
	default:
		return nil, fmt.Errorf("dynamodb:%s: say here what IAM is asked for it", operation)
	}
	return all, nil
}

func (p place) ecs(operation string, in parameters) (all []authorization, err error) {
	action := "ecs:" + operation
	switch operation {
	case "ListClusters", "DescribeTaskDefinition":
		return ask(action, "*"), nil
	case "ListServices", "ListTasks": // of tasks it would be a container instance, which ours name none of
		all = ask(action, "*")
	case "DescribeServices":
		for _, name := range in.Services {
			all = append(all, ask(action, p.service(in.Cluster, name))...)
		}
	case "ListServiceDeployments":
		all = ask(action, p.service(in.Cluster, in.Service))
	case "DescribeServiceRevisions", "DescribeServiceDeployments":
		for _, arn := range append(in.ServiceRevisionARNs, in.ServiceDeploymentARNs...) {
			all = append(all, ask(action, arn, serviceOf(arn))...)
		}
	case "DescribeTasks":
		for _, task := range in.Tasks {
			if !strings.HasPrefix(task, "arn:") {
				task = p.arn("ecs", "task/"+last(in.Cluster)+"/"+task)
			}
			all = append(all, ask(action, task)...)
		}
	default:
		return nil, fmt.Errorf("ecs:%s: say here what IAM is asked for it", operation)
	}
	for _, a := range all {
		switch operation {
		case "ListServices", "ListTasks", "DescribeTasks", "DescribeServices":
			a.Context["ecs:cluster"] = []string{p.arn("ecs", "cluster/"+last(in.Cluster))}
		}
	}
	return all, nil
}

func (p place) service(cluster, name string) string {
	if strings.HasPrefix(name, "arn:") {
		return name
	}
	return p.arn("ecs", "service/"+last(cluster)+"/"+name)
}

// serviceOf returns the service of a service revision or a service deployment,
// arn:…:service-revision/CLUSTER/SERVICE/ID.
func serviceOf(arn string) string {
	prefix, path, _ := strings.Cut(arn, "/")
	return prefix[:strings.LastIndex(prefix, ":")] + ":service/" + path[:strings.LastIndex(path, "/")]
}

// last returns the name at the end of an ARN, or the name itself.
func last(arn string) string { return arn[strings.LastIndex(arn, "/")+1:] }

func (p place) codepipeline(operation string, in parameters) ([]authorization, error) {
	switch action := "codepipeline:" + operation; operation {
	case "ListActionExecutions", "GetPipelineExecution":
		return ask(action, p.arn("codepipeline", in.PipelineName)), nil
	case "GetJobDetails", "PutJobSuccessResult", "PutJobFailureResult":
		return ask(action, "*"), nil
	}
	return nil, fmt.Errorf("codepipeline:%s: say here what IAM is asked for it", operation)
}

func (p place) codedeploy(operation string, in parameters) ([]authorization, error) {
	switch action := "codedeploy:" + operation; operation {
	case "GetDeployment": // its group, which the call does not name, and no policy either
		return ask(action, p.arn("codedeploy", "deploymentgroup:any/any")), nil
	case "ListDeployments", "GetDeploymentGroup":
		return ask(action, p.arn("codedeploy", "deploymentgroup:"+in.ApplicationName+"/"+in.DeploymentGroupName)), nil
	case "ListDeploymentTargets", "BatchGetDeploymentTargets":
		return ask(action, "*"), nil
	}
	return nil, fmt.Errorf("codedeploy:%s: say here what IAM is asked for it", operation)
}

// events asks for each bus, and about all entries for it at once.
func (p place) events(operation string, in parameters) ([]authorization, error) {
	if operation != "PutEvents" {
		return nil, fmt.Errorf("events:%s: say here what IAM is asked for it", operation)
	}
	buses := map[string]authorization{}
	for _, e := range in.Entries {
		arn := e.EventBusName
		if !strings.HasPrefix(arn, "arn:") {
			arn = p.arn("events", "event-bus/"+arn)
		}
		if _, asked := buses[arn]; !asked {
			buses[arn] = ask("events:PutEvents", arn)[0]
		}
		sources := buses[arn].Context
		sources["events:source"] = append(sources["events:source"], e.Source)
	}
	return slices.Collect(maps.Values(buses)), nil
}
