package sts_test

import (
	"encoding/xml"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sandboxtest"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/sts"
	"github.com/tagalong-aws/tagalong/functions/internal/sandbox/wire"
)

func TestAssumedRoleSpeaksForItsAccount(t *testing.T) {
	s := sandboxtest.Start(t)
	const role = "arn:aws:iam::444455556666:role/path/tagalong-reader"
	client := awssts.NewFromConfig(s.Config())
	config := s.Config()
	config.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(client, role))
	assumed := awssts.NewFromConfig(config)

	_, err := assumed.GetCallerIdentity(t.Context(), &awssts.GetCallerIdentityInput{})
	if code := sandboxtest.Code(err); code != "AccessDenied" {
		t.Errorf("before the role is declared: %v", err)
	}
	s.STS.AddRole(role)
	for range 2 {
		who, err := assumed.GetCallerIdentity(t.Context(), &awssts.GetCallerIdentityInput{})
		if err != nil {
			t.Fatal(err)
		}
		if *who.Account != "444455556666" {
			t.Errorf("account %s", *who.Account)
		}
	}
	if n := len(s.Calls()); n != 4 { // a refused and a granted AssumeRole, two identities
		t.Errorf("%d calls: %+v", n, s.Calls())
	}
}

func TestGetCallerIdentity(t *testing.T) {
	s := sandboxtest.Start(t)
	for account, config := range map[string]aws.Config{"111122223333": s.Config(), "444455556666": s.As("444455556666")} {
		who, err := awssts.NewFromConfig(config).GetCallerIdentity(t.Context(), &awssts.GetCallerIdentityInput{})
		if err != nil || *who.Account != account || *who.Arn != "arn:aws:iam::"+account+":user/sandbox" || len(*who.UserId) != 21 {
			t.Errorf("%+v: %v", who, err)
		}
	}
}

func TestAssumeRole(t *testing.T) {
	s := sandboxtest.Start(t)
	const role = "arn:aws:iam::444455556666:role/path/reader"
	s.STS.AddRole(role)
	client := awssts.NewFromConfig(s.Config())
	out, err := client.AssumeRole(t.Context(), &awssts.AssumeRoleInput{RoleArn: aws.String(role), RoleSessionName: aws.String("me"), ExternalId: aws.String("x1")})
	if err != nil {
		t.Fatal(err)
	}
	if *out.AssumedRoleUser.Arn != "arn:aws:sts::444455556666:assumed-role/reader/me" {
		t.Errorf("arn %s", *out.AssumedRoleUser.Arn)
	}
	if left := time.Until(*out.Credentials.Expiration); left < 59*time.Minute || left > time.Hour {
		t.Errorf("credentials last %s", left) // by the client's clock, which is not the sandbox's
	}
	config := s.Config()
	config.Credentials = credentials.NewStaticCredentialsProvider(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, "another token")
	_, err = awssts.NewFromConfig(config).GetCallerIdentity(t.Context(), &awssts.GetCallerIdentityInput{})
	if code := sandboxtest.Code(err); code != "UnrecognizedClientException" {
		t.Errorf("with another session token: %v", err)
	}
}

func TestAssumeRoleRefuses(t *testing.T) {
	s := sandboxtest.Start(t)
	const role = "arn:aws:iam::444455556666:role/reader"
	s.STS.AddRole(role)
	s.STS.AddRole("something that is no role")
	client := awssts.NewFromConfig(s.Config())
	tests := []struct {
		role, session string
		seconds       *int32
		code          string
	}{
		{"arn:aws:iam::444455556666:role/other", "me", nil, "AccessDenied"},
		{"something that is no role", "me", nil, "AccessDenied"},
		{"short", "me", nil, "ValidationError"},
		{role, "x", nil, "ValidationError"},
		{role, "a b", nil, "ValidationError"},
		{role, "me", aws.Int32(899), "ValidationError"},
		{role, "me", aws.Int32(43201), "ValidationError"},
		{role, "me", aws.Int32(900), ""},
	}
	for _, test := range tests {
		_, err := client.AssumeRole(t.Context(), &awssts.AssumeRoleInput{RoleArn: &test.role, RoleSessionName: &test.session, DurationSeconds: test.seconds})
		if code := sandboxtest.Code(err); code != test.code {
			t.Errorf("%+v: %v", test, err)
		}
	}
	_, err := client.AssumeRole(t.Context(), &awssts.AssumeRoleInput{RoleArn: aws.String(role), RoleSessionName: aws.String("me"), Policy: aws.String("{}")})
	if code := sandboxtest.Code(err); code != "ValidationError" {
		t.Errorf("an unmodelled member: %v", err)
	}
	_, err = client.GetSessionToken(t.Context(), &awssts.GetSessionTokenInput{})
	if code := sandboxtest.Code(err); code != "InvalidAction" {
		t.Errorf("an unmodelled operation: %v", err)
	}
}

func TestCredentialsExpire(t *testing.T) {
	service := sts.New(sts.Options{Account: "111122223333", Now: func() time.Time { return sandboxtest.Epoch }})
	const role = "arn:aws:iam::444455556666:role/reader"
	service.AddRole(role)
	form := url.Values{"Action": {"AssumeRole"}, "Version": {"2011-06-15"}, "RoleArn": {role}, "RoleSessionName": {"me"}}
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKID/20260304/us-east-1/sts/aws4_request, SignedHeaders=host, Signature=00")
	w := httptest.NewRecorder()
	service.ServeHTTP(w, r)
	var reply struct {
		Key   string `xml:"AssumeRoleResult>Credentials>AccessKeyId"`
		Token string `xml:"AssumeRoleResult>Credentials>SessionToken"`
	}
	if err := xml.Unmarshal(w.Body.Bytes(), &reply); err != nil {
		t.Fatal(err)
	}
	credential := wire.Credential{AccessKeyID: reply.Key, SessionToken: reply.Token, Region: "us-east-1", Service: "ecr"}
	caller, err := service.Caller(credential, sandboxtest.Epoch.Add(59*time.Minute))
	if err != nil || caller.Account != "444455556666" {
		t.Errorf("after 59 minutes %+v: %v", caller, err)
	}
	if _, err := service.Caller(credential, sandboxtest.Epoch.Add(time.Hour)); err == nil {
		t.Error("the credentials do not expire")
	}
}
