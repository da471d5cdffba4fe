// Package codedeploy is the sandbox's CodeDeploy, as far as it deploys to ECS:
// applications, deployment groups and deployments that are read over AWS's
// protocol, and the course of blue/green deployments, which a story or a test
// directs, which moves the task sets of the sandbox's ECS, and which gives the
// events that EventBridge would deliver.
//
// The operations are described at
// https://docs.aws.amazon.com/codedeploy/latest/APIReference/Welcome.html.
package codedeploy
