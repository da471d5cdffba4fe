package tagalong_test

import "github.com/tagalong-aws/tagalong/functions/internal/tagalong"

const (
	home = "111122223333.dkr.ecr.us-east-1.amazonaws.com"
	away = "444455556666.dkr.ecr.eu-west-1.amazonaws.com"
)

var (
	shopAPI = tagalong.Repository{Registry: home, Name: "shop/api"}
	prodAPI = tagalong.Service{Account: "111122223333", Region: "us-east-1", Cluster: "prod", Name: "api"}
)
