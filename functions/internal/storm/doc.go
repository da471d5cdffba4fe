// Package storm holds no code but a test: thousands of services complete their rollouts
// within minutes, and a queue hands their events to the deployment function, as it is built
// and configured, while ECR, ECS and DynamoDB give no more than their rates, or nothing at
// all for hours. No event may be lost, and in the end every tag must be right. All of it is
// on virtual time, and what happens follows from a seed, but for what goes side by side.
package storm
