// Package ecs is the sandbox's Elastic Container Service: clusters, services
// and task definitions that are read over AWS's protocol, and the course of
// deployments, which a story or a test directs and which gives the events that
// EventBridge would deliver.
//
// The operations are described at
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/Welcome.html.
package ecs
