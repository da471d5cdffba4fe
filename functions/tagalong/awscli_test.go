package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// asking is one operation as the AWS CLI asks for it, and as it stands on the wire.
type asking struct {
	name   string
	args   []string // of aws
	target string   // X-Amz-Target; "" for STS, which speaks the Query protocol
	body   any
	want   []string // in the answer
}

// askings look at the story's end, and put a tag by hand.
func askings(st *stage) []asking {
	const ecr, ecs, dynamoDB = "AmazonEC2ContainerRegistry_V20150921.", "AmazonEC2ContainerServiceV20141113.", "DynamoDB_20120810."
	revision := st.prod.Primary().RevisionARN()
	service := "SVC#" + account + "/" + region + "/prod-cluster/" + repository
	condition, values := "pk = :pk", map[string]any{":pk": map[string]any{"S": service}}
	prod := string(st.images.Tag("prod"))
	return []asking{
		{
			"who is asking", []string{"sts", "get-caller-identity"},
			"", "Action=GetCallerIdentity&Version=2011-06-15", []string{account},
		}, {
			"the image of a tag", []string{"ecr", "batch-get-image", "--repository-name", repository, "--image-ids", "imageTag=prod", "--accepted-media-types", ociIndex},
			ecr + "BatchGetImage", map[string]any{"repositoryName": repository, "imageIds": []any{map[string]any{"imageTag": "prod"}}, "acceptedMediaTypes": []any{ociIndex}}, []string{prod, ociIndex},
		}, {
			"a service", []string{"ecs", "describe-services", "--cluster", "prod-cluster", "--services", repository},
			ecs + "DescribeServices", map[string]any{"cluster": "prod-cluster", "services": []any{repository}}, []string{"ecs-svc/" + build42, "ACTIVE"},
		}, {
			"a service revision", []string{"ecs", "describe-service-revisions", "--service-revision-arns", revision},
			ecs + "DescribeServiceRevisions", map[string]any{"serviceRevisionArns": []any{revision}}, []string{prod, "sha256:cdd0da87d069"},
		}, {
			"what the ledger knows of a service", []string{"dynamodb", "query", "--table-name", sandboxTable, "--key-condition-expression", condition, "--expression-attribute-values", encode(values)},
			dynamoDB + "Query", map[string]any{"TableName": sandboxTable, "KeyConditionExpression": condition, "ExpressionAttributeValues": values}, []string{service, "ecs-svc/" + build43, "completed", "failed"},
		},
	}
}

// putting puts an image's manifest under another tag.
func putting(manifest, tag string) asking {
	return asking{
		"another tag", []string{"ecr", "put-image", "--repository-name", repository, "--image-tag", tag, "--image-manifest-media-type", ociIndex, "--image-manifest", manifest},
		"AmazonEC2ContainerRegistry_V20150921.PutImage", map[string]any{"repositoryName": repository, "imageTag": tag, "imageManifestMediaType": ociIndex, "imageManifest": manifest}, []string{tag, "sha256:"},
	}
}

func encode(value any) string {
	raw, err := json.Marshal(value)
	if err != nil {
		panic(err) // it is a literal of this file
	}
	return string(raw)
}

func TestTheAWSCLIWorksAgainstTheSandbox(t *testing.T) {
	st, url := sandboxed(t, "told")
	t.Setenv("AWS_PAGER", "")
	t.Run("as on the wire", func(t *testing.T) {
		askAll(t, st, "by-http", func(a asking) (string, error) { return a.overHTTP(t.Context(), url) })
	})
	if out, err := exec.Command("aws", "--version").CombinedOutput(); err != nil {
		t.Logf("NOT TESTED WITH THE AWS CLI: \"aws --version\" says %v. The same requests were made over HTTP instead. %s", err, out)
		return
	}
	t.Run("with the AWS CLI", func(t *testing.T) {
		askAll(t, st, "by-cli", func(a asking) (string, error) { return a.withCLI(t.Context()) })
	})
}

// askAll asks everything at once, and then puts a tag and sees it.
func askAll(t *testing.T, st *stage, tag string, ask func(asking) (string, error)) {
	all := askings(st)
	answers, errs := make([]string, len(all)), make([]error, len(all))
	var wait sync.WaitGroup
	for i, a := range all {
		wait.Go(func() { answers[i], errs[i] = ask(a) })
	}
	wait.Wait()
	var image string
	for i, a := range all {
		a.check(t, answers[i], errs[i])
		if a.args[1] == "batch-get-image" {
			image = answers[i]
		}
	}
	put := putting(manifestIn(t, image), tag)
	answer, err := ask(put)
	put.check(t, answer, err)
	if got, want := st.images.Tag(tag), st.images.Tag("prod"); got != want {
		t.Errorf("tag %s is on %q, want %s", tag, got, want)
	}
}

func (a asking) check(t *testing.T, answer string, err error) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", a.name, err)
		return
	}
	for _, want := range a.want {
		if !strings.Contains(answer, want) {
			t.Errorf("%s: no %q in %s", a.name, want, answer)
		}
	}
}

func manifestIn(t *testing.T, answer string) string {
	t.Helper()
	var got struct {
		Images []struct{ ImageManifest string }
	}
	if err := json.Unmarshal([]byte(answer), &got); err != nil || len(got.Images) != 1 || got.Images[0].ImageManifest == "" {
		t.Fatalf("%v: no manifest in %s", err, answer)
	}
	return got.Images[0].ImageManifest
}

func (a asking) withCLI(ctx context.Context) (string, error) {
	command := exec.CommandContext(ctx, "aws", append(a.args, "--output", "json")...)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("aws %s: %w\n%s", strings.Join(a.args, " "), err, &stderr)
	}
	return string(out), nil
}

func (a asking) overHTTP(ctx context.Context, url string) (string, error) {
	request, err := a.request(ctx, url)
	if err != nil {
		return "", err
	}
	reply, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer reply.Body.Close()
	answer, err := io.ReadAll(reply.Body)
	if err == nil && reply.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d: %s", reply.StatusCode, answer)
	}
	return string(answer), err
}

// request is the operation on the wire: a form for STS, else JSON.
func (a asking) request(ctx context.Context, url string) (*http.Request, error) {
	body, form := a.body.(string)
	contentType := "application/x-www-form-urlencoded"
	switch {
	case form:
	case a.args[0] == "dynamodb":
		body, contentType = encode(a.body), "application/x-amz-json-1.0"
	default:
		body, contentType = encode(a.body), "application/x-amz-json-1.1"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", contentType)
	request.Header.Set("X-Amz-Date", "20260304T112100Z")
	request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=SANDBOX/20260304/"+region+"/"+a.args[0]+"/aws4_request, SignedHeaders=host, Signature=00")
	if a.target != "" {
		request.Header.Set("X-Amz-Target", a.target)
	}
	return request, nil
}
