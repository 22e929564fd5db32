// The mixed workload of dynamodb.real.mjs through aws-sdk-go-v2. Knows its endpoint from AWS_ENDPOINT_URL alone, as applications do.
// Prints one JSON line per HTTP attempt: {operation, input, output, status, code, attempt}, and {"done": true}.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

type line struct {
	Operation string `json:"operation"`
	Input     any    `json:"input"`
	Output    any    `json:"output"`
	Status    int    `json:"status"`
	Code      string `json:"code"`
	Attempt   int    `json:"attempt"`
}

type inputKey struct{}

var (
	attemptOf = regexp.MustCompile(`attempt=(\d+)`)
	output    = json.NewEncoder(os.Stdout)
	outputs   sync.Mutex
)

func keepInput(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
	return next.HandleInitialize(middleware.WithStackValue(ctx, inputKey{}, in.Parameters), in)
}

// Around the deserializer, inside the retries: once per attempt.
func tell(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
	out, metadata, err := next.HandleDeserialize(ctx, in)
	told := line{Operation: awsmiddleware.GetOperationName(ctx), Input: middleware.GetStackValue(ctx, inputKey{}), Output: struct{}{}}
	header := in.Request.(*smithyhttp.Request).Header.Get("Amz-Sdk-Request")
	if found := attemptOf.FindStringSubmatch(header); found != nil {
		told.Attempt, _ = strconv.Atoi(found[1])
	}
	if response, ok := out.RawResponse.(*smithyhttp.Response); ok && response != nil {
		told.Status = response.StatusCode
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		told.Code = api.ErrorCode()
	} else if err == nil {
		told.Output = out.Result
	} else {
		told.Code = err.Error()
	}
	outputs.Lock()
	defer outputs.Unlock()
	if failure := output.Encode(told); failure != nil {
		panic(failure)
	}
	return out, metadata, err
}

func watch(stack *middleware.Stack) error {
	if err := stack.Initialize.Add(middleware.InitializeMiddlewareFunc("KeepInput", keepInput), middleware.Before); err != nil {
		return err
	}
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("Tell", tell), middleware.Before)
}

type attributes = map[string]types.AttributeValue

func text(value string) types.AttributeValue { return &types.AttributeValueMemberS{Value: value} }

func key(i int) attributes { return attributes{"id": text(fmt.Sprintf("order#%d", i))} }

func item(i int) attributes {
	made := key(i)
	made["city"] = text([]string{"Oslo", "Rome"}[i%2])
	made["text"] = text(strings.Repeat(`"{[\ é`, i))
	return made
}

func puts(from, count int) []types.WriteRequest {
	made := []types.WriteRequest{}
	for i := 0; i < count; i++ {
		made = append(made, types.WriteRequest{PutRequest: &types.PutRequest{Item: item(from + i)}})
	}
	return made
}

func main() {
	ctx := context.Background()
	settings, err := config.LoadDefaultConfig(ctx, config.WithRetryMaxAttempts(2))
	if err != nil {
		panic(err)
	}
	// With it Go asks for compressed replies, as it does not of its own.
	client := dynamodb.NewFromConfig(settings, func(options *dynamodb.Options) {
		options.EnableAcceptEncodingGzip = true
		options.APIOptions = append(options.APIOptions, watch)
	})
	run(ctx, client)
	fmt.Println(`{"done": true}`)
}

const total = types.ReturnConsumedCapacityTotal

var (
	orders = aws.String("orders")
	users  = aws.String("users")
	isNew  = aws.String("attribute_not_exists(id)")
)

// Errors are told by the middleware; the workload goes on.
func run(ctx context.Context, client *dynamodb.Client) {
	for _, table := range []*string{orders, users} {
		createTable(ctx, client, table)
	}
	for i := 0; i < 20; i++ {
		asked := []types.ReturnConsumedCapacity{total, types.ReturnConsumedCapacityIndexes}[i%2]
		client.PutItem(ctx, &dynamodb.PutItemInput{TableName: orders, Item: item(i), ReturnConsumedCapacity: asked})
	}
	var gets sync.WaitGroup
	for i := 0; i < 30; i++ {
		gets.Add(1)
		go func() {
			defer gets.Done()
			client.GetItem(ctx, &dynamodb.GetItemInput{TableName: orders, Key: key(i), ReturnConsumedCapacity: total})
		}()
	}
	gets.Wait()
	client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: orders, Key: key(1), UpdateExpression: aws.String("SET n = :n"),
		ExpressionAttributeValues: attributes{":n": &types.AttributeValueMemberN{Value: "1"}},
	})
	client.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: orders, Key: key(0)})
	pages(ctx, client)
	batches(ctx, client)
	transactions(ctx, client)
	statements(ctx, client)
	client.PutItem(ctx, &dynamodb.PutItemInput{TableName: orders, Item: item(1), ConditionExpression: isNew})
	client.GetItem(ctx, &dynamodb.GetItemInput{TableName: aws.String("nowhere"), Key: key(1)})
	client.GetItem(ctx, &dynamodb.GetItemInput{TableName: orders, Key: attributes{"wrong": text("1")}})
	client.ListTables(ctx, &dynamodb.ListTablesInput{})
	client.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: users})
}

func createTable(ctx context.Context, client *dynamodb.Client, table *string) {
	units := &types.ProvisionedThroughput{ReadCapacityUnits: aws.Int64(5), WriteCapacityUnits: aws.Int64(5)}
	hash := func(name string) []types.KeySchemaElement {
		return []types.KeySchemaElement{{AttributeName: aws.String(name), KeyType: types.KeyTypeHash}}
	}
	client.CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName: table,
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String("id"), AttributeType: types.ScalarAttributeTypeS},
			{AttributeName: aws.String("city"), AttributeType: types.ScalarAttributeTypeS},
		},
		KeySchema:             hash("id"),
		ProvisionedThroughput: units,
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{
			IndexName:             aws.String("by_city"),
			KeySchema:             hash("city"),
			Projection:            &types.Projection{ProjectionType: types.ProjectionTypeAll},
			ProvisionedThroughput: units,
		}},
	})
	for i := 0; i < 100; i++ {
		described, err := client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: table})
		if err != nil || described.Table.TableStatus == types.TableStatusActive {
			return
		}
	}
}

func pages(ctx context.Context, client *dynamodb.Client) {
	query := dynamodb.NewQueryPaginator(client, &dynamodb.QueryInput{
		TableName: orders, IndexName: aws.String("by_city"), KeyConditionExpression: aws.String("city = :c"),
		ExpressionAttributeValues: attributes{":c": text("Rome")}, ReturnConsumedCapacity: total, Limit: aws.Int32(3),
	})
	for query.HasMorePages() {
		if _, err := query.NextPage(ctx); err != nil {
			break
		}
	}
	scan := dynamodb.NewScanPaginator(client, &dynamodb.ScanInput{TableName: orders, ReturnConsumedCapacity: total, Limit: aws.Int32(7)})
	for scan.HasMorePages() {
		if _, err := scan.NextPage(ctx); err != nil {
			break
		}
	}
}

func batches(ctx context.Context, client *dynamodb.Client) {
	client.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{
		RequestItems:           map[string][]types.WriteRequest{"orders": puts(100, 10), "users": puts(100, 10)},
		ReturnConsumedCapacity: total,
	})
	keys := types.KeysAndAttributes{Keys: []map[string]types.AttributeValue{key(100), key(101), key(999)}}
	client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{
		RequestItems:           map[string]types.KeysAndAttributes{"orders": keys, "users": keys},
		ReturnConsumedCapacity: total,
	})
	client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{"users": keys}})
}

func transactions(ctx context.Context, client *dynamodb.Client) {
	for _, condition := range []*string{nil, isNew} {
		client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{
			TransactItems: []types.TransactWriteItem{
				{Put: &types.Put{TableName: orders, Item: item(1), ConditionExpression: condition}},
				{Delete: &types.Delete{TableName: users, Key: key(100)}},
			},
			ReturnConsumedCapacity: total,
		})
	}
	client.TransactGetItems(ctx, &dynamodb.TransactGetItemsInput{
		TransactItems: []types.TransactGetItem{
			{Get: &types.Get{TableName: orders, Key: key(1)}},
			{Get: &types.Get{TableName: users, Key: key(9)}},
		},
		ReturnConsumedCapacity: total,
	})
}

func statements(ctx context.Context, client *dynamodb.Client) {
	const selects = `SELECT * FROM "orders" WHERE id = 'p1'`
	const nowhere = `SELECT * FROM "nowhere" WHERE id = 'p1'`
	for _, statement := range []string{
		`INSERT INTO "orders" VALUE {'id': 'p1', 'city': 'Bonn'}`,
		selects,
		`UPDATE "orders" SET city = 'Rome' WHERE id = 'p1'`,
		nowhere,
	} {
		client.ExecuteStatement(ctx, &dynamodb.ExecuteStatementInput{Statement: aws.String(statement)})
	}
	batch := func(texts ...string) {
		made := []types.BatchStatementRequest{}
		for _, statement := range texts {
			made = append(made, types.BatchStatementRequest{Statement: aws.String(statement)})
		}
		client.BatchExecuteStatement(ctx, &dynamodb.BatchExecuteStatementInput{Statements: made})
	}
	batch(`INSERT INTO "users" VALUE {'id': 'p2'}`, `INSERT INTO "orders" VALUE {'id': 'p2'}`)
	batch(selects, nowhere)
	client.ExecuteTransaction(ctx, &dynamodb.ExecuteTransactionInput{
		TransactStatements: []types.ParameterizedStatement{{Statement: aws.String(selects)}},
	})
}
