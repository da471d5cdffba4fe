package dynamo

import (
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// item is a record as it lies in the table. Empty attributes are left out, times are
// texts of one width in UTC.
type item = map[string]types.AttributeValue

// key is an item's primary key.
type key struct {
	PK string `dynamodbav:"pk"`
	SK string `dynamodbav:"sk"`
}

func (k key) item() item { return item{"pk": text(k.PK), "sk": text(k.SK)} }

// indexed are the keys of the two indexes; an item without them is in neither.
type indexed struct {
	GSI1PK string `dynamodbav:"gsi1pk,omitempty"`
	GSI1SK string `dynamodbav:"gsi1sk,omitempty"`
	GSI2PK string `dynamodbav:"gsi2pk,omitempty"`
	GSI2SK string `dynamodbav:"gsi2sk,omitempty"`
}

const (
	beforeAll = " "    // sorts before every character that a key holds
	afterAll  = "\x7f" // sorts behind every character that a key holds
)

// justBefore returns a bound below a sort key that no other key lies between, and
// justBehind one above it: keys are made of printable ASCII without blanks.
func justBefore(sk string) string {
	last := len(sk) - 1
	return sk[:last] + string(sk[last]-1) + afterAll
}

func justBehind(sk string) string { return sk + beforeAll }

// keyOf returns the key of an item that is to be put.
func keyOf(i item) key {
	pk, _ := i["pk"].(*types.AttributeValueMemberS)
	sk, _ := i["sk"].(*types.AttributeValueMemberS)
	return key{pk.Value, sk.Value}
}
